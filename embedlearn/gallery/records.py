"""From manifest rows to what a gallery keeps of its cases: no name, no path, no free text unless it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.gallery.identities import Identities

if TYPE_CHECKING:
    import pandas as pd

PLAIN = ("label", "source", "view", "split")
WRITTEN = {  # not 007, which is a name
    r"^-?(0|[1-9]\d*)$": pa.int64(),
    r"^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$": pa.float64(),
    r"^\d{4}-\d{2}-\d{2}$": pa.date32(),
}
OWN = ("id", *PLAIN, "patient", "twin", "film")


def case_rows(
    frame: pd.DataFrame,
    names: Identities,
    *,
    twins: NDArray[np.int64] | None = None,
    keep: Sequence[str] = (),
    id_column: str | None = None,
) -> pa.Table:
    """A row for each film of `frame`, which has the columns of a manifest and `sha256`.

    `twins` int [N] numbers the films so that near-identical pictures share a number; without it every film is its own.
    `keep` names further columns to take over as they are. A case's id is made of its film, or of what `id_column`
    calls it. Raises `ArgumentError` for a column that is not there, or a case that it does not name.
    """
    _require_columns(frame, keep, id_column)
    digests = [str(digest) for digest in frame["sha256"]]
    films = [names.film(digest) for digest in digests]
    columns: dict[str, object] = {"id": films}
    if id_column:
        if frame[id_column].isna().any():
            raise ArgumentError(f"--id-column {id_column}: {int(frame[id_column].isna().sum())} films have none")
        if (again := frame[id_column].duplicated()).any():
            name = frame[id_column][again].iloc[0]
            raise ArgumentError(f"--id-column {id_column}: {name} names several films; name one that does not repeat")
        columns["id"] = [names.case(str(name)) for name in frame[id_column]]
    columns |= {name: frame[name].astype("string").tolist() for name in PLAIN}
    columns["patient"] = [
        names.patient(str(source), str(patient)) if known else None
        for source, patient, known in zip(frame["source"], frame["patient"], frame["patient"].notna(), strict=True)
    ]
    numbers = np.arange(len(frame)) if twins is None else twins
    first: dict[int, str] = {}
    for number, film in sorted(zip(numbers.tolist(), films, strict=True)):
        first.setdefault(number, film)
    columns["twin"] = [first[number] for number in numbers.tolist()]
    columns["film"] = films
    table = pa.table({name: _strings(values) for name, values in columns.items()})
    for name in keep:
        try:
            table = table.append_column(name, _typed(pa.array(frame[name], from_pandas=True)))
        except pa.ArrowException as error:
            raise ArgumentError(f"--keep-columns {name}: values of several types ({error})") from error
    return table


def _typed(values: pa.Array) -> pa.Array:
    """Text as whole numbers, numbers, dates or truth values where every value is written as one; tables are text."""
    if pa.types.is_large_string(values.type):
        values = values.cast(pa.string())
    if not pa.types.is_string(values.type) or values.null_count == len(values):
        return values
    known = values.drop_null()
    if set(known.to_pylist()) <= {"True", "False", "true", "false"}:
        return values.cast(pa.bool_())
    for pattern, kind in WRITTEN.items():
        if pc.all(pc.match_substring_regex(known, pattern)).as_py():
            try:
                return values.cast(kind)
            except pa.ArrowInvalid:  # the 30th of February, or a number of too many digits
                return values
    return values


def _require_columns(frame: pd.DataFrame, keep: Sequence[str], id_column: str | None) -> None:
    for flag, names in (("--keep-columns", keep), ("--id-column", [id_column] if id_column else [])):
        for name in names:
            if name not in frame:
                others = ", ".join(column for column in frame.columns if column not in OWN)
                raise ArgumentError(f"{flag} {name}: the films have no such column; they have {others}")
    if double := [name for name in keep if name in OWN]:
        raise ArgumentError(f"--keep-columns {double[0]}: is kept already, patients and films as tokens; leave it out")


def _strings(values: object) -> pa.Array:
    return pa.array(values, pa.string(), from_pandas=True)
