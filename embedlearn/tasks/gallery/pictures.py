"""What `index` and `search` do with the films of a gallery's cases."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from embedlearn.console import say
from embedlearn.gallery.face import Store
from embedlearn.gallery.pictures import pictures_of
from embedlearn.gallery.where import And
from embedlearn.radiographs.cases import twin_groups
from embedlearn.radiographs.preprocessing import Preprocessing


def joined_twins(gallery: Store, rows: pa.Table, preprocessing: Preprocessing | None) -> pa.Table:
    """Rows to be added, with the token `twin` of a case that is in the gallery already and looks the same.

    As far as the gallery's films are at hand; says where they are not.
    """
    pictures = pictures_of(gallery, gallery.names, preprocessing)
    if not (pictures and len(gallery) and len(rows) and "twin" in gallery.columns):
        return rows
    there = gallery.take(gallery.matching(And(())))
    old = dict(zip(there["film"].to_pylist(), there["twin"].to_pylist(), strict=True))
    new = dict(zip(rows["film"].to_pylist(), rows["twin"].to_pylist(), strict=True))
    shown = [film for film in (*old, *new) if film in pictures.places]
    if away := sum(film not in pictures.places for film in old):
        say(f"  note: {away:,} films of the gallery are not at hand; their near-identical pictures are not recognised")
    places = np.array([pictures.places[film] for film in shown], np.int64)
    groups = dict(zip(shown, twin_groups(pictures.films.take(places)).tolist(), strict=True))
    of_group = {groups[film]: twin for film, twin in old.items() if film in groups}
    twins = [of_group.get(groups.get(film, -1), twin) for film, twin in new.items()]
    return rows.set_column(rows.column_names.index("twin"), "twin", pa.array(twins, pa.string()))
