"""Which DICOM files are films to learn from, and what they say of themselves."""

from collections.abc import Iterable
from pathlib import Path

from embedlearn.errors import ImageError
from embedlearn.radiographs.dicom import DicomTags, dicom_tags, is_dicom
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.people import is_frontal

RADIOGRAPHS = ("CR", "DX", "DR", "RG", "XR")
HEAD = 132  # bytes that tell a DICOM file


def sift_dicom(source: str, root: Path, paths: Iterable[Path]) -> tuple[list[tuple[Path, DicomTags]], list[str]]:
    """The radiographs among `paths`, all below `root`, with what they say, and sentences about the others.

    Left out, with a count for each reason: what is no DICOM file or a broken one, holds no image, is of another
    modality, has another view than a frontal one (a view that is not told is kept), or holds several frames.
    """
    films: list[tuple[Path, DicomTags]] = []
    left: dict[str, list[str]] = {}
    for path in paths:
        reason = "files that are no DICOM were left out"
        if is_dicom_file(path):
            try:
                tags = dicom_tags(path)
                reason = _reason_against(tags)
                if not reason:
                    films.append((path, tags))
            except ImageError:
                reason = "DICOM files that cannot be read were left out"
        if reason:
            left.setdefault(reason, []).append(path.relative_to(root).as_posix())
    return films, [note for reason in sorted(left) for note in left_out_note(source, reason, left[reason])]


def is_dicom_file(path: Path) -> bool:
    """Whether the content of a file says that it is DICOM; a file that cannot be opened is none."""
    try:
        with path.open("rb") as file:
            return is_dicom(path, file.read(HEAD))
    except OSError:
        return False


def person_columns(tags: DicomTags) -> dict[str, object]:
    """The columns of a manifest that a film's own tags fill."""
    return {"patient": tags.patient, "view": tags.view, "age": tags.age, "sex": tags.sex}


def _reason_against(tags: DicomTags) -> str:
    """Why a DICOM file is left out; blank where it stays."""
    if not tags.pictured:
        return "objects without an image were left out"
    if tags.modality and tags.modality not in RADIOGRAPHS:
        return f"images of the modality {tags.modality}, no radiographs, were left out"
    if tags.view is not None and not is_frontal(tags.view):
        return "films without a frontal view (PA or AP) were left out"
    if tags.frames > 1:
        return "films of several frames were left out; data convert TABLE --frame N saves one of each that TABLE names"
    return ""
