"""Where the labels of a hospital's films come from: `labels.csv`, else class folders, else nowhere."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePath

from embedlearn.errors import ManifestError
from embedlearn.radiographs.dicom import DicomTags
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.findings import label_columns, names_finding
from embedlearn.radiographs.layouts.folders import SPLITS, missing_table
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.layouts.rows import read_rows

TABLE = "labels.csv"
UNLABELLED = "unlabelled"
CHALLENGE = "stage_2_"  # the RSNA challenge's; other published parts, such as patient1, a hospital may have as well

# The columns by which the table may name a film, the finest first, and what they hold.
KEYS = {
    "path": "path",
    "SOPInstanceUID": "image",
    "image": "image",
    "SeriesInstanceUID": "series",
    "series": "series",
    "StudyInstanceUID": "study",
    "study": "study",
    "PatientID": "patient",
    "patient": "patient",
}
KINDS = tuple(dict.fromkeys(KEYS.values()))
Films = list[tuple[Path, DicomTags]]
Labels = dict[Path, dict[str, object]]


def find_labels(folder: Path, films: Films, names: Mapping[str, str] | None) -> tuple[Labels, list[str]]:
    """The label columns of the films of `folder`, and sentences on where they come from and which films have none.

    `names` are the user's labels for the set's own. Raises `ManifestError` where the table does not name films.
    """
    if (folder / TABLE).is_file():
        return _by_table(folder, films, names)
    if parts := _class_folders(folder, films, names):
        return _by_folder(folder, films, parts, names)
    how = (
        f"{folder.name}: no film has a label; write {folder / TABLE} with a column label and one of "
        f"{', '.join(KINDS)} (the identifiers in the files, but for path)"
    )
    return {film: {"label": UNLABELLED} for film, _ in films}, [how]


def _by_table(folder: Path, films: Films, names: Mapping[str, str] | None) -> tuple[Labels, list[str]]:
    column, wanted = _wanted(folder / TABLE, names)
    keys = {film: _key(folder, film, tags, KEYS[column]) for film, tags in films}
    labels = {film: wanted[key] for film, key in keys.items() if key in wanted}
    unused = sorted(set(wanted) - set(keys.values()))
    return labels, [
        *left_out_note(folder.name, f"films without a row in {TABLE} were left out", _others(films, labels)),
        *left_out_note(folder.name, f"rows of {TABLE} name no film that is kept, by their {column}", unused),
    ]


def _wanted(table: Path, names: Mapping[str, str] | None) -> tuple[str, dict[str, dict[str, object]]]:
    """The column by which the table names films, and the label columns of each name in it. Raises `ManifestError`."""
    entries = read_rows(table)
    present = next(iter(entries.values()))
    column = next((name for name in KEYS if name in present), None)
    told = next((name for name in ("labels", "label") if name in present), None)
    if column is None or told is None:
        wanted, got = ", ".join(KINDS), ", ".join(present)
        raise ManifestError(f"{table}: wanted a column label and one of {wanted}, got {got}; rename its columns")
    labels: dict[str, dict[str, object]] = {}
    for number, entry in entries.items():
        findings = [part for part in entry[told].split("|") if part.strip()]
        if not entry[column] or not findings:
            raise ManifestError(f"{table}, row {number}: wanted {column} and {told}, got a blank; fill it in")
        columns = label_columns(findings, names)
        known = columns if told == "labels" else {"label": columns["label"]}
        key = PurePath(entry[column]).as_posix()
        if labels.setdefault(key, known) != known:
            raise ManifestError(f"{table}, row {number}: wanted one label for {key}, got two; keep one row of each")
    return column, labels


def _key(folder: Path, film: Path, tags: DicomTags, kind: str) -> str:
    return film.relative_to(folder).as_posix() if kind == "path" else str(getattr(tags, kind) or "")


def _class_folders(folder: Path, films: Films, names: Mapping[str, str] | None) -> list[Path]:
    """The folders that are classes: most are called as a finding, or hold films of several patients that are known.

    None where they are patients' or visits'. They lie in `folder`, or in its folders of a split; a folder that bears
    an identifier of its films is no class. Raises `ManifestError` where they are the RSNA challenge's.
    """
    held: dict[Path, list[DicomTags]] = defaultdict(list)
    for film, tags in films:
        inner = film.relative_to(folder).parts[:-1]
        depth = 2 if inner and inner[0].lower() in SPLITS else 1
        if len(inner) >= depth:
            held[folder.joinpath(*inner[:depth])].append(tags)
    parts = {part: why for part in held if (why := missing_table(part))}
    for part, why in parts.items():
        if part.name.lower().startswith(CHALLENGE):
            raise ManifestError(why)
    if parts or len(held) < 2 or any(_is_identifier(part.name, tags) for part, found in held.items() for tags in found):
        return []
    classes = sum(
        names_finding(part.name, names) or len({tags.patient for tags in found} - {None}) > 1
        for part, found in held.items()
    )
    return list(held) if 2 * classes >= len(held) else []


def _is_identifier(name: str, tags: DicomTags) -> bool:
    return name in (tags.patient, tags.study, tags.series, tags.image)


def _by_folder(
    folder: Path, films: Films, parts: list[Path], names: Mapping[str, str] | None
) -> tuple[Labels, list[str]]:
    labels: Labels = {}
    for film, _ in films:
        if part := next((place for place in film.parents if place in parts), None):
            split = SPLITS.get(part.parent.name.lower()) if part.parent != folder else None
            label: dict[str, object] = {"label": canonical_label(part.name, names)}
            labels[film] = {**label, "published_split": split} if split else label
    classes = ", ".join(dict.fromkeys(part.name for part in parts))
    return labels, [
        f"{folder.name}: the films are labelled by the folders {classes}; {folder / TABLE} would go before them",
        *left_out_note(folder.name, "films beside the class folders were left out", _others(films, labels)),
    ]


def _others(films: Films, labels: Labels) -> list[str]:
    return [film.name for film, _ in films if film not in labels]
