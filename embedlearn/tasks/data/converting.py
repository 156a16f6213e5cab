"""`data convert`: a data set as a table, or as a resized copy that goes on where it was broken off."""

from __future__ import annotations

import functools
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from embedlearn.console import progress, say
from embedlearn.errors import ImageError, ManifestError
from embedlearn.files import replacing, require_folder, value_digest
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import LOOKED_AT, Mitigation, estimate_lungs, find_lungs, mitigate
from embedlearn.radiographs.reading import DRAFT_GAP, MIN_SIDE, read_film
from embedlearn.tasks.data.flags import ALL, Convert
from embedlearn.tasks.data.frames import frames_of, keep_together
from embedlearn.tasks.data.names import anonymised, copy_names, left_out
from embedlearn.tasks.data.resuming import begin, sweep
from embedlearn.tasks.data.survey import in_threads, read_headers, read_paths, require_outside

FORMAT = "embedlearn-copy-1"
TABLE = "manifest.csv"
OPTIONS: dict[str, dict[str, Any]] = {"png": {}, "jpeg": {"quality": 95}}


def convert(settings: Convert) -> None:
    """Write the table or the copy. Raises `ManifestError`, `ImageError`, `ArgumentError` or `StorageError`."""
    out = Path(os.path.abspath(settings.out or ""))
    require_folder(out.parent if settings.is_table else out, "--out")
    if not settings.is_table:
        require_outside(out, settings.data)
    manifest = read_paths(settings.data, settings.map, settings.columns, frames=settings.frame is not None)
    for note in manifest.notes:
        say(f"  note: {note}")
    if settings.is_table:
        _save(manifest, out)
        say(f"wrote {out}: {len(manifest):,} films, which stay where they are")
    else:
        _copy(settings, manifest, out)


def _copy(settings: Convert, manifest: Manifest, out: Path) -> None:
    rows, numbers = _with_frames(manifest.frame, settings.frame)
    copies = copy_names(rows, numbers, f".{settings.format}", anonymous=settings.anonymous)
    lungs = _outlined(settings, manifest.paths)
    begin(out, _stamp(settings, rows, numbers, lungs), dict(zip(copies, map(Path, rows["path"]), strict=True)))
    with progress("copying films") as report:
        items = list(zip(rows["path"], numbers, copies, strict=True))
        act = functools.partial(_copied, settings, out, lungs)
        told = list(in_threads(act, items, report))
    bad = [isinstance(one, str) for one in told]
    for message in (one for one in told if isinstance(one, str)):
        say(f"  note: left out: {message}")
    if all(bad):
        raise ImageError(f"--skip-bad: none of {len(bad)} films can be read; name others")
    sweep(out, copies)
    frame = rows.assign(path=copies)
    if any(numbers):
        frame["frame"] = pd.array(numbers, dtype="Int64")
    _write_table(settings, frame[~np.array(bad)], out)
    there = sum(one is False for one in told)
    also = f", {there:,} of them there already" if there else ""
    say(f"wrote {out}: {len(bad) - sum(bad):,} films{also}, and {TABLE}")
    say(f"next: python -m embedlearn.data show {shlex.quote(str(out / TABLE))}")


def _outlined(settings: Convert, paths: Sequence[Path]) -> dict[Path, Box] | None:
    """The lungs of the films by --masks and --boxes, None without them; with --skip-bad films may be unreadable."""
    if not (settings.masks or settings.boxes):
        return None
    bad: Mapping[int, str] = {}
    if settings.skip_bad:
        with progress("reading headers") as report:
            _, bad = read_headers(paths, report)
    return find_lungs((path for place, path in enumerate(paths) if place not in bad), settings.masks, settings.boxes)


def _with_frames(frame: pd.DataFrame, wanted: str | None) -> tuple[pd.DataFrame, list[int | None]]:
    """The rows, and the number of the picture to take of each from a file of several, None of others.

    A file of which all are wanted has a row for each, all of one case.
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
    if not any(numbers):
        say("  note: --frame: none of these films has several frames, so that it changes nothing")
    return keep_together(frame.iloc[list(places)]), list(numbers)


def _stamp(
    settings: Convert, rows: pd.DataFrame, numbers: Sequence[int | None], lungs: Mapping[Path, Box] | None
) -> dict[str, Any]:
    """What a copy is of: what must be the same for one that was broken off to go on."""
    named = ("size", "format", "frame", "trim", "lungs", "intensity", "anonymous")
    cells = [list(map(str, row)) for row in rows.fillna("").to_numpy(object)]
    outlines = [[str(path), *box] for path, box in (lungs or {}).items()]
    digest = value_digest([list(rows.columns), cells, list(numbers), outlines])
    return {"format": FORMAT, "settings": {name: getattr(settings, name) for name in named}, "films": digest}


def _copied(
    settings: Convert, out: Path, lungs: Mapping[Path, Box] | None, item: tuple[str, int | None, str]
) -> bool | str:
    """Copy one film: True where it was, False where it is there already, with --skip-bad why it cannot be."""
    path, target = Path(item[0]), out / item[2]
    if target.is_file():  # of this very file, see `begin`
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
        say("  note: labels are kept as they are; where folders or a table named them, see that they name nobody")
        say("  note: what is burnt into films stays, names among it; look at them before you give them away")
    _save(Manifest(frame), out / TABLE)


def _save(manifest: Manifest, path: Path) -> None:
    """Write a table that was read back as a proof that it can be. Raises `ManifestError` where it cannot."""
    with replacing(path) as beside:
        manifest.save(beside)
        try:
            read_data(beside)
        except ManifestError as error:
            raise ManifestError(str(error).replace(str(beside), str(path))) from error
