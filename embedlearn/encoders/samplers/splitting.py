"""Two batches' films shared out anew between them."""

from __future__ import annotations

import numpy as np

from embedlearn.encoders.samplers.index import Indices


def split_evenly(kin: Indices, random: np.random.Generator) -> Indices:
    """Split the films of two batches at random, in halves of every cell and, within one, of all kin.

    `kin`: int64 [cells, films of both], even in number. Returns the places of the films for the one batch, then for the
    other, int64 of that shape.

    An Euler partition (Gabow 1976), each film being an edge between its cell and its kin: mates, two films of a cell or
    two of kin, go to different batches, which never clashes, as paths of mates change between the two sorts.
    """
    order = random.permuted(np.tile(np.arange(kin.shape[1]), (len(kin), 1)), axis=1)
    mates: dict[int, int] = {}  # of kin; the mate in the cell is the neighbour, entry ^ 1
    single: dict[int, int] = {}
    for entry, who in enumerate(np.take_along_axis(kin, order, axis=1).reshape(-1).tolist()):
        if who in single:
            mates[entry] = single.pop(who)
            mates[mates[entry]] = entry
        else:
            single[who] = entry
    side = np.full(kin.size, -1)
    for entry in (*single.values(), *range(kin.size)):  # paths from their ends, then rings
        while side[entry] < 0:
            side[entry], side[entry ^ 1] = 0, 1
            entry = mates.get(entry ^ 1, entry)
    return np.take_along_axis(order, side.reshape(kin.shape).argsort(axis=1, kind="stable"), axis=1)
