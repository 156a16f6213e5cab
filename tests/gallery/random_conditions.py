"""Random tables and conditions, and the plain reading of a condition, a row at a time."""

import operator
from datetime import date, datetime
from random import Random

import pyarrow as pa

from embedlearn.gallery.where import And, Compare, Condition, Not, Or

LETTERS = ["PA", "AP", "it's", '100%s "x"', "", "Ä", "z", "\\", "🩻"]
DOMAINS = {
    "view": LETTERS,
    "label": LETTERS,
    'a "strange" % name': LETTERS,
    "age": [-3, 0, 1, 59, 60, 61, 2**62, -(2**63)],
    "dose": [-1.5, -0.0, 0.0, 0.1, 2.0, 60.5, 1e300, float("inf")],
    "portable": [True, False],
    "day": [date(1970, 1, 1), date(2019, 12, 31), date(2020, 2, 29)],
    "taken": [datetime(2020, 2, 29), datetime(2020, 2, 29, 23, 59, 59, 999999), datetime(1969, 1, 1)],
}
TYPES = {
    "age": pa.int64(),
    "dose": pa.float64(),
    "portable": pa.bool_(),
    "day": pa.date32(),
    "taken": pa.timestamp("us"),
}
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def random_table(rng: Random, rows: int) -> pa.Table:
    """Columns of every type that a gallery keeps, a fifth of the values missing, `label` encoded as a dictionary."""
    columns = {
        name: pa.array([rng.choice(domain) if rng.random() < 0.8 else None for _ in range(rows)], TYPES.get(name))
        for name, domain in DOMAINS.items()
    }
    columns["label"] = columns["label"].dictionary_encode()
    return pa.table(columns)


def random_condition(rng: Random, depth: int = 3) -> Condition:
    """And, Or and Not over comparisons whose values fit their columns; dates sometimes as text."""
    shape = rng.choice(["and", "or", "not", "compare"]) if depth else "compare"
    if shape == "not":
        return Not(random_condition(rng, depth - 1))
    if shape != "compare":
        parts = tuple(random_condition(rng, depth - 1) for _ in range(rng.randint(0, 3)))
        return And(parts) if shape == "and" else Or(parts)
    name = rng.choice(list(DOMAINS))
    op = rng.choice(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
    if op in ("in", "not in"):
        return Compare(name, op, tuple(_value(rng, name, op) for _ in range(rng.randint(0, 3))))
    return Compare(name, op, _value(rng, name, op))


def _value(rng: Random, name: str, op: str):
    if op not in ORDERS and rng.random() < 0.15:
        return None
    value = rng.choice(DOMAINS[name])
    if name == "age" and op in ORDERS and rng.random() < 0.5:
        return rng.choice([59.5, 60.0, -2.5])
    return value.isoformat() if isinstance(value, date) and rng.random() < 0.5 else value


def meets(condition: Condition, row: dict) -> bool:
    """Whether one row, as plain Python values, meets the condition."""
    match condition:
        case And(parts=parts):
            return all(meets(part, row) for part in parts)
        case Or(parts=parts):
            return any(meets(part, row) for part in parts)
        case Not(part=part):
            return not meets(part, row)
        case Compare(column=column, op=op, value=value):
            values = [_plain(one, column) for one in (value if isinstance(value, tuple) else (value,))]
            held = row[column]
            if op in ("==", "in"):
                return held in values
            if op in ("!=", "not in"):
                return held not in values
            return held is not None and ORDERS[op](held, values[0])
    raise AssertionError(condition)


def _plain(value, column: str):
    kind = {"day": date, "taken": datetime}.get(column)
    return kind.fromisoformat(value) if kind and isinstance(value, str) else value
