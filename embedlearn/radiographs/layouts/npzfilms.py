"""Films in an `.npz` file: checked before anything is read, and unpacked once, as PNG, into the cache."""

import math
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ManifestError, StorageError
from embedlearn.files import cache_folder
from embedlearn.radiographs.cache import find_digests
from embedlearn.radiographs.reading import MIN_SIDE

MAX_BYTES = 32 << 30  # of all films unpacked: twice the largest file of the MedMNIST collection
SUSPICIOUS = 64 << 20  # bytes of an array from which on its ratio is looked at
MAX_RATIO = 200  # of a film's bytes unpacked to packed: radiographs stay below 20, zeros reach 1,000
SIDES = range(MIN_SIDE, 4097)  # pixels
MAX_LABELS = 1 << 28  # bytes
SUSPICIOUS_LABELS = 1 << 20  # bytes: far more than the largest set has to a column
TORN = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError)  # the last: encrypted


@dataclass(frozen=True)
class Part:
    """One split of a file: the `shape` of its films, uint8 [N, H, W] or [N, H, W, 3], and `labels` int64 [N, L]."""

    split: str
    shape: tuple[int, ...]
    labels: NDArray[np.int64]


def read_parts(path: Path, splits: Iterable[str]) -> list[Part]:
    """The splits that a file holds as the arrays SPLIT_images and SPLIT_labels, their films unread.

    Raises `ManifestError` where it is torn, of another form, or unpacks to more than any set of films does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = [split for split in splits if f"{split}_images.npy" in archive.namelist()]
            if not present:
                raise ManifestError(_unwanted(path, "none of them"))
            shapes = {split: _film_shape(path, archive, split) for split in present}
            total = sum(math.prod(shape) for shape in shapes.values())
            if total > MAX_BYTES:
                raise ManifestError(_bomb(path, f"{total:,} bytes"))
            return [Part(split, shapes[split], _labels(path, archive, split, shapes[split][0])) for split in present]
    except (*TORN, OSError) as error:
        raise ManifestError(f"{path}: wanted a whole .npz file, got {_line(error)}; fetch it again") from error


def unpack(path: Path, parts: Iterable[Part]) -> Path:
    """The folder in the cache with the films of `path`, SPLIT/000000.png and so on; written whole or not at all.

    Raises `ManifestError` where the file is torn and `StorageError` where the cache cannot be written.
    """
    place = cache_folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        folder = place / f"npz-{find_digests([path], place)[0][:16]}"
        if folder.is_dir():
            return folder
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=place))
        try:
            _write(path, parts, beside)
            if not folder.is_dir():  # another process may have been faster
                beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return folder
    except TORN as error:
        raise ManifestError(f"{path}: wanted whole films, got {_line(error)}; fetch the file again") from error
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(f"{place}: cannot be written ({reason}); set EMBEDLEARN_CACHE") from error


def film_path(folder: Path, split: str, number: int) -> Path:
    """Where film `number` of a split lies in the folder that `unpack` returned."""
    return folder / split / f"{number:06d}.png"


def _write(path: Path, parts: Iterable[Part], folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for part in parts:
            (folder / part.split).mkdir()
            size = math.prod(part.shape[1:])
            with archive.open(f"{part.split}_images.npy") as file:
                _header(file)
                for number in range(part.shape[0]):
                    film = np.frombuffer(file.read(size), np.uint8).reshape(part.shape[1:])
                    Image.fromarray(film).save(film_path(folder, part.split, number), compress_level=1)


def _film_shape(path: Path, archive: zipfile.ZipFile, split: str) -> tuple[int, ...]:
    """The shape of a split's films, by the zip directory and the array's header alone."""
    name = f"{split}_images.npy"
    info = archive.getinfo(name)
    if info.file_size > max(SUSPICIOUS, MAX_RATIO * info.compress_size):
        raise ManifestError(_bomb(path, f"{name} of {info.file_size:,} bytes out of {info.compress_size:,}"))
    shape, dtype, start = _declared(archive, name)
    films = len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)
    if dtype != np.uint8 or not films or not shape[0] or not all(side in SIDES for side in shape[1:3]):
        raise ManifestError(_unwanted(path, f"{name} as {dtype} {list(shape)}"))
    if start + math.prod(shape) != info.file_size:
        raise ManifestError(_unwanted(path, f"{name} with {info.file_size:,} bytes for {list(shape)}"))
    return shape


def _labels(path: Path, archive: zipfile.ZipFile, split: str, count: int) -> NDArray[np.int64]:
    """The labels of a split, int64 [N, L], read only where their header says that they are few whole numbers."""
    name = f"{split}_labels.npy"
    if name not in archive.namelist():
        raise ManifestError(_unwanted(path, f"no {name}"))
    shape, dtype, _ = _declared(archive, name)
    info = archive.getinfo(name)
    if info.file_size > max(SUSPICIOUS_LABELS, MAX_RATIO * info.compress_size):
        raise ManifestError(_bomb(path, f"{name} of {info.file_size:,} bytes out of {info.compress_size:,}"))
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in "iub" or shape[:1] != (count,) or len(shape) > 2 or not 1 <= size <= MAX_LABELS:
        raise ManifestError(_unwanted(path, f"{name} as {dtype} {list(shape)} for {count:,} films"))
    with archive.open(name) as file:
        values = npy.read_array(file, allow_pickle=False)
    return np.asarray(values, np.int64).reshape(count, -1)


def _declared(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    """Shape and dtype that an array's header declares, and where its values start."""
    with archive.open(name) as file:
        shape, dtype = _header(file)
        return shape, dtype, file.tell()


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran and len(shape) > 1:
        raise ValueError("an array in Fortran order")
    return shape, dtype


def _unwanted(path: Path, got: str) -> str:
    return (
        f"{path}: wanted the arrays train_images, val_images or test_images (uint8 [N, H, W] or [N, H, W, 3]) and as "
        f"many whole numbers in train_labels and so on, got {got}; give a MedMNIST file of two dimensions"
    )


def _bomb(path: Path, got: str) -> str:
    return (
        f"{path}: wanted films that unpack to at most {MAX_BYTES >> 30} GiB and {MAX_RATIO} times their packed size, "
        f"got {got}; leave the file out"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
