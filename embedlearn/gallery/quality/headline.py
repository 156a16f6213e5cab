"""What a gallery says of itself when it is built: in a few lines, whether it finds the disease or the hospital."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from embedlearn.gallery.about import Metric
from embedlearn.gallery.quality.answers import DEFAULT, Measures
from embedlearn.gallery.quality.labelled import Labelled, joined_groups
from embedlearn.gallery.quality.measuring import retrieval_quality
from embedlearn.gallery.quality.results import Purity, Quality

ASKED = ("label", "source", "view")  # columns of the rows
GROUPED = ("patient", "twin")
QUERIES = 2000


def quality_of_rows(
    X: ArrayLike,
    rows: pa.Table,
    *,
    metric: Metric = "euclidean",
    queries: int = QUERIES,
    seed: int = 0,
    measures: Measures = DEFAULT,
) -> Quality:
    """How well cases answer each other: `queries` of them, drawn without replacement, ask all others.

    `X`: float [N, D]. `rows`: N rows with a column `label`, and `source`, `view`, `patient` and `twin` where they are
    known; cases that share a patient or a twin do not answer each other. Raises `ArgumentError`.
    """
    known = [rows[name].to_pylist() for name in GROUPED if name in rows.column_names]
    gallery = Labelled(
        np.asarray(X, np.float32),
        {name: rows[name].to_pylist() for name in ASKED if name in rows.column_names},
        joined_groups(*known) if known else None,
    )
    if queries >= len(gallery):
        return retrieval_quality(gallery, metric=metric, measures=measures)
    drawn = np.sort(np.random.default_rng(seed).choice(len(gallery), queries, replace=False))
    return retrieval_quality(gallery, gallery.take(drawn), own=drawn, metric=metric, measures=measures)


def headline(quality: Quality, measures: Measures = DEFAULT) -> list[str]:
    """Purity by label and source in sentences, and a warning where the nearest say more of the source."""
    label, source = quality.purity[measures.label], quality.purity.get(measures.source)
    if label.told is None:
        return [f"note: no two patients' cases share a {measures.label}, or all do; nothing was measured"]
    said = [f"of the {label.k} nearest {_share(label)} have the query's {label.column}"]
    if source is not None and source.told is not None:
        said[0] += f", {_share(source)} its {source.column}"
    if quality.across is not None and quality.across.told is not None:
        said.append(
            f"of the {label.k} nearest from another {measures.source} {_share(quality.across)} have its {label.column}"
        )
    return said + _warnings(label, source, quality.across)


def _warnings(label: Purity, source: Purity | None, across: Purity | None) -> list[str]:
    if source is None or source.told is None or label.told is None:
        return []
    found = []
    if source.told > label.told:
        found.append(
            f"warning: the nearest say more of the {source.column} than of the {label.column} ({source.told:.2f} and "
            f"{label.told:.2f} of what chance leaves): similar cases may be those of one hospital, not of one disease"
        )
    if across is not None and across.lift.low is not None and across.lift.low <= 0:
        found.append(
            f"warning: among cases of another {source.column} the nearest have the query's {label.column} hardly more "
            f"often than any (lift {across.lift})"
        )
    return found


def _share(purity: Purity) -> str:
    assert purity.share.mean is not None
    assert purity.chance.mean is not None
    return f"{purity.share.mean:.1%} (by chance {purity.chance.mean:.1%})"
