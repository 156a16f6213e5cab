"""What a set's table says of one film, and which of its films are kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.people import age_of, is_frontal, sex_of, view_of

RADIOGRAPHS = ("", "x-ray", "xray", "cr", "dx", "dr")
UNLABELLED = ("", "todo", "unknown")


@dataclass(frozen=True)
class Entry:
    """One film as a table describes it, in the table's own words; blank where it is silent.

    `name` is what the table calls the film, `film` the file, None where it is not there.
    """

    name: str
    film: Path | None
    finding: str
    patient: str = ""
    view: str = ""
    modality: str = ""
    age: str = ""
    sex: str = ""
    licence: str = ""

    @classmethod
    def of_collection(cls, row: Mapping[str, str], name: str, film: Path | None, patient: str) -> "Entry":
        """What a row says in the form of the COVID-19 image data collection, which later sets took over."""
        return cls(
            name, film, row["finding"], patient, row["view"], row["modality"],
            row.get("age", ""), row.get("sex", ""), row.get("license", ""),
        )  # fmt: skip


def sift(
    source: str, entries: Iterable[Entry], label_of: Callable[[str], str], *, table: str, films: str
) -> tuple[list[dict[str, object]], list[str]]:
    """A manifest's rows of the entries that are films to learn from, and a sentence for each reason against others.

    Left out, and counted: what is no radiograph, has another view than a frontal one (a view that is not told is
    kept), has no finding, or is not there. `table` and `films` are the names of the table and of the films' folder.
    """
    rows: list[dict[str, object]] = []
    left: dict[str, list[str]] = {}
    for entry in entries:
        if reason := _reason_against(entry, f"films named in {table} are not in {films} and were left out"):
            left.setdefault(reason, []).append(entry.name)
        else:
            rows.append(_row(entry, label_of(entry.finding)))
    return rows, [note for reason in sorted(left) for note in left_out_note(source, reason, left[reason])]


def _reason_against(entry: Entry, missing: str) -> str | None:
    """Why an entry is left out, `missing` where its file is not there; None where it stays."""
    view = view_of(entry.view)
    if entry.modality.lower() not in RADIOGRAPHS:
        return "films that are no radiograph were left out"
    if view is not None and not is_frontal(view):
        return "films without a frontal view (PA or AP) were left out"
    if entry.finding.lower() in UNLABELLED:
        return "rows without a finding were left out"
    return missing if entry.film is None else None


def _row(entry: Entry, label: str) -> dict[str, object]:
    return {
        "path": entry.film,
        "label": label,
        "patient": entry.patient or None,
        "view": view_of(entry.view),
        "age": age_of(entry.age),
        "sex": sex_of(entry.sex),
        "licence": entry.licence or None,
    }


def existing(film: Path) -> Path | None:
    """`film` where it is a file."""
    return film if film.is_file() else None
