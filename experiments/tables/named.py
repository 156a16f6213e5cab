"""The tables by name: the stored file that each is made from, and the command that makes this file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embedlearn.errors import ArgumentError, StorageError
from experiments.tables import audit, benchmarks, check, fewshot, overview, retrieval, rows, transfer
from experiments.tables.store import Store

FEW_SHOT = "python -m embedlearn.fewshot --shots 5 --heads all"
TRANSFER = "python -m experiments.transfer --data FOLDER"
BENCHMARK = "python -m experiments.benchmarks.{name} --json experiments/results/benchmarks/{name}.json"


@dataclass(frozen=True)
class Made:
    """How a table is made: from which file of the store ("" where it minds several), which a command makes."""

    file: str
    command: str
    make: Callable[[Store], str]


FIXED = {
    "rows": Made("", "", overview.table_of_rows),
    "few-shot": Made(fewshot.FILE, FEW_SHOT, fewshot.inductive),
    "few-shot/heads": Made(fewshot.FILE, FEW_SHOT, fewshot.all_heads),
    "few-shot/shots": Made(fewshot.FILE, FEW_SHOT, fewshot.by_shots),
    "transfer": Made(transfer.FILE, TRANSFER, transfer.default),
    "transfer/shots": Made(transfer.FILE, TRANSFER, transfer.by_shots),
    "transfer/configs": Made(transfer.FILE, TRANSFER, transfer.configs),
    "retrieval": Made(retrieval.FILE, "python -m experiments.retrieval --run RUN", retrieval.nearest),
    "audit": Made(audit.FILE, "python -m embedlearn.audit DATA --out audit", audit.probes),
    "check": Made(check.FILE, "python -m embedlearn.explain check --run RUN", check.verdicts),
    "benchmarks": Made("", "", benchmarks.all_measured),
}


def make(name: str, store: Store) -> str:
    """The table of that name. Where its file is not stored, a line that says so and how to make it.

    Raises `ArgumentError` for an unknown name, `StorageError` and `CheckpointError` for a damaged file.
    """
    made = _find(name, store)
    if made.file and not store.has(made.file):
        return f"Not run here: `{made.command}` makes it."
    try:
        return made.make(store)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, ArgumentError):
            raise
        where = store.results / made.file
        raise StorageError(f"{where}: holds no table {name} ({error!r}); make it again: {made.command}") from error


def table_names(store: Store) -> list[str]:
    """Every name that has a table."""
    benches = [f"benchmarks/{name}" for name in benchmarks.names(store)]
    return [*FIXED, *(f"rows/{name}" for name in store.row_names()), *benches]


def _find(name: str, store: Store) -> Made:
    if name in FIXED:
        return FIXED[name]
    kind, _, rest = name.partition("/")
    if kind == "rows" and rest in store.row_names():
        return Made("", f"python -m experiments.run {rest}", lambda store: rows.table_of_row(store, rest))
    if kind == "benchmarks" and rest in benchmarks.names(store):
        file = benchmarks.FILE.format(name=rest)
        return Made(file, BENCHMARK.format(name=rest), lambda store: benchmarks.measured(store, rest))
    raise ArgumentError(f"{name}: there is no such table; wanted one of {', '.join(table_names(store))}")
