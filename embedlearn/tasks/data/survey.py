"""What is found out about a data set before a sheet is drawn: rows, headers, bad films, copies, links."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pandas as pd

from embedlearn.console import Report, progress
from embedlearn.errors import ArgumentError, ImageError, ManifestError
from embedlearn.flags import split_pairs
from embedlearn.radiographs.cache import find_unreadable, open_films
from embedlearn.radiographs.dicom import dicom_tags
from embedlearn.radiographs.layouts import dicomtree, layout_of, read_data, table
from embedlearn.radiographs.layouts.dicomfilms import is_dicom_file, person_columns
from embedlearn.radiographs.layouts.dicomlabels import UNLABELLED
from embedlearn.radiographs.layouts.listing import links
from embedlearn.radiographs.manifest import Manifest, build_manifest, join
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import FilmHeader, film_header
from embedlearn.tasks.data.flags import Show
from embedlearn.tasks.data.frames import frames_of, read_tree

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2 * (os.cpu_count() or 1)  # headers wait for the disk more than they compute
CHUNK = 128
FILM = "one DICOM file"


@dataclass(frozen=True, eq=False)
class Survey:
    """N films and what was found of each.

    `layouts` has the name of the layout that each path was recognised as, and the path. `headers` holds None where
    there is none to read; `bad` the films that cannot be read, by place, and why. `digests` are the SHA-256 of the
    files, None where films were not decoded (blank for those that cannot be). `several` are the films whose files hold
    several frames, by place. `links` are links to folders, which were not followed.
    """

    layouts: tuple[tuple[str, Path], ...]
    manifest: Manifest
    headers: Sequence[FilmHeader | None]
    bad: dict[int, str]
    digests: Sequence[str] | None
    several: tuple[int, ...]
    links: tuple[Path, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The manifest's rows."""
        return self.manifest.frame

    @property
    def has_sets(self) -> bool:
        """Whether a film may have several findings."""
        return "labels" in self.frame and bool(self.frame["labels"].str.contains("|", regex=False).any())

    @cached_property
    def findings(self) -> pd.DataFrame:
        """A row for each finding of each film, index the film's place: `class`, `source`, `person`.

        `person` is the film's patient within the source, or, where that is not known, the film itself.
        """
        frame = self.frame
        sets = frame["labels"].fillna(frame["label"]) if "labels" in frame else frame["label"]
        person = frame["patient"].fillna(pd.Series([f"film {place}" for place in frame.index], dtype="string"))
        known = pd.DataFrame(
            {"class": sets.str.split("|"), "source": frame["source"], "person": frame["source"] + "/" + person}
        )
        return known.explode("class")


def survey(settings: Show) -> Survey:
    """Read what the flags name. Raises `ManifestError` where that is no data set, `StorageError`."""
    manifest = read_paths(settings.data, settings.map, settings.columns)
    with progress("reading headers") as report:
        headers, bad = read_headers(manifest.paths, report)
    digests = None
    if not settings.quick:
        digests, torn = _decode(manifest.paths, bad)
        bad = dict(sorted((bad | torn).items()))
    layouts = tuple(name_and_path(spec) for spec in settings.data)
    links = tuple(link for _, path in layouts for link in _links_below(path))
    several = _several(manifest.paths, headers, None if digests is None else set(bad))
    return Survey(layouts, manifest, headers, bad, digests, several, links)


def read_paths(data: Sequence[str], names: Sequence[str], columns: Sequence[str], *, frames: bool = False) -> Manifest:
    """The manifest of all paths, of the phantoms where there is none. Raises `ManifestError` or `ArgumentError`.

    A DICOM file by itself is a film without a label. `frames`: a tree of DICOM files has a row for those of several.
    """
    own, called = split_pairs("--map", names), split_pairs("--columns", columns)
    kinds = [(spec, *name_and_path(spec)) for spec in data]
    if called and table.NAME not in (name for _, name, _ in kinds):
        raise ArgumentError("--columns: says what a table calls its columns, and no PATH is one; leave it out")
    manifest = join(_read_each(kinds, own, called, frames)) if data else _phantoms()
    return Manifest(manifest.frame, (*manifest.notes, *_unused(own, manifest.frame)))


def _read_each(
    kinds: Sequence[tuple[str, str, Path]], names: Mapping[str, str], columns: Mapping[str, str], frames: bool
) -> Iterator[Manifest]:
    """The manifest of each path, given as named, its kind and bare; of DICOM films by themselves last, as one."""
    for spec, name, path in kinds:
        if name == dicomtree.NAME and frames:
            yield read_tree(path, names)
        elif name != FILM:
            yield read_data(spec, names=names, columns=columns)
    if alone := [path for _, name, path in kinds if name == FILM]:
        yield _dicom_films(alone)


def _phantoms() -> Manifest:
    from embedlearn.sources import default_phantoms  # which loads torch

    return default_phantoms()


def _unused(names: Mapping[str, str], frame: pd.DataFrame) -> list[str]:
    """Sentences on the user's labels that no film has."""
    given = [
        frame[name].dropna().str.split("|").explode() for name in ("label", "labels", "uncertain") if name in frame
    ]
    there = set(pd.concat(given))
    lacking = [(name, label) for name, label in names.items() if label not in there]
    return [
        f"--map {name}={label}: no film is labelled {label}; see how the set spells {name}" for name, label in lacking
    ]


def require_outside(out: Path, data: Sequence[str]) -> None:
    """Raise `ArgumentError` where what is written would lie among the films, and be read as films the next time."""
    for _, path in map(name_and_path, data):
        if os.path.isdir(path) and Path(os.path.abspath(out)).is_relative_to(path):
            raise ArgumentError(f"--out {out}: lies inside {path}, where it would count as films; name another place")


def name_and_path(spec: str) -> tuple[str, Path]:
    """What a path is read as, and the bare path."""
    return (FILM, Path(os.path.abspath(spec))) if is_dicom_file(Path(spec)) else layout_of(spec)


def _dicom_films(paths: Sequence[Path]) -> Manifest:
    """Films that are named one by one, and what their files say of them."""
    known = [{"path": path, "label": UNLABELLED, **person_columns(dicom_tags(path))} for path in paths]
    return build_manifest(known, paths[0].parent.name)


def read_headers(paths: Sequence[Path], report: Report) -> tuple[list[FilmHeader | None], dict[int, str]]:
    """The headers of films, None where there is none, and why not, by place."""
    headers: list[FilmHeader | None] = []
    bad: dict[int, str] = {}
    for place, found in enumerate(in_threads(_header, paths, report)):
        headers.append(found if isinstance(found, dict) else None)
        if isinstance(found, str):
            bad[place] = found
    return headers, bad


def in_threads(act: Callable[[Item], Result], items: Sequence[Item], report: Report) -> Iterator[Result]:
    """`act` of every item, in order, some at a time; what has not begun is left undone where one raises."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        for start in range(0, len(items), CHUNK):
            yield from pool.map(act, items[start : start + CHUNK])
            report(min(start + CHUNK, len(items)), len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _header(path: Path) -> FilmHeader | str:
    try:
        return film_header(path)
    except ImageError as error:
        return str(error)


def _decode(paths: Sequence[Path], bad: dict[int, str]) -> tuple[list[str], dict[int, str]]:
    """Decode what has a header into the cache; the digests of all that could be, and why others could not."""
    tried = [place for place in range(len(paths)) if place not in bad]
    with progress("decoding films") as report:
        found = find_unreadable([paths[place] for place in tried], Preprocessing(), progress=report)
    torn = {tried[number]: str(error) for number, error in found.items()}
    whole = [place for place in tried if place not in torn]
    digests = [""] * len(paths)
    for place, digest in zip(whole, open_films([paths[p] for p in whole], Preprocessing()).digests, strict=True):
        digests[place] = digest
    return digests, torn


def _several(paths: Sequence[Path], headers: Sequence[FilmHeader | None], among: set[int] | None) -> tuple[int, ...]:
    """The places of DICOM files that hold several frames, `among` some or all of them."""
    dicom = [place for place, header in enumerate(headers) if header and header["format"] == "DICOM"]
    asked = dicom if among is None else [place for place in dicom if place in among]
    with progress("counting frames") as report:
        counts = list(in_threads(frames_of, [paths[place] for place in asked], report))
    return tuple(place for place, count in zip(asked, counts, strict=True) if count > 1)


def _links_below(folder: Path) -> list[Path]:
    """The links to folders in `folder` and below, none of which is followed; none where it cannot be listed."""
    try:
        return links(folder) if folder.is_dir() else []
    except ManifestError:
        return []
