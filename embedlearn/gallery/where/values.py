"""One column against one constant: bringing the constant to the column's type, and comparing."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError

Value = str | int | float | bool | date | None  # a datetime is a date
Mask = NDArray[np.bool_]

ORDERS = ("<", "<=", ">", ">=")
OPERATORS = ("==", "!=", *ORDERS, "in", "not in")
DENIALS = {"!=": "==", "not in": "in"}
_KERNELS = {"==": pc.equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}


def holds(column: pa.Array, op: str, value: Any) -> Mask:
    """Whether each value of `column` meets the comparison, missing ones included, bool [N]."""
    if pa.types.is_dictionary(column.type):  # once for every value that occurs, and once for the missing ones
        met = np.append(holds(column.dictionary, op, value), holds(pa.nulls(1), op, value))
        codes = column.indices
        if codes.null_count:
            codes = codes.cast(pa.int64()).fill_null(len(met) - 1)
        return np.asarray(met[codes.to_numpy()])
    if op in DENIALS:
        return ~holds(column, DENIALS[op], value)
    wanted = value if isinstance(value, tuple) else (value,)
    known = [one for one in wanted if one is not None]
    met = np.zeros(len(column), bool)
    if None in wanted:
        met |= _as_mask(column.is_null(nan_is_null=True))
    if known and column.null_count < len(column):
        if pa.types.is_floating(column.type):
            column = column.cast(pa.float64())  # lest Arrow round the constants instead
            known += [-one for one in known if one == 0]  # 0.0 and -0.0 are equal, but not to Arrow's hash table
        met |= _as_mask(
            pc.is_in(column, value_set=pa.array(known)) if op == "in" else _KERNELS[op](column, pa.scalar(known[0]))
        )
    return met


def _as_mask(found: pa.BooleanArray) -> Mask:
    return np.asarray(found.fill_null(False).to_numpy(zero_copy_only=False))


def fitted(value: Value, column: str, op: str, kind: pa.DataType, flag: str) -> Value:
    """`value` as a column of the Arrow type `kind` holds it. Raises `ArgumentError` where it cannot."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if value is None or pa.types.is_null(kind):
        return value
    for is_kind, words, convert in _KINDS:
        if is_kind(kind):
            try:
                return convert(value, kind, op)
            except (TypeError, ValueError, OverflowError):
                raise ArgumentError(f"{flag}: {column} holds {words}; got {value!r}") from None
    raise ArgumentError(f"{flag}: {column} is of type {kind}, which nothing can be compared with")


def _as_text(value: Value, _kind: pa.DataType, _op: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # a lone surrogate is in no file
    return value


def _as_flag(value: Value, _kind: pa.DataType, _op: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _as_number(value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise TypeError
    return value


def _as_integer(value: Value, _kind: pa.DataType, op: str) -> int:
    """The whole number that asks the same of whole numbers: below 60.5 is below 61, up to 60.5 is up to 60."""
    number = _as_number(value)
    whole = math.ceil(number) if op in ("<", ">=") else math.floor(number)
    if not -(2**63) <= whole < 2**63 or (whole != number and op in ("==", "!=", "in", "not in")):
        raise ValueError
    return whole


def _as_float(value: Value, _kind: pa.DataType, _op: str) -> float:
    return float(_as_number(value))


def _as_date(value: Value, _kind: pa.DataType, _op: str) -> date:
    if isinstance(value, datetime) or not isinstance(value, str | date):
        raise TypeError
    return date.fromisoformat(value) if isinstance(value, str) else value


def _as_moment(value: Value, kind: pa.DataType, _op: str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())  # type: ignore[arg-type]  # what is no date raises
    if kind.unit == "ns" and not 1678 <= moment.year < 2262:
        raise ValueError
    if kind.tz is None and moment.tzinfo is not None:
        raise ValueError
    return moment.replace(tzinfo=UTC) if kind.tz and moment.tzinfo is None else moment


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str, Callable[[Value, pa.DataType, str], Value]], ...] = (
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), "text, such as 'PA'", _as_text),
    (pa.types.is_boolean, "True or False", _as_flag),
    (lambda kind: pa.types.is_integer(kind) and kind != pa.uint64(), "whole numbers, such as 60", _as_integer),
    (pa.types.is_floating, "numbers, such as 60.5", _as_float),
    (pa.types.is_date, "dates, such as '2020-03-31'", _as_date),
    (pa.types.is_timestamp, "times, such as '2020-03-31 12:00'", _as_moment),
)
