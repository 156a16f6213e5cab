"""Which schedule a self-organising map is best trained by: MiniSom's own, and batches with several last radii.

Errors are those of films that did not train. For each set and schedule: quantization error (mean distance to the
nearest node), topographic error, share of nodes in use by the films that trained, processor seconds. A smaller last
radius has a smaller quantization error and a greater topographic one: the default of `SelfOrganisingMap` is the least
radius whose topographic error is at most `--bound` on every set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from embedlearn.console import run_command
from embedlearn.episodes.pool import load_whole
from embedlearn.maps.neighbours import case_numbers
from embedlearn.maps.projections.base import Floats
from embedlearn.maps.som.measures import quantization_error, share_in_use, topographic_error
from embedlearn.maps.som.som import SelfOrganisingMap, grid_sides, minisom_with
from embedlearn.maps.som.training import best_nodes, first_grid
from experiments.benchmarks.gallery_scene import against
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, write_measurements

if TYPE_CHECKING:
    from minisom import MiniSom

WIDTH = 128
LAST_RADII = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
Train = Callable[[Floats, int, int], "MiniSom"]
Row = dict[str, float | str]
Set = tuple[Floats, NDArray[np.int64]]  # vectors, and the case of each


@dataclass(frozen=True, kw_only=True)
class SomBenchmark(BenchmarkFlags):
    """Compare schedules of training, ours and MiniSom's; --quick takes one seed and a tenth of the made-up vectors."""

    embeddings: tuple[Path, ...] = ()
    """Embeddings to compare schedules on, beside the made-up vectors."""
    films: int = 5_000
    """Made-up vectors that train; a quarter as many more are kept out."""
    bound: float = 0.05
    """Topographic error that a default may have at most."""
    seeds: int = 3
    """Splits into films that train and films that are kept out."""


def main() -> None:
    run_command(SomBenchmark, run, "experiments.benchmarks.som", None)


def clustered(films: int, seed: int, groups: int = 12) -> Floats:
    """Unit vectors of 128 numbers in groups of several sizes, each spread along six directions of its own."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, WIDTH))
    directions = rng.normal(size=(groups, 6, WIDTH))
    spread = rng.uniform(0.3, 0.9, groups)
    group = rng.choice(groups, films, p=rng.dirichlet(np.full(groups, 5.0)))
    along = np.einsum("nj,njd->nd", rng.normal(size=(films, 6)), directions[group])
    vectors = centres[group] + spread[group, None] * (0.6 * along + 0.5 * rng.normal(size=(films, WIDTH)))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def minisoms_own(rate_decay: str, radius_decay: str, first_radius: float | None) -> Train:
    """MiniSom's training, each film five times, from its PCA start; `first_radius` None is half the longer side."""

    def run(films: Floats, rows: int, columns: int) -> MiniSom:
        from minisom import MiniSom

        radius = max(rows, columns) / 2 if first_radius is None else first_radius
        som = MiniSom(rows, columns, films.shape[1], sigma=radius, decay_function=rate_decay,
                      sigma_decay_function=radius_decay, random_seed=0)  # fmt: skip
        som.pca_weights_init(films)
        som.train_random(films, 5 * len(films))
        return som

    return run


def minisoms_batches(films: Floats, rows: int, columns: int) -> MiniSom:
    """`train_batch_offline` with a radius that falls linearly to 1, from MiniSom's PCA start; 10 epochs."""
    from minisom import MiniSom

    som = MiniSom(rows, columns, films.shape[1], sigma=max(rows, columns) / 2, learning_rate=1,
                  decay_function="asymptotic_decay", sigma_decay_function="linear_decay_to_one",
                  random_seed=0)  # fmt: skip
    som.pca_weights_init(films)
    som.train_batch_offline(films, 10)
    return som


def ours(last_radius: float, epochs: int = 30) -> Train:
    """`SelfOrganisingMap` with this last radius."""

    def run(films: Floats, rows: int, columns: int) -> MiniSom:
        som = SelfOrganisingMap(rows=rows, columns=columns, epochs=epochs, last_radius=last_radius, at_most=len(films))
        return som.fit(films).minisom()

    return run


SCHEDULES: dict[str, Train] = {
    "no training, our PCA start": lambda films, rows, columns: minisom_with(first_grid(films, rows, columns)),
    "MiniSom, radius 1, its decays": minisoms_own("asymptotic_decay", "asymptotic_decay", 1.0),
    "MiniSom, half the side, its decays": minisoms_own("asymptotic_decay", "asymptotic_decay", None),
    "MiniSom, half the side, linear decays": minisoms_own("linear_decay_to_zero", "linear_decay_to_one", None),
    "MiniSom, train_batch_offline": minisoms_batches,
    **{f"ours, last radius {radius}": ours(radius) for radius in LAST_RADII},
    **{f"ours, last radius 1.0, {epochs} epochs": ours(1.0, epochs) for epochs in (10, 100)},
}


DEFAULT = "ours, last radius 1.0"
MEASURES: tuple[tuple[str, Callable[[Row], float], bool], ...] = (
    ("quantization error", lambda row: float(row["quantization_error"]), True),
    ("films whose two best nodes touch", lambda row: 1 - float(row["topographic_error"]), False),
    ("nodes in use", lambda row: float(row["used"]), False),
    ("CPU-seconds", lambda row: float(row["seconds"]), True),
)


def measure(train: Train, vectors: Floats, kept_out: NDArray[np.bool_]) -> dict[str, float]:
    """One schedule on one set, `kept_out` bool [N]."""
    films, others = vectors[~kept_out], vectors[kept_out]
    sides = grid_sides(films, len(films), None, None)
    began = time.process_time()
    weights = train(films, *sides).get_weights()
    seconds = time.process_time() - began
    return {
        "rows": sides[0], "columns": sides[1], "quantization_error": quantization_error(others, weights),
        "topographic_error": topographic_error(others, weights),
        "used": share_in_use(best_nodes(films, weights), sides), "seconds": seconds,
    }  # fmt: skip


def compare(name: str, sets: Sequence[Set]) -> list[Row]:
    """A row a schedule: means over the sets, each of which keeps out another fifth of its cases."""
    found: list[Row] = []
    for schedule, train in SCHEDULES.items():
        rounds = []
        for seed, (vectors, cases) in enumerate(sets):
            many = int(cases.max()) + 1
            kept_out = np.random.default_rng(seed).permutation(many)[cases] < many // 5
            rounds.append(measure(train, vectors, kept_out))
        means = {number: float(np.mean([each[number] for each in rounds])) for number in rounds[0]}
        found.append({"set": name, "schedule": schedule, **means})
    return found


def best_last_radius(rows: Sequence[Row], bound: float) -> float | None:
    """The least last radius whose topographic error is at most `bound` on every set; None where none is."""
    for radius in sorted(LAST_RADII):
        if all(
            float(row["topographic_error"]) <= bound for row in rows if row["schedule"] == f"ours, last radius {radius}"
        ):
            return radius
    return None


def measurements(rows: Sequence[Row], seeds: int) -> Iterator[Measurement]:
    """Our default beside each of MiniSom's schedules on the same set."""
    for own in (row for row in rows if row["schedule"] == DEFAULT):
        for row in rows:
            if row["set"] == own["set"] and str(row["schedule"]).startswith("MiniSom"):
                for name, value, less_is_better in MEASURES:
                    ours, peer = value(own), value(row)
                    made = against(
                        f"{name}, {own['set']}", ours, peer, str(row["schedule"]), less_is_better=less_is_better
                    )
                    yield replace(made, n=seeds)


def run(flags: SomBenchmark) -> None:
    """Measure all schedules on all sets, print a table for each set, and write our default beside MiniSom's."""
    seeds = range(1 if flags.quick else flags.seeds)
    films = flags.films // (10 if flags.quick else 1) * 5 // 4
    sets: dict[str, list[Set]] = {"clustered": [(clustered(films, seed), np.arange(films)) for seed in seeds]}
    for path in flags.embeddings:
        embeddings = load_whole(path)
        cases = case_numbers(embeddings.frame["case"], len(embeddings))
        sets[path.stem] = [(embeddings.vectors, cases)] * len(seeds)
    rows = [row for name, vectors in sets.items() for row in compare(name, vectors)]
    console, columns = Console(width=150), list(rows[0])[1:]
    for name in sets:
        table = Table(*columns, title=name)
        for row in rows:
            if row["set"] == name:
                cells = [row[column] for column in columns]
                table.add_row(*(cell if isinstance(cell, str) else f"{cell:.3g}" for cell in cells))
        console.print(table)
    radius = best_last_radius(rows, flags.bound)
    console.print(f"least last radius with a topographic error of at most {flags.bound} on every set: {radius}")
    write_measurements(flags.json, list(measurements(rows, len(seeds))))


if __name__ == "__main__":
    main()
