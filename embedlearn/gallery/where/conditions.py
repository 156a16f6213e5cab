"""What a case must meet, as small values: comparisons, and what joins them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from embedlearn.errors import ArgumentError
from embedlearn.gallery.where.values import DENIALS, OPERATORS, ORDERS, Mask, Value, fitted, holds


class Condition(ABC):
    """What a case must meet. Conditions are joined by `And`, `Or` and `Not`, or written as a & b, a | b, ~a."""

    @abstractmethod
    def columns(self) -> set[str]:
        """The columns that it asks about."""

    @abstractmethod
    def mask(self, table: pa.Table) -> Mask:
        """Whether each row meets it, bool [N]. Raises `ArgumentError` as `check` does."""

    @abstractmethod
    def sql(self) -> tuple[str, list[Any]]:
        """An expression of PostgreSQL that is true or false, never null, and the parameters for its %s.

        Take it of what `check` returned: there the values have their columns' types.
        """

    @abstractmethod
    def rewrite(self, change: Callable[[Compare], Condition]) -> Condition:
        """The same condition with every comparison changed."""

    def check(self, schema: pa.Schema, flag: str = "where") -> Condition:
        """The condition with its values in the types of the columns: dates from ISO strings, floats from integers.

        Raises `ArgumentError` for a column that is not there or a value that the column cannot hold.
        """
        return self.rewrite(lambda compare: compare.fit(schema, flag))

    def replace_values(self, values_of: Callable[[str, Value], Sequence[Value]]) -> Condition:
        """The condition with each value, None apart, as the values that `values_of(column, value)` gives instead.

        So patient == 'p7' becomes patient in (token, token). Raises `ArgumentError` where a changed value is asked
        for its order (<, <=, >, >=).
        """

        def change(compare: Compare) -> Condition:
            many = compare.value if isinstance(compare.value, tuple) else (compare.value,)
            new = tuple(one for old in many for one in ([None] if old is None else values_of(compare.column, old)))
            if new == many:
                return compare
            if compare.op in ORDERS:
                raise ArgumentError(
                    f"where: {compare.column} is kept as tokens, which have no order; "
                    f"wanted ==, !=, in or not in, got {compare.op}"
                )
            return Compare(compare.column, "not in" if compare.op in DENIALS else "in", new)

        return self.rewrite(change)

    def __and__(self, other: Condition) -> Condition:
        return And((self, other))

    def __or__(self, other: Condition) -> Condition:
        return Or((self, other))

    def __invert__(self) -> Condition:
        return Not(self)


@dataclass(frozen=True)
class Compare(Condition):
    """One column against a constant: `op` is ==, !=, <, <=, >, >=, or `in`, `not in` with a tuple of constants.

    == None and != None ask whether the value is missing. Raises `ArgumentError` for another operator, or one that
    does not go with the value.
    """

    column: str
    op: str
    value: Value | tuple[Value, ...]

    def __post_init__(self) -> None:
        if self.op not in OPERATORS:
            raise ArgumentError(f"where: {self.column} {self.op}: wanted one of {', '.join(OPERATORS)}")
        if (self.op in ("in", "not in")) != isinstance(self.value, tuple):
            raise ArgumentError(
                f"where: {self.column} {self.op} {self.value!r}: in wants a tuple, the others one value"
            )
        if self.value is None and self.op not in ("==", "!="):
            raise ArgumentError(f"where: {self.column} {self.op} None: what is missing has no order; wanted == or !=")

    def columns(self) -> set[str]:
        return {self.column}

    def mask(self, table: pa.Table) -> Mask:
        fitted = self.fit(table.schema)
        chunks = table.column(self.column).chunks
        return np.concatenate([np.empty(0, bool), *(holds(chunk, fitted.op, fitted.value) for chunk in chunks)])

    def sql(self) -> tuple[str, list[Any]]:
        if self.op in DENIALS:
            text, values = replace(self, op=DENIALS[self.op]).sql()
            return f"NOT {text}", values
        name = '"' + self.column.replace('"', '""').replace("%", "%%") + '"'  # a lone % would be a placeholder
        if self.value is None:
            return f"({name} IS NULL)", []
        if isinstance(self.value, tuple):
            missing = "IS NULL OR" if None in self.value else "IS NOT NULL AND"
            return f"({name} {missing} {name} = ANY(%s))", [[one for one in self.value if one is not None]]
        return f"({name} IS NOT NULL AND {name} {self.op.replace('==', '=')} %s)", [self.value]

    def rewrite(self, change: Callable[[Compare], Condition]) -> Condition:
        return change(self)

    def fit(self, schema: pa.Schema, flag: str = "where") -> Compare:
        """The same comparison with its value in the column's type. Raises `ArgumentError`; see `check`."""
        place = schema.get_field_index(self.column)
        if place < 0:
            raise ArgumentError(f"{flag}: there is no column {self.column}; wanted one of {', '.join(schema.names)}")
        kind = schema.field(place).type
        if isinstance(self.value, tuple):
            return replace(self, value=tuple(fitted(one, self.column, self.op, kind, flag) for one in self.value))
        return replace(self, value=fitted(self.value, self.column, self.op, kind, flag))


@dataclass(frozen=True)
class _Several(Condition):
    """Conditions that are joined."""

    parts: tuple[Condition, ...]

    def columns(self) -> set[str]:
        return {name for part in self.parts for name in part.columns()}

    def rewrite(self, change: Callable[[Compare], Condition]) -> Condition:
        return type(self)(tuple(part.rewrite(change) for part in self.parts))


class And(_Several):
    """All of its parts hold."""

    def mask(self, table: pa.Table) -> Mask:
        met = np.ones(len(table), bool)
        for part in self.parts:
            met &= part.mask(table)
        return met

    def sql(self) -> tuple[str, list[Any]]:
        return _joined(self.parts, " AND ", "true")


class Or(_Several):
    """At least one of its parts holds."""

    def mask(self, table: pa.Table) -> Mask:
        met = np.zeros(len(table), bool)
        for part in self.parts:
            met |= part.mask(table)
        return met

    def sql(self) -> tuple[str, list[Any]]:
        return _joined(self.parts, " OR ", "false")


@dataclass(frozen=True)
class Not(Condition):
    """Its part does not hold."""

    part: Condition

    def columns(self) -> set[str]:
        return self.part.columns()

    def mask(self, table: pa.Table) -> Mask:
        return ~self.part.mask(table)

    def sql(self) -> tuple[str, list[Any]]:
        text, values = self.part.sql()
        return f"NOT {text}", values

    def rewrite(self, change: Callable[[Compare], Condition]) -> Condition:
        return Not(self.part.rewrite(change))


def _joined(parts: Sequence[Condition], word: str, empty: str) -> tuple[str, list[Any]]:
    written = [part.sql() for part in parts]
    text = word.join(text for text, _ in written) or empty
    return f"({text})", [value for _, values in written for value in values]
