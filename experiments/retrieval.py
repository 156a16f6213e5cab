"""`python -m experiments.retrieval --run RUN`: what the nearest films share with a film, the disease or the hospital.

The films that a run has not seen ask each other, a patient's own left out: by the trained encoder, by the untrained
one, and by probes that see no disease; then the trained encoder with re-ranking and with query expansion.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from embedlearn.console import DataFlags, run_command, say
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import choose_run
from embedlearn.episodes.pool import TRAINED, Pool
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.files import require_folder, write_json
from embedlearn.flags import require_number
from embedlearn.gallery.exact import ExactIndex
from embedlearn.gallery.expansion import ALPHA, expand_queries
from embedlearn.gallery.quality import Labelled, Measures, Purity, Quality, headline, lead, retrieval_quality
from embedlearn.gallery.reranking import K1, K2, rerank
from embedlearn.tasks.fewshot.pools import pool_of_films
from experiments.transfer.report import write_markdown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RERANKED = f"{TRAINED}, re-ranked"
AVERAGE, ALPHAS = f"{TRAINED}, average expansion", f"{TRAINED}, alpha expansion"
SHOWN = 20  # ranks of the CMC


@dataclass(frozen=True, kw_only=True)
class Retrieval(DataFlags):
    """Measure retrieval on the films that a run has not seen: by disease, by hospital, and across hospitals.

    With no --data, the films of the run.
    """

    run: Path
    """Run folder whose encoder to use."""
    json: Path
    """File to write, with all numbers."""
    out: Path
    """Folder to write the table, retrieval.md, and the picture, retrieval.png, into."""
    candidates: int = 200
    """Films that re-ranking puts in order; those farther away stay behind them."""
    expand: int = 5
    """Nearest films that a query is expanded by."""
    resamples: int = 1000
    """Drawings of the patients, for the intervals."""
    seed: int = 0
    """Of the drawings."""

    def __post_init__(self) -> None:
        require_number("--candidates", self.candidates, 1, 10_000)
        require_number("--expand", self.expand, 1, 1000)
        require_number("--resamples", self.resamples, 2, 100_000)


def main() -> None:
    run_command(Retrieval, _run, "experiments.retrieval", None)


def _run(settings: Retrieval) -> None:
    for flag, folder in (("--out", settings.out), ("--json", settings.json.parent)):
        require_folder(folder, flag)
    run = choose_run(settings.run, settings.run.parent)
    pool, _ = pool_of_films(settings, run, (), (), choose_device("auto"))
    measures = Measures(resamples=settings.resamples, seed=settings.seed)
    found = dict(measure(pool, settings.candidates, settings.expand, measures))
    plain = {
        name: {**quality.as_plain(), "lead_in_map_at_r": lead_of(quality, found[TRAINED], measures)}
        for name, quality in found.items()
    }
    lines = tabulate(found, measures)
    write_json(settings.json, {"films": len(pool.frame), "classes": pool.counts(), "rows": plain})
    write_markdown(settings.out / "retrieval.md", lines)
    draw(found).save(settings.out / "retrieval.png")
    show(lines)
    for name, quality in found.items():
        for sentence in headline(quality, measures):
            say(f"{name}: {sentence}")
    say(f"wrote {settings.json}, {settings.out / 'retrieval.md'} and {settings.out / 'retrieval.png'}")


def measure(pool: Pool, candidates: int, expand: int, measures: Measures) -> Iterator[tuple[str, Quality]]:
    """Every row of the table by name: the pool's spaces, the trained one also re-ranked and with expanded queries."""
    frame, cases = pool.frame, pool.frame["case"].to_numpy()
    columns = {"label": frame["class"], "source": frame["source"]}
    if frame["view"].notna().any():
        columns["view"] = frame["view"]
    own = np.arange(len(frame))
    for name, space in pool.spaces.items():
        films = Labelled(space.rows, columns, cases)
        yield name, retrieval_quality(films, measures=measures)
        if name == TRAINED:
            distances = reranked(space.rows, cases, candidates)
            yield RERANKED, retrieval_quality(films, distances=distances, measures=measures)
            for row, alpha in ((AVERAGE, 0.0), (ALPHAS, ALPHA)):
                queries = Labelled(expanded(space.rows, cases, expand, alpha), columns, cases)
                yield row, retrieval_quality(films, queries, own=own, measures=measures)


def reranked(rows: NDArray[np.float32], cases: NDArray[np.int64], candidates: int) -> NDArray[np.float32]:
    """Distances of all films to all after re-ranking, float32 [N, N]; each asks the films of other cases only."""
    distances = np.empty((len(rows), len(rows)), np.float32)
    for query, row in enumerate(rows):
        others = np.flatnonzero(cases != cases[query])
        index = ExactIndex().fit(rows[others])
        far, found = index.kneighbors(row[None], len(others))
        distances[query, others[found[0]]] = 1 + far  # behind all candidates, which lie in 0 to 1
        near = slice(min(candidates, len(others)))
        k1 = min(K1, len(others) - 1)
        far, found = rerank(
            far[:, near], found[:, near], index.kneighbors, rows[others].__getitem__, k1=k1, k2=min(K2, k1 + 1)
        )
        distances[query, others[found[0]]] = far
        distances[query, cases == cases[query]] = np.inf
    return distances


def expanded(rows: NDArray[np.float32], cases: NDArray[np.int64], count: int, alpha: float) -> NDArray[np.float32]:
    """Every film as a query that is expanded by the `count` nearest films of other cases, float32 [N, D]."""
    queries = np.empty_like(rows)
    for query, row in enumerate(rows):
        others = rows[cases != cases[query]]
        _, found = ExactIndex().fit(others).kneighbors(row[None], min(count, len(others)))
        queries[query] = expand_queries(row[None], found, others.__getitem__, alpha=alpha)[0]
    return queries


def lead_of(quality: Quality, trained: Quality, measures: Measures) -> dict[str, float | None]:
    """Lead over the trained encoder in MAP@R, paired by patient."""
    found = lead(quality, trained, lambda each: each.map_at_r, measures).micro
    return {"mean": found.mean, "low": found.low, "high": found.high}


def tabulate(found: Mapping[str, Quality], measures: Measures) -> list[list[str]]:
    """A header and a line a row: means over films, [95 % by patient], (by chance)."""
    k = measures.k
    recalls = [f"recall@{each}" for each in measures.ks]
    header = ["", *recalls, "MAP@R", "R-precision", f"label@{k}", f"source@{k}", f"label@{k}, other sources"]
    lines = [[*header, "MAP@R, lead over trained"]]
    for name, quality in found.items():
        scores = quality.micro
        purities = [quality.purity["label"], quality.purity["source"], quality.across]
        ahead = lead(quality, found[TRAINED], lambda each: each.map_at_r, measures).micro
        cells = [*scores.recall.values(), scores.map_at_r, scores.r_precision]
        lines.append([name, *map(str, cells), *map(_cell, purities), "" if name == TRAINED else str(ahead)])
    return lines


def _cell(purity: Purity | None) -> str:
    if purity is None or purity.chance.mean is None:
        return "none"
    return f"{purity.share} ({purity.chance.mean:.3f})"


def show(lines: list[list[str]]) -> None:
    """Print the table."""
    drawn = Table(*lines[0], title="films ask each other: mean [95 % by patient] (by chance)")
    for line in lines[1:]:
        drawn.add_row(*(cell.replace("[", "\\[") for cell in line))
    Console(width=230).print(drawn)


def draw(found: Mapping[str, Quality]) -> Picture:
    """CMC curves, and what the nearest share."""
    height = 0.42 * len(found) + 1.2

    def curves(axes: Axes) -> None:
        for colour, (name, quality) in zip(COLOURS, found.items(), strict=False):
            axes.plot(range(1, SHOWN + 1), quality.cmc[:SHOWN], color=colour, label=name)
        axes.plot(range(1, SHOWN + 1), quality.cmc_chance[:SHOWN], color=GREY, linestyle=":", label="by chance")
        axes.set(xlabel="rank", ylabel="queries with a film of their label by then", xscale="log")
        axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axes.set_xticks([], minor=True)
        axes.legend(loc="lower right")

    def bars(axes: Axes) -> None:
        sorts = {"label": COLOURS[0], "source": COLOURS[1], "label, other sources": COLOURS[2]}
        for place, quality in enumerate(found.values()):
            purities = [quality.purity["label"], quality.purity["source"], quality.across]
            for number, (purity, (sort, colour)) in enumerate(zip(purities, sorts.items(), strict=True)):
                if purity is not None and purity.share.mean is not None:
                    _bar(axes, place + 0.26 * (number - 1), purity, colour, sort if place == 0 else None)
        axes.set_yticks(range(len(found)), list(found))
        axes.set(
            xlim=(0, 1),
            ylim=(len(found) + 0.2, -0.6),
            xlabel="share of the 10 nearest (line: by chance; whisker: 95 % by patient)",
        )
        axes.legend(loc="lower right", ncols=3)

    return Picture(
        (Panel("a film of the label found", curves, height), Panel("what the nearest share", bars, height)), 5.5
    )


def _bar(axes: Axes, place: float, purity: Purity, colour: str, sort: str | None) -> None:
    share, chance = purity.share, purity.chance.mean or 0.0
    axes.barh(place, share.mean or 0.0, 0.24, color=colour, label=sort)
    if share.low is not None and share.high is not None:
        axes.plot([share.low, share.high], [place, place], color="black", linewidth=1)
    for line, width in (("white", 3.0), ("black", 1.0)):
        axes.plot([chance, chance], [place - 0.12, place + 0.12], color=line, linewidth=width)


if __name__ == "__main__":
    main()
