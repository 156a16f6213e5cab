"""How well a class is told from the rest by what knows nothing of disease."""

from __future__ import annotations

from experiments.tables.markdown import score, table
from experiments.tables.store import Store

FILE, FORM = "audit.json", "embedlearn-stored-audit-1"


def probes(store: Store) -> str:
    """AUC of the positive class by each probe, over all films and within each source."""
    found = store.plain(FILE, FORM)
    positive, shortcuts = found["positive"], found["shortcuts"]
    within = {f"within {name}": each for name, each in shortcuts["within"].items()}
    columns = {"all sources": shortcuts["all"], **within}
    lines = [[f"{positive} told from the rest, AUC [95 %]", *columns]]
    lines.append(["films", *(f"{each['films']:,}" for each in columns.values())])
    for view in shortcuts["all"]["auc"]:
        told = [each["auc"].get(view, {}).get(positive) for each in columns.values()]
        lines.append([view, *(score(one["value"], one["low"], one["high"]) if one else "–" for one in told)])
    return table(lines)
