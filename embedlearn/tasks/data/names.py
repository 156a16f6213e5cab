"""What the films of a copy are called: none clashes, and no folder's or patient's name gets into one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from embedlearn.radiographs.cases import PICTURE
from embedlearn.radiographs.layouts import PUBLISHED
from embedlearn.radiographs.layouts.medmnist import ORIGINS
from embedlearn.radiographs.manifest import COLUMNS, FURTHER

FOLDER = "images"
KEPT = (*COLUMNS, *FURTHER, "uncertain", "published_split", PICTURE, "frame")  # of an anonymous copy
SOURCES = "|".join(re.escape(name) for name in (*(layout.NAME for layout in PUBLISHED), *ORIGINS))
KNOWN = re.compile(rf"({SOURCES})(/.*|-\d+)?")  # a published set, a part of one, one that stands twice
UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # on one file system or another
LONGEST = 120  # characters


def copy_names(frame: pd.DataFrame, numbers: Sequence[int | None], suffix: str, *, anonymous: bool) -> list[str]:
    """The path of each film in a copy: images/SOURCE/NAME, or images/NUMBER where it is to be anonymous.

    `frame` has the columns path and source; `numbers` are the films' in files of several, None of others.
    """
    if anonymous:
        digits = max(6, len(str(len(frame))))
        return [f"{FOLDER}/{number:0{digits}d}{suffix}" for number in range(1, len(frame) + 1)]
    taken: set[str] = set()
    names = []
    for path, source, number in zip(frame["path"], frame["source"], numbers, strict=True):
        stem = _fit(path.rpartition("/")[2])
        stem = stem.rpartition(".")[0] or stem
        names.append(_free(f"{FOLDER}/{_fit(source)}/{stem}" + (f"-frame{number}" if number else ""), suffix, taken))
    return names


def anonymised(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without names and without columns that are not our own.

    Patients are numbered within each source as they come, and so are pictures, and sources that no published set has.
    """
    kept = frame[[name for name in frame if name in KEPT]].copy()
    for _, patients in frame.groupby("source")["patient"]:
        kept.loc[patients.index, "patient"] = _numbered(patients)
    if PICTURE in kept:
        kept[PICTURE] = _numbered(kept[PICTURE])
    own = ~frame["source"].str.fullmatch(KNOWN).astype(bool)
    kept.loc[own, "source"] = "source-" + _numbered(frame["source"][own])
    return kept


def _numbered(names: pd.Series) -> pd.Series:
    """Numbers for names, as they come, missing where they are."""
    codes, _ = pd.factorize(names)
    return pd.Series(codes + 1, index=names.index).astype("string").mask(names.isna())


def left_out(frame: pd.DataFrame) -> list[str]:
    """The columns that an anonymous copy does not have."""
    return [str(name) for name in frame if name not in KEPT]


def _fit(name: str) -> str:
    """A name that every file system takes; it never begins with a dot, as hidden files do."""
    return UNFIT.sub("_", name).strip(" .")[:LONGEST] or "film"


def _free(start: str, suffix: str, taken: set[str]) -> str:
    """`start` and `suffix`, with a number between them where that is taken; capitals make no difference."""
    name, number = f"{start}{suffix}", 2
    while name.lower() in taken:
        name, number = f"{start}-{number}{suffix}", number + 1
    taken.add(name.lower())
    return name
