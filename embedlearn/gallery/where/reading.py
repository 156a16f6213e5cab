"""Reading a condition: Python's notation, of which only comparisons are let through and nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import pairwise

from embedlearn.errors import ArgumentError
from embedlearn.gallery.where.conditions import And, Compare, Condition, Not, Or
from embedlearn.gallery.where.values import Value

ALLOWED = (
    "wanted columns compared by ==, !=, <, <=, >, >=, in or not in with strings, numbers, True, False, None "
    "or lists of these, joined by and, or, not: view == 'PA' and age >= 60"
)
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WRITTEN = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def parse_condition(text: str, flag: str = "--where") -> Condition:
    """The condition that `text` writes in Python's notation. Raises `ArgumentError` for anything else in it."""
    try:
        return _Reader(text.strip(), flag).read(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, ArgumentError):
            raise
        reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
        raise ArgumentError(f"{flag} {text!r}: cannot be read ({reason}); {ALLOWED}") from None


@dataclass(frozen=True)
class _Reader:
    """Turns Python's syntax tree of `text` into a condition."""

    text: str
    flag: str

    def read(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return And(tuple(self.read(part) for part in parts))
            case ast.BoolOp(values=parts):
                return Or(tuple(self.read(part) for part in parts))
            case ast.UnaryOp(op=ast.Not(), operand=part):
                inner = self.read(part)
                return inner.part if isinstance(inner, Not) else Not(inner)
            case ast.Name(id=name):
                return Compare(name, "==", True)
            case ast.Compare(left=left, ops=operators, comparators=others):
                links = zip(operators, pairwise((left, *others)), strict=True)
                found = tuple(self.compare(*pair, operator, node) for operator, pair in links)
                return found[0] if len(found) == 1 else And(found)
        raise self.refusal(node)

    def compare(self, left: ast.expr, right: ast.expr, operator: ast.cmpop, whole: ast.expr) -> Condition:
        op = _WRITTEN.get(type(operator), "is")
        if isinstance(right, ast.Name):
            left, right, op = right, left, _MIRRORED.get(op, "is")
        if not isinstance(left, ast.Name) or isinstance(right, ast.Name) or op == "is":
            raise self.refusal(whole)
        value = self.constant(right)
        if (op in ("in", "not in")) != isinstance(value, tuple) or (value is None and op not in ("==", "!=")):
            raise self.refusal(whole)
        return Compare(left.id, op, value)

    def constant(self, node: ast.expr) -> Value | tuple[Value, ...]:
        match node:
            case ast.Constant(value=str() | int() | float() | None as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                values = tuple(self.constant(item) for item in items)
                if not any(isinstance(value, tuple) for value in values):
                    return values  # type: ignore[return-value]  # there is no tuple among them
        raise self.refusal(node)

    def refusal(self, node: ast.expr) -> ArgumentError:
        place = len(self.text.encode()[: node.col_offset].decode()) + 1
        part = ast.get_source_segment(self.text, node)
        return ArgumentError(f"{self.flag} {self.text!r}: {part!r} (character {place}) is not allowed; {ALLOWED}")
