"""Data sets as they lie on disks, each read into a manifest."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import darkcovidnet, folders, ieee8023, kermany, phantoms, sandrofab, table
from embedlearn.radiographs.layouts.listing import is_empty, subfolders
from embedlearn.radiographs.manifest import Manifest


class Layout(Protocol):
    """What a module for one layout of folders offers."""

    NAME: str
    """Its name before the colon of LAYOUT:PATH."""
    TREE: str
    """The folders it wants, in one line."""

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` is laid out so."""
        ...

    def read(self, folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
        """The films of `folder`; `names` are the user's labels for the set's own."""
        ...


PUBLISHED: tuple[Layout, ...] = (phantoms, ieee8023, kermany, sandrofab, darkcovidnet)
LAYOUTS: tuple[Layout, ...] = (*PUBLISHED, folders)
NAMES = (*(layout.NAME for layout in LAYOUTS), table.NAME)


def read_data(
    spec: str | Path, *, names: Mapping[str, str] | None = None, columns: Mapping[str, str] | None = None
) -> Manifest:
    """The films at `spec`: a folder, a table, or LAYOUT:PATH where the layout is not to be found by looking.

    `names` (NAME=LABEL) goes before the canonical labels; `columns` (label=dx path=file) says what a table calls
    its columns and means nothing to a folder. Raises `ManifestError` where nothing usable is there.
    """
    name, path = _parted(str(spec))
    if not os.path.exists(path):
        raise ManifestError(f"{path}: wanted a folder or a table, got nothing there; check the path")
    if name == table.NAME or (name is None and not path.is_dir()):
        return table.read(path, names, columns)
    if not path.is_dir():
        raise ManifestError(
            f"{path}: wanted a folder laid out as {name}, got a file; give the folder, or the bare path"
        )
    return _layout_of(path, name).read(path, names)


def _parted(spec: str) -> tuple[str | None, Path]:
    """LAYOUT:PATH as its two parts, an absolute path; a path that exists is never cut, nor is a drive letter."""
    prefix, colon, rest = spec.partition(":")
    if not colon or os.path.lexists(spec) or not re.fullmatch(r"\w[\w-]+", prefix):
        return None, Path(os.path.abspath(spec))
    if prefix not in NAMES:
        raise ManifestError(f"{spec}: wanted a path, or one of {', '.join(NAMES)} before the colon, got {prefix}")
    return prefix, Path(os.path.abspath(rest))


def _layout_of(folder: Path, name: str | None) -> Layout:
    """The layout that was named, if `folder` has it, or else the first one that recognises `folder`."""
    if is_empty(folder):
        raise ManifestError(f"{folder}: wanted class folders, got an empty folder; check the path")
    if name is None:
        layout = _recognised(folder) or folders
        if layout is folders and (inner := [part for part in subfolders(folder) if _recognised(part)]):
            sets = " ".join(str(part) for part in inner)
            raise ManifestError(
                f"{folder}: wanted one data set, got a folder of sets; give {sets}, or {folders.NAME}:{folder}"
            )
        return layout
    layout = next(layout for layout in LAYOUTS if name == layout.NAME)
    if not layout.recognises(folder):
        raise ManifestError(
            f"{folder}: wanted the layout {name} ({layout.TREE}), got another; check the path or leave {name}: out"
        )
    return layout


def _recognised(folder: Path) -> Layout | None:
    """The layout of a published set that `folder` has."""
    return next((layout for layout in PUBLISHED if layout.recognises(folder)), None)
