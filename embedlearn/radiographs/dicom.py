"""One DICOM file as a grey film, in the standard's order of steps (PS3.3 C.11, PS3.4 N.2).

Stored values -> modality LUT or rescale -> VOI LUT or window -> inversion of MONOCHROME1. The photometric
interpretation alone decides the inversion: a Presentation LUT Shape of INVERSE is what the standard prescribes
beside MONOCHROME1 (C.8.11.3.1.2), so it repeats the same statement and never inverts a second time.
"""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ImageError
from embedlearn.radiographs.dicombounds import read_bounded
from embedlearn.radiographs.opening import Film, FilmBytes, plain, reason
from embedlearn.radiographs.people import age_of, sex_of, view_of

if TYPE_CHECKING:
    from pydicom import Dataset

SUFFIXES = (".dcm", ".dicom")
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


@dataclass(frozen=True)
class DicomTags:
    """What a DICOM file says of its film besides the pixels; None where it says nothing.

    `patient`, `study`, `series` and `image` are its identifiers; `view`, `age` and `sex` are canonical; `pictured`:
    whether it has rows and columns; `frames`: how many pictures it holds.
    """

    patient: str | None
    study: str | None
    series: str | None
    image: str | None
    modality: str | None
    view: str | None
    laterality: str | None
    photometric: str | None
    age: str | None
    sex: str | None
    pictured: bool
    frames: int


def is_dicom(film: Film, head: bytes) -> bool:
    """DICOM or not, by a film's first 132 bytes: the mark "DICM", or a bare data set.

    That one, in a file, is told by its suffix and a first tag of group 2 or 8. Bytes in memory have no suffix: there
    the first element must be whole within `head`, too.
    """
    if head[128:132] == b"DICM":
        return True
    if head[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    if isinstance(film, FilmBytes):
        kind, explicit, implicit = head[4:6], head[6:8], head[4:8]
        length = explicit if kind.isalpha() and kind.isupper() else implicit
        return 8 + int.from_bytes(length, "little") <= len(head)
    return film.suffix.lower() in SUFFIXES


def dicom_header(film: Film) -> tuple[int, int, str]:
    """Width and height in pixels, and the photometric interpretation, without reading the pixels.

    Raises `ImageError` where the file is broken or holds no image.
    """
    dataset = _read(film, stop_before_pixels=True)
    with _parsing(film):
        return int(dataset.Columns), int(dataset.Rows), _photometric(dataset)


def dicom_patient(film: Film) -> str | None:
    """The patient's identifier (0010,0020), None where there is none. Raises `ImageError` where the file is broken."""
    dataset = _read(film, stop_before_pixels=True)
    with _parsing(film):
        return _text(dataset, "PatientID")


def dicom_tags(film: Film) -> DicomTags:
    """What a file, of a film or of anything else, says besides its pixels. Raises `ImageError` where it is broken."""
    dataset = _dataset(film, stop_before_pixels=True)
    with _parsing(film), warnings.catch_warnings(action="ignore", category=UserWarning):  # "51" is no DICOM age
        return _tags(dataset)


def dicom_values(film: Film, frame: int | None = None) -> tuple[NDArray[np.float64], float, float]:
    """The film's values, float64 [H, W], and the values `low` and `high` that are to be black and white.

    These are the ends of the first window or of the VOI LUT, else the smallest and the largest value. Colour becomes
    luminance. Of several frames `frame`, counted from 1, says which one; there is no default. Raises `ImageError`
    where the file is broken, has no such frame or no pixels, or needs a codec that is not installed.
    """
    dataset = _read(film)
    several = _check_frame(film, dataset, frame)
    with _parsing(film):
        photometric = _photometric(dataset)
        _check(film, dataset, photometric)
    try:
        from pydicom.pixels.utils import pixel_array

        pixels = pixel_array(dataset, index=frame - 1 if frame and several else None)
        if photometric in COLOUR:
            return pixels @ np.array(LUMINANCE), 0.0, float(2 ** int(dataset.BitsStored) - 1)
        with np.errstate(all="ignore"):  # what comes of it is looked at
            values, low, high = _windowed(pixels, dataset)
            if not np.isfinite([values.min(), values.max(), low, high, high - low]).all():
                raise ValueError("grey values or a window that are not finite")
    except Exception as error:  # a broken element makes pydicom raise almost anything
        text = f"{film}: wanted whole DICOM pixels, got an error ({reason(error)}); fetch the file again"
        raise ImageError(text) from error
    return (low + high - values if photometric == "MONOCHROME1" else values), low, high


def _tags(dataset: "Dataset") -> DicomTags:
    code = (dataset.get("ViewCodeSequence") or [{}])[0]
    return DicomTags(
        patient=_text(dataset, "PatientID"),
        study=_text(dataset, "StudyInstanceUID"),
        series=_text(dataset, "SeriesInstanceUID"),
        image=_text(dataset, "SOPInstanceUID"),
        modality=_text(dataset, "Modality"),
        view=view_of(_text(dataset, "ViewPosition") or _text(code, "CodeMeaning")),
        laterality=_text(dataset, "ImageLaterality") or _text(dataset, "Laterality"),
        photometric=_text(dataset, "PhotometricInterpretation"),
        age=age_of(_text(dataset, "PatientAge")),
        sex=sex_of(_text(dataset, "PatientSex")),
        pictured=bool(dataset.get("Rows") and dataset.get("Columns")),
        frames=int(dataset.get("NumberOfFrames") or 1),
    )


def _windowed(pixels: NDArray[Any], dataset: "Dataset") -> tuple[NDArray[np.float64], float, float]:
    """Modality and VOI transformations of stored values [H, W]: the values and their black and white ends."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    values = apply_modality_lut(pixels, dataset)
    if dataset.get("VOILUTSequence"):
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        looked_up = apply_voi(np.rint(values).astype(np.int64), dataset)
        return looked_up.astype(np.float64), 0.0, float(2**bits - 1)
    values = values.astype(np.float64)
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or width <= (1 if function == "LINEAR" else 0):
        return values, float(values.min()), float(values.max())
    if function == "SIGMOID":  # C.11.2.1.3.1
        return 1 / (1 + np.exp(-4 * (values - centre) / width)), 0.0, 1.0
    if function == "LINEAR_EXACT":  # C.11.2.1.3.2
        return values, centre - width / 2, centre + width / 2
    return values, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2  # C.11.2.1.2.1


def _read(film: Film, *, stop_before_pixels: bool = False) -> "Dataset":
    """The data set of a file that holds an image. Raises `ImageError`."""
    dataset = _dataset(film, stop_before_pixels=stop_before_pixels)
    with _parsing(film):
        sides = [dataset.get(name) for name in ("Rows", "Columns")]
        kind = dataset.get("Modality") or dataset.file_meta.get("MediaStorageSOPClassUID") or "no modality"
    if not all(sides):
        raise ImageError(f"{film}: wanted a DICOM film, got an object without an image ({plain(kind)}); leave it out")
    return dataset


def _dataset(film: Film, *, stop_before_pixels: bool) -> "Dataset":
    """The data set of any DICOM file; its transfer syntax is filled in where a bare file has none."""
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    with _parsing(film):
        dataset = read_bounded(film, PIXELS if stop_before_pixels else ())
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit = dataset.original_encoding[0]
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        return dataset


def _check_frame(film: Film, dataset: "Dataset", frame: int | None) -> bool:
    """Whether there are several frames. Raises `ImageError` where `frame` says none of them."""
    with _parsing(film), warnings.catch_warnings(action="ignore", category=UserWarning):  # the error says it
        frames = int(dataset.get("NumberOfFrames") or 1)
    if frame is None and frames > 1:
        remedy = "send one alone" if isinstance(film, FilmBytes) else "save the one you want by data convert --frame N"
        raise ImageError(f"{film}: wanted one frame, got {frames}; {remedy}")
    if frame is not None and not 1 <= frame <= frames:
        raise ImageError(f"{film}: wanted --frame from 1 to {frames}, got {frame}; choose another")
    return frames > 1


def _check(film: Film, dataset: "Dataset", photometric: str) -> None:
    """Raise `ImageError` where the pixels are missing, are neither grey nor in colour, or need a missing codec."""
    from pydicom.pixels.decoders.base import get_decoder

    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ImageError(f"{film}: wanted a DICOM film, got one without pixel data; fetch the file again")
    if photometric not in GREY + COLOUR:
        wanted = ", ".join(GREY + COLOUR)
        raise ImageError(f"{film}: wanted a film in {wanted}, got {plain(photometric)}; convert it to a grey PNG")
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        install = "" if isinstance(film, FilmBytes) else "pip install 'embedlearn[dicom]', or "
        raise ImageError(
            f"{film}: wanted a codec for the DICOM transfer syntax {plain(syntax.name)} ({plain(syntax)}), got none; "
            f"{install}decompress the file (gdcmconv --raw)"
        )


def _first(value: Any) -> float | None:
    """The first of a multi-valued DICOM number; None where it is absent or empty."""
    if value is None or isinstance(value, str):
        return None
    values = list(value) if hasattr(value, "__iter__") else [value]
    return float(values[0]) if values else None


def _text(dataset: Any, name: str) -> str | None:
    """One element as trimmed text, None where it is absent or blank."""
    return str(dataset.get(name) or "").strip() or None


def _photometric(dataset: "Dataset") -> str:
    return str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))


@contextlib.contextmanager
def _parsing(film: Film) -> Iterator[None]:
    """An element is parsed when it is asked for, and pydicom raises almost anything where it is broken."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        text = f"{film}: wanted a DICOM file, got a broken one ({reason(error)}); fetch the file again"
        raise ImageError(text) from error
