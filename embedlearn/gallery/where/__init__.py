"""Conditions on a gallery's columns, such as view == 'PA' and source != 'nih' and 60 <= age < 80.

A condition is read from text without running any of it, and is answered in memory by a mask or in a database by SQL,
both alike. Its logic has two values: what is missing (null, or NaN) equals nothing, so that ==, <, <=, >, >= and
`in` do not hold for it, while != and `not in` do.
"""

from embedlearn.gallery.where.conditions import And, Compare, Condition, Not, Or
from embedlearn.gallery.where.reading import parse_condition
from embedlearn.gallery.where.values import Value

__all__ = ["And", "Compare", "Condition", "Not", "Or", "Value", "parse_condition"]
