"""Data sets as they lie on disks, each read into a manifest."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import (
    actualmed,
    chestxray14,
    chexpert,
    covidcxnet,
    covidx,
    darkcovidnet,
    dicomtree,
    figure1,
    folders,
    hannover,
    ieee8023,
    kermany,
    medmnist,
    phantoms,
    radiography,
    rsna,
    sandrofab,
    siim,
    table,
)
from embedlearn.radiographs.layouts.listing import is_empty, links, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.manifest import Manifest, each_film_once


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


PUBLISHED: tuple[Layout, ...] = (
    phantoms,
    chestxray14,
    chexpert,
    rsna,
    siim,
    covidx,
    ieee8023,
    actualmed,
    figure1,
    hannover,
    covidcxnet,
    radiography,
    kermany,
    sandrofab,
    darkcovidnet,
)
LAYOUTS: tuple[Layout, ...] = (*PUBLISHED, dicomtree, folders)
NAMES = (*(layout.NAME for layout in LAYOUTS), medmnist.NAME, table.NAME)


def read_data(
    spec: str | Path, *, names: Mapping[str, str] | None = None, columns: Mapping[str, str] | None = None
) -> Manifest:
    """The films at `spec`: a folder, a table, an .npz, or LAYOUT:PATH where the layout is not to be found by looking.

    `names` (NAME=LABEL) goes before the canonical labels; `columns` (label=dx path=file) says what a table calls
    its columns and means nothing to a folder. Raises `ManifestError` where nothing usable is there.
    """
    name, path = layout_of(spec)
    if name == table.NAME:
        return table.read(path, names, columns)
    if name == medmnist.NAME:
        return medmnist.read(path, names)
    layout = next(layout for layout in LAYOUTS if name == layout.NAME)
    try:
        manifest = each_film_once(layout.read(path, names))
    except ManifestError as error:
        raise ManifestError("; ".join([str(error), *_links_note(path)])) from error
    return replace(manifest, notes=(*manifest.notes, *_links_note(path)))


def layout_of(spec: str | Path) -> tuple[str, Path]:
    """What `read_data` reads `spec` as, one of `NAMES`, and its path, absolute. Raises `ManifestError`."""
    name, path = _parted(str(spec))
    if not os.path.exists(path):
        raise ManifestError(f"{path}: wanted a folder or a table, got nothing there; check the path")
    if name in (medmnist.NAME, table.NAME):
        return name, path
    if name is None and not path.is_dir():
        return (medmnist.NAME if medmnist.recognises(path) else table.NAME), path
    if not path.is_dir():
        raise ManifestError(
            f"{path}: wanted a folder laid out as {name}, got a file; give the folder, or the bare path"
        )
    if is_empty(path):
        raise ManifestError(f"{path}: wanted class folders, got an empty folder; check the path")
    if name is None:
        return (_recognised(path) or _unpublished(path)).NAME, path
    layout = next(layout for layout in LAYOUTS if name == layout.NAME)
    if not layout.recognises(path):
        raise ManifestError(
            f"{path}: wanted the layout {name} ({layout.TREE}), got another; check the path or leave {name}: out"
        )
    return name, path


def _parted(spec: str) -> tuple[str | None, Path]:
    """LAYOUT:PATH as its two parts, an absolute path; a path that exists is never cut, nor is a drive letter."""
    prefix, colon, rest = spec.partition(":")
    if not colon or os.path.lexists(spec) or not re.fullmatch(r"\w[\w-]+", prefix):
        return None, Path(os.path.abspath(spec))
    if prefix not in NAMES:
        raise ManifestError(f"{spec}: wanted a path, or one of {', '.join(NAMES)} before the colon, got {prefix}")
    return prefix, Path(os.path.abspath(rest))


def _recognised(folder: Path) -> Layout | None:
    """The layout of a published set that `folder` has."""
    return next((layout for layout in PUBLISHED if layout.recognises(folder)), None)


def _unpublished(folder: Path) -> Layout:
    """What to read a folder as that is no published set. Raises `ManifestError` where it holds one or several."""
    if not (inner := [part for part in subfolders(folder) if _recognised(part)]) and dicomtree.recognises(folder):
        return dicomtree
    wrapped = folders.home(folder)
    if inner or (wrapped != folder and _recognised(wrapped)):
        sets = " ".join(str(part) for part in inner or [wrapped])
        raise ManifestError(
            f"{folder}: wanted one data set, got a folder of sets; give {sets}, or {folders.NAME}:{folder}"
        )
    return folders


def _links_note(folder: Path) -> list[str]:
    """One sentence where links to folders lie below `folder`, else none: no layout follows them."""
    names = [link.relative_to(folder).as_posix() for link in links(folder)]
    return left_out_note(folder.name, "links to folders were not followed", names)
