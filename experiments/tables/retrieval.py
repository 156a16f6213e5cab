"""What the nearest films share with a film: the disease, or the hospital."""

from __future__ import annotations

from collections.abc import Mapping

from embedlearn.pages.numbers import number
from experiments.tables.markdown import score, table
from experiments.tables.store import Store

FILE, FORM = "retrieval.json", "embedlearn-stored-retrieval-1"


def nearest(store: Store) -> str:
    """Shares of the nearest films with the query's label, source, and label from other sources; MAP@R."""
    found = store.plain(FILE, FORM)
    rows, first = found["rows"], next(iter(found["rows"].values()))
    kinds = {"label": "the query's label", "source": "its source", "across": "its label, from other sources"}
    heads = [f"{words} ({number(first[kind]['chance'])})" for kind, words in kinds.items()]
    lines = [[f"of the {first['label']['k']} nearest (by chance)", *heads, "MAP@R", "recall@1"]]
    for name, row in rows.items():
        shares = [_written(row[kind]) for kind in kinds]
        lines.append([name, *shares, _written(row["map_at_r"]), _written(row["recall_at_1"])])
    return table(lines)


def _written(found: Mapping[str, float | None]) -> str:
    return score(found["mean"], found["low"], found["high"])
