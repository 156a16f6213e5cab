"""`data convert`: a data set as a table, or as a resized copy that goes on where it was broken off."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from embedlearn.console import progress, say
from embedlearn.errors import ArgumentError, ImageError
from embedlearn.files import replacing, require_folder, value_digest, write_json
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import LOOKED_AT, Mitigation, estimate_lungs, find_lungs, mitigate
from embedlearn.radiographs.reading import DRAFT_GAP, MIN_SIDE, read_film
from embedlearn.tasks.data.flags import ALL, TABLES, Convert
from embedlearn.tasks.data.names import anonymised, copy_names, left_out
from embedlearn.tasks.data.survey import frames_of, in_threads, read_paths, require_outside

FORMAT = "embedlearn-copy-1"
TABLE, STAMP = "manifest.csv", "convert.json"
OPTIONS: dict[str, dict[str, Any]] = {"png": {}, "jpeg": {"quality": 95}}
BESIDE = re.compile(r"\.(.+)-[0-9a-f]{8}(\.\w+)")  # as `files.replacing` names what it writes


def convert(settings: Convert) -> None:
    """Write the table or the copy. Raises `ManifestError`, `ImageError`, `ArgumentError` or `StorageError`."""
    out = Path(os.path.abspath(settings.out or ""))
    is_table = out.suffix.lower() in TABLES
    require_folder(out.parent if is_table else out, "--out")
    if not is_table:
        require_outside(out, settings.data)
    manifest = read_paths(settings.data, settings.map, settings.columns)
    for note in manifest.notes:
        say(f"  note: {note}")
    if is_table:
        manifest.save(out)
        say(f"wrote {out}: {len(manifest):,} films, which stay where they are")
    else:
        _copy(settings, manifest, out)


def _copy(settings: Convert, manifest: Manifest, out: Path) -> None:
    rows, numbers = _with_frames(manifest.frame, settings.frame)
    copies = copy_names(rows, numbers, f".{settings.format}", anonymous=settings.anonymous)
    _begin(out, _stamp(settings, rows, numbers))
    lungs = find_lungs(manifest.paths, settings.masks, settings.boxes) if settings.masks or settings.boxes else None
    with progress("copying films") as report:
        items = list(zip(rows["path"], numbers, copies, strict=True))
        act = functools.partial(_copied, settings, out, lungs)
        told = list(in_threads(act, items, report))
    bad = [isinstance(one, str) for one in told]
    for message in (one for one in told if isinstance(one, str)):
        say(f"  note: left out: {message}")
    if all(bad):
        raise ImageError(f"--skip-bad: none of {len(bad)} films can be read; name others")
    _sweep(out, set(copies))
    frame = rows.assign(path=copies)
    if any(numbers):
        frame["frame"] = pd.array(numbers, dtype="Int64")
    _write_table(settings, frame[~np.array(bad)], out)
    there = sum(one is False for one in told)
    also = f", {there:,} of them there already" if there else ""
    say(f"wrote {out}: {len(bad) - sum(bad):,} films{also}, and {TABLE}")
    say(f"next: python -m embedlearn.data show {shlex.quote(str(out / TABLE))}")


def _with_frames(frame: pd.DataFrame, wanted: str | None) -> tuple[pd.DataFrame, list[int | None]]:
    """The rows, and the number of the picture to take of each from a file of several, None of others.

    A file of which all are wanted has a row for each.
    """
    if wanted is None:
        return frame, [None] * len(frame)
    with progress("counting frames") as report:
        counts = list(in_threads(frames_of, [Path(path) for path in frame["path"]], report))
    chosen: list[tuple[int, int | None]] = []
    for place, count in enumerate(counts):
        several = range(1, count + 1) if wanted == ALL else [int(wanted)]
        chosen += [(place, number) for number in (several if count > 1 else [None])]
    places, numbers = zip(*chosen, strict=True)
    return frame.iloc[list(places)].reset_index(drop=True), list(numbers)


def _stamp(settings: Convert, rows: pd.DataFrame, numbers: Sequence[int | None]) -> dict[str, Any]:
    """What a copy is of: what must be the same for one that was broken off to go on."""
    named = ("size", "format", "frame", "trim", "lungs", "intensity", "anonymous")
    cells = [list(map(str, row)) for row in rows.fillna("").to_numpy(object)]
    places = [str(path and path.absolute()) for path in (settings.masks, settings.boxes)]
    digest = value_digest([list(rows.columns), cells, list(numbers), places])
    return {"format": FORMAT, "settings": {name: getattr(settings, name) for name in named}, "films": digest}


def _begin(out: Path, stamp: Mapping[str, Any]) -> None:
    """Begin a copy, or go on with one. Raises `ArgumentError` where the folder holds anything else."""
    if (out / STAMP).is_file():
        try:
            there = json.loads((out / STAMP).read_text(encoding="utf-8"))
        except ValueError:
            there = None
        if there != stamp:
            other = "films" if there and there.get("settings") == stamp["settings"] else "settings"
            raise ArgumentError(f"--out {out}: holds a copy of other {other}; name another folder, or remove this one")
    elif out.is_dir() and any(out.iterdir()):
        raise ArgumentError(f"--out {out}: wanted a new folder, or a copy to go on with, got another; name a new one")
    else:
        write_json(out / STAMP, stamp)


def _sweep(out: Path, copies: set[str]) -> None:
    """Remove what a process that was killed had begun to write beside the copies."""
    for folder in {(out / copy).parent for copy in copies}:
        for path in folder.glob(".*"):
            begun = BESIDE.fullmatch(path.name)
            if begun and str((folder / (begun[1] + begun[2])).relative_to(out)) in copies:
                path.unlink(missing_ok=True)


def _copied(
    settings: Convert, out: Path, lungs: Mapping[Path, Box] | None, item: tuple[str, int | None, str]
) -> bool | str:
    """Copy one film: True where it was, False where it is there already, with --skip-bad why it cannot be."""
    path, target = Path(item[0]), out / item[2]
    if target.is_file() and path.is_file() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return False
    try:
        film = _converted(settings, path, item[1], lungs)
    except ImageError as error:
        if settings.skip_bad:
            return str(error)
        raise ImageError(f"{error}; --skip-bad leaves out such films") from error
    with replacing(target) as beside:
        Image.fromarray(film).save(beside, settings.format, **OPTIONS[settings.format])
    return True


def _converted(
    settings: Convert, path: Path, number: int | None, lungs: Mapping[Path, Box] | None
) -> NDArray[np.uint8]:
    """One film as it is to be written, uint8 [H, W]; a thin one keeps sides that can be read again."""
    mitigation = Mitigation(settings.trim, settings.lungs, settings.intensity)
    needed = None if mitigation.lungs else math.ceil(DRAFT_GAP * settings.size / (1 - 2 * settings.trim))
    film = read_film(path, target=needed, frame=number)
    if mitigation.changes:
        box = None
        if mitigation.lungs:
            box = lungs[path] if lungs else estimate_lungs(_shrunk(film, LOOKED_AT / min(film.shape)))
        film = mitigate(film, mitigation, box)
        if min(film.shape) < MIN_SIDE:
            got = f"{film.shape[1]} x {film.shape[0]}"
            raise ImageError(f"{path}: --trim and --lungs leave {got} pixels of it, too few; trim less or leave it out")
    return _shrunk(film, max(settings.size / max(film.shape), MIN_SIDE / min(film.shape)))


def _shrunk(film: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The film with its sides at this share of their length, never enlarged."""
    if share >= 1:
        return film
    height, width = film.shape
    shape = (max(1, round(width * share)), max(1, round(height * share)))
    image = Image.fromarray(np.ascontiguousarray(film))
    return np.array(image.resize(shape, Image.Resampling.LANCZOS, reducing_gap=3.0))


def _write_table(settings: Convert, frame: pd.DataFrame, out: Path) -> None:
    """The copy's table, whose paths start at its own folder."""
    if settings.anonymous:
        if gone := left_out(frame):
            say(f"  note: left out of {TABLE}: {', '.join(gone)}")
        frame = anonymised(frame)
        say("  note: what is burnt into films stays, names among it; look at them before you give them away")
    Manifest(frame).save(out / TABLE)
    read_data(out / TABLE)  # the proof that it can be
