"""What published sets say of a film's findings, and of the split that they come with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from embedlearn.radiographs.labels import CANONICAL, canonical_label


def label_columns(findings: Iterable[str], names: Mapping[str, str] | None = None) -> dict[str, object]:
    """The columns `label` and `labels` of a film with these findings, named as its set names them, at least one."""
    labels = list(dict.fromkeys(canonical_label(finding, names) for finding in findings))
    return {"label": labels[0], "labels": "|".join(labels)}


def names_finding(name: str, names: Mapping[str, str] | None = None) -> bool:
    """Whether a folder's name is one that the toolkit, or the user by `names`, has a label for."""
    label = canonical_label(name, names)
    return label in CANONICAL.values() or label != canonical_label(name)


def label_in_set(raw: str, meanings: Mapping[str, str], names: Mapping[str, str] | None = None) -> str:
    """The label of what a set calls `raw`: by `names` first, then by the set's own `meanings`, then the canonical one.

    The keys of `meanings` are in lower case.
    """
    label = canonical_label(raw, names)
    return label if label != canonical_label(raw) else meanings.get(raw.lower(), label)


def split_note(source: str, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """One sentence on how many patients stand on several sides of the column `published_split`; none without both."""
    sides = defaultdict(set)
    for row in rows:
        if row.get("patient") is not None and row.get("published_split") is not None:
            sides[row["patient"]].add(row["published_split"])
    if not sides:
        return []
    shared = sum(len(found) > 1 for found in sides.values())
    return [
        f"{source}: {shared:,} of {len(sides):,} patients stand on both sides of the published split, which is kept "
        "in the column published_split and decides nothing by itself"
    ]
