"""Looking at a folder: its class folders and the image files below them, always in one order."""

import os
from collections.abc import Callable
from pathlib import Path

from embedlearn.errors import ManifestError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".dcm", ".dicom")
MASKS = ("mask", "masks")


def subfolders(folder: Path) -> list[Path]:
    """The folders inside `folder`, sorted; hidden ones and links are left out. Raises `ManifestError`."""
    return [Path(entry.path) for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]


def links(folder: Path) -> list[Path]:
    """The links to folders in `folder` and in its folders to any depth, sorted.

    They are never followed: they may lead in a circle, or to films that are read already. What cannot be listed is
    passed over.
    """
    found = []
    for place, inner, _ in os.walk(folder):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(place, name) for name in inner if os.path.islink(os.path.join(place, name))]
    return sorted(found)


def films_in(folder: Path) -> list[Path]:
    """The files with an image's suffix directly in `folder`, sorted; hidden ones are left out."""
    named = [entry for entry in _entries(folder) if entry.name.lower().endswith(SUFFIXES)]
    return [Path(entry.path) for entry in named if not _leads_to_folder(entry)]


def films_below(folder: Path) -> list[Path]:
    """The image files in `folder` and in its folders to any depth, but for folders of masks. Raises `ManifestError`."""
    films = films_in(folder)
    for inner in subfolders(folder):
        if inner.name.lower() not in MASKS:
            films += films_below(inner)
    return films


def home(folder: Path, fits: Callable[[Path], bool], wrappers: tuple[str, ...]) -> Path | None:
    """`folder`, or a folder of a name in `wrappers` inside it, to two levels, that `fits`; None where none does."""
    candidates = [folder]
    for _ in range(3):
        if found := next(filter(fits, candidates), None):
            return found
        candidates = [inner for outer in candidates for inner in subfolders(outer) if inner.name in wrappers]
    return None


def is_empty(folder: Path) -> bool:
    """Whether nothing lies in `folder` but hidden files. Raises `ManifestError` where it cannot be listed."""
    return not _entries(folder)


def has_folders(folder: Path, *names: str) -> bool:
    """Whether `folder` holds a folder of each of `names`."""
    return all(is_folder(folder / name) for name in names)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder that is read: a link to one is none."""
    return path.is_dir() and not path.is_symlink()


def folder_of(folder: Path, name: str) -> Path | None:
    """The folder inside `folder` that is called `name`, else one that is called so but for upper and lower case."""
    if is_folder(folder / name):
        return folder / name
    inner = subfolders(folder) if folder.is_dir() else []
    return next((part for part in inner if part.name.lower() == name.lower()), None)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise ManifestError(
            f"{folder}: wanted a folder to list, got {error.strerror}; check the path and its permissions"
        ) from error
