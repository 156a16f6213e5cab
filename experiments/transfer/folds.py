"""Which films train, choose and report: repeated three-fold cross-validation with films set aside for choosing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.splits import HELD_OUT, PARTS, assign_splits, split_by_case, strata_of

CHOICE = 0.2  # share of the known classes' cases that validate every training and are never reported on
RARE_CHOICE = 1 / 3  # share of the rare classes' cases that are left for choosing among objectives


@dataclass(frozen=True, eq=False)
class Fold:
    """One way of dividing the films: `split`, str [N], for the training; which to choose by and report on, bool [N]."""

    name: str
    split: NDArray[np.str_]
    choosing: NDArray[np.bool_]
    reported: NDArray[np.bool_]


def make_folds(manifest: Manifest, classes: Sequence[str], *, repeats: int, seed: int) -> list[Fold]:
    """Three folds a repeat; no case is on two sides, and in each repeat every reported film is tested on once.

    Rare films are never trained on; those that are reported stand beside the test films of every fold.
    """
    first = assign_splits(manifest, classes, val=CHOICE, test=0.4, seed=seed, new=True).frame
    cases = first["case"].to_numpy()
    rare = (first["split"] == HELD_OUT).to_numpy()
    choosing = (first["split"] == "val").to_numpy()
    rest = ~rare & ~choosing
    strata = strata_of(first["class"][rest], first["source"][rest], cases[rest])
    numbers = np.unique(cases[rare])
    kept = np.random.default_rng(seed).permutation(numbers)[round(RARE_CHOICE * len(numbers)) :]
    rare_reported = rare & np.isin(cases, kept)
    return [
        Fold(
            name,
            np.where(choosing, "val", split),
            choosing | (rare & ~rare_reported),
            (split == "test") | rare_reported,
        )
        for name, split in _thirds(strata, cases, rest, repeats, seed)
    ]


def _thirds(
    strata: NDArray[np.str_], cases: NDArray[np.int64], rest: NDArray[np.bool_], repeats: int, seed: int
) -> Iterator[tuple[str, NDArray[np.str_]]]:
    """Name and split (train, test or held-out, str [N]) of every fold, the films of `rest` in three parts by case."""
    for repeat in range(repeats):
        third = np.full(len(cases), "", dtype="U8")
        third[rest] = split_by_case(strata, cases[rest], val=1 / 3, test=1 / 3, seed=seed + repeat)
        for number, part in enumerate(PARTS, start=1):
            split = np.where(third == part, "test", np.where(rest, "train", HELD_OUT))
            yield str(repeat * len(PARTS) + number), split


def fold_table(manifest: Manifest, fold: Fold) -> Manifest:
    """The manifest as a training of this fold is to see it."""
    return Manifest(manifest.with_columns(split=pd.Series(fold.split, dtype="string")).frame, manifest.notes)
