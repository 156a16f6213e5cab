"""One name for the films of a picture, and one film of each picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.audits.twins.counting import contradicting
from embedlearn.audits.twins.pictures import Pictures
from embedlearn.radiographs.cases import PICTURE, components

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 16  # of a name


def first_of_each(group: ArrayLike) -> NDArray[np.bool_]:
    """Whether a film is the first of its group, bool [N], for group numbers int64 [N]."""
    kept = np.zeros(len(np.asarray(group)), bool)
    kept[np.unique(group, return_index=True)[1]] = True
    return kept


def kept_films(frame: pd.DataFrame, pictures: Pictures) -> NDArray[np.bool_]:
    """The first film of each picture, bool [N], but none where its films contradict each other.

    That a film comes first does not make it the original.
    """
    kept = first_of_each(pictures.group)
    for films in contradicting(frame, pictures):
        kept[films] = False
    return kept


def with_pictures(frame: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """`frame` with a column `picture`: a name that the films of one picture share, missing where it stands once.

    A name is the least of the films' `sha256`, or of the digests of their pixels where there is no such column, so
    that pictures named in different audits are not mistaken for each other. Names that films had before still hold.
    """
    edges = [_links(pictures.group)]
    if PICTURE in frame:
        edges.append(_links(frame[PICTURE].factorize()[0]))
    return _named(frame, pictures, components(np.concatenate(edges), len(frame)))


def deduplicated(frame: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """`kept_films` alone, with a column `picture` that they share wherever a picture made them one case.

    `frame` has columns `class` and `case`, int64 [N], made of patients and pictures. A film that is left out may be
    what joined two patients, so that their other films need the name.
    """
    named = _named(frame, pictures, frame["case"].factorize()[0])
    return named[kept_films(frame, pictures)].reset_index(drop=True)


def _named(frame: pd.DataFrame, pictures: Pictures, group: NDArray[np.int64]) -> pd.DataFrame:
    """`frame` with one name for the films of each group, int64 [N], that holds a shared picture."""
    import pandas as pd

    digests = frame.get("sha256", pictures.digests)
    names = pd.Series(list(digests), frame.index, dtype="string").str[:DIGITS]
    shared = np.bincount(pictures.group)[pictures.group] > 1
    if PICTURE in frame:
        names = frame[PICTURE].astype("string").fillna(names)
        shared |= frame[PICTURE].notna().to_numpy()
    least = names.groupby(group).transform("min")
    return frame.assign(**{PICTURE: least.where(np.isin(group, group[shared]))})


def _links(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of rows, int64 [E, 2], that join each row of a code to the first of that code; those below 0 stay alone."""
    rows = np.flatnonzero(codes >= 0)
    _, first, of = np.unique(codes[rows], return_index=True, return_inverse=True)
    return np.stack([rows[first[of]], rows], 1)
