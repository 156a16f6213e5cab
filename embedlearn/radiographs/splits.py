"""Training, validation and test films that share no patient."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import HEALTHY
from embedlearn.radiographs.labelsets import SEPARATOR, findings_of, joined, label_sets
from embedlearn.radiographs.manifest import SPLITS, Manifest, class_of

HELD_OUT = "held-out"
SEEN = ("train", "val")  # the splits that a training learns from or is chosen by
PARTS = ("train", "val", "test")


def assign_splits(
    manifest: Manifest, classes: Sequence[str], *, val: float, test: float, seed: int, new: bool = False
) -> Manifest:
    """Fill the columns `class` and `split` of a manifest that has a column `case` (int64).

    Films of the classes go to train, val and test; films of other labels, and whatever shares a case with them, are
    held out. A split that the data brings is kept unless `new`, and refused where it has gaps. Raises `ManifestError`.
    """
    frame = manifest.frame
    named = frame["label"].map(lambda label: class_of(label, classes)).astype("string")
    if missing := sorted(set(classes) - set(named.dropna())):
        got = ", ".join(manifest.counts())
        raise ManifestError(
            f"--classes: wanted films of {', '.join(missing)}, got labels {got}; name others, or use --map"
        )
    return _split_learnt(manifest, named, strata_of, val=val, test=test, seed=seed, new=new)


def assign_finding_splits(
    manifest: Manifest, findings: Sequence[str], *, val: float, test: float, seed: int, new: bool = False
) -> Manifest:
    """`assign_splits` for films that may show several findings, by their sets of labels (`label_sets`).

    The column `class` holds the findings of a film, joined by bars, or healthy. A film with a label that is of none of
    the findings is held out, whatever else it shows. Raises `ManifestError`.
    """
    sets = label_sets(manifest.frame)
    found = [findings_of(labels, findings) for labels in sets]
    if missing := sorted(set(findings).difference(*(names or () for names in found))):
        got = ", ".join(sorted(set().union(*sets))) or "none"
        raise ManifestError(f"--classes: wanted films of {', '.join(missing)}, got findings {got}; name others")
    named = pd.Series([None if names is None else joined(names) for names in found], dtype="string")
    return _split_learnt(manifest, named, finding_strata, val=val, test=test, seed=seed, new=new)


def _split_learnt(
    manifest: Manifest,
    named: pd.Series,
    strata_of: Callable[[pd.Series, pd.Series, NDArray[np.int64]], NDArray[np.str_]],
    *,
    val: float,
    test: float,
    seed: int,
    new: bool,
) -> Manifest:
    """The manifest with `named`, a class or missing for each film, as its column `class`, and with splits."""
    frame = manifest.frame
    cases = frame["case"].to_numpy()
    rare = set(cases[named.isna()])
    learnt = np.array([case not in rare for case in cases])
    split = np.full(len(frame), HELD_OUT, dtype=object)
    if not new and frame["split"].notna()[learnt].any():
        check_split(manifest.where(pd.Series(learnt)))
        split[learnt] = frame["split"][learnt]
    else:
        strata = strata_of(named[learnt], frame["source"][learnt], cases[learnt])
        split[learnt] = split_by_case(strata, cases[learnt], val=val, test=test, seed=seed)
    return manifest.with_columns(**{"class": named, "split": pd.Series(split, dtype="string")})


def strata_of(classes: pd.Series, sources: pd.Series, cases: NDArray[np.int64]) -> NDArray[np.str_]:
    """Class and source of each film, str [N]; what a source has of a class in too few cases goes with its largest."""
    strata = pd.DataFrame({"class": classes, "source": sources, "case": cases})
    counts = strata.groupby(["class", "source"])["case"].nunique()
    largest = {name: counts[name].idxmax() for name in set(classes)}
    enough = [counts[name, source] >= len(PARTS) for name, source in zip(classes, sources, strict=True)]
    source = np.where(enough, sources, classes.map(largest))
    return np.array([f"{name} of {place}" for name, place in zip(classes, source, strict=True)])


def finding_strata(classes: pd.Series, sources: pd.Series, cases: NDArray[np.int64]) -> NDArray[np.str_]:
    """As `strata_of`, of each finding of films that show several: str [N, M], padded with "".

    Healthy films that are in too few cases for a stratum are in none.
    """
    named = [str(name).split(SEPARATOR) for name in classes]
    rows = np.repeat(np.arange(len(named)), [len(names) for names in named])
    flat = pd.Series([name for names in named for name in names])
    places = np.concatenate([np.arange(len(names)) for names in named])
    strata = np.full((len(named), max(map(len, named))), "", dtype=object)
    strata[rows, places] = strata_of(flat, pd.Series(sources.to_numpy()[rows]), cases[rows])
    if len(set(cases[(classes == HEALTHY).to_numpy(bool)])) < len(PARTS):
        strata[(classes == HEALTHY).to_numpy(bool)] = ""
    return strata.astype(str)


def split_by_case(
    strata: NDArray[np.str_], cases: NDArray[np.int64], *, val: float, test: float, seed: int
) -> NDArray[np.str_]:
    """Give every film to train, val or test, in about these shares of each stratum, no case in two of them.

    Cases are placed one by one, the largest first and equals by lot, each in the part that is least filled with what
    the case holds; the last cases of a stratum go where it has none yet. `strata` is str [N] (class and source), or
    str [N, M] where a film may be in several, "" for none; `cases` int [N]. Raises `ManifestError` where a stratum has
    too few cases.
    """
    several = strata.reshape(len(cases), -1)
    film, place = np.nonzero(several != "")
    names, stratum = np.unique(several[film, place], return_inverse=True)
    numbers, case = np.unique(cases, return_inverse=True)
    films = np.zeros((len(numbers), len(names)))  # [C, K]: how many of each stratum a case holds
    np.add.at(films, (case[film], stratum), 1)
    left = np.count_nonzero(films, axis=0)
    for name, count in zip(names, left, strict=True):
        if count < len(PARTS):
            raise ManifestError(
                f"{name}: wanted at least 3 patients to train, validate and test on, got {count}; add films, or leave "
                "the class out with --classes"
            )
    shares, totals = np.array([[1 - val - test], [val], [test]]), films.sum(0)
    held = np.zeros((len(PARTS), len(names)))
    part = np.zeros(len(films), np.int64)
    lot = np.random.default_rng(seed).permutation(len(films))
    for number in lot[np.argsort(-films[lot].sum(1), kind="stable")]:
        mine = films[number]
        filled = (held + mine / 2) / (shares * totals) @ (mine / totals)
        last = (held == 0) & ((held == 0).sum(0) >= left)  # as many parts without the stratum as cases of it to come
        part[number] = np.lexsort((filled, -last[:, mine > 0].sum(1)))[0]
        held[part[number]] += mine
        left -= mine > 0
    return np.array(PARTS)[part[case]]


def check_split(manifest: Manifest) -> None:
    """Refuse a given split with an unknown name, a gap, or a case on two sides. Raises `ManifestError`."""
    split = manifest.frame["split"].fillna("")
    if unknown := sorted(set(split) - set(SPLITS)):
        got = unknown[0] or "a blank"
        raise ManifestError(f"column split: wanted {', '.join(SPLITS)}, got {got}; mend it, or use --split new")
    sides = manifest.frame.groupby("case")["split"].nunique()
    if len(torn := sides[sides > 1].index):
        row = manifest.frame[manifest.frame["case"] == torn[0]].iloc[0]
        who = row["path"] if pd.isna(row["patient"]) else f"patient {row['patient']} of {row['source']}"
        raise ManifestError(
            f"column split: {len(torn)} patients or near-identical films stand in two splits, the first is {who}; "
            "mend the column, or use --split new"
        )
    if absent := set(PARTS) - set(split):
        raise ManifestError(f"column split: no film of the classes is in {', '.join(sorted(absent))}; use --split new")
