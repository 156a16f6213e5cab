"""A copy that was broken off goes on: what it is of, which of its films are still good, what was half-written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import value_digest, write_json

STAMP = "convert.json"
BESIDE = re.compile(r"\.(.+)-[0-9a-f]{8}(\.\w+)")  # as `files.replacing` names what it writes


def begin(out: Path, stamp: Mapping[str, Any], films: Mapping[str, Path]) -> None:
    """Begin a copy into `out`, or go on with one: copies of films that are no longer the same files are removed.

    `stamp` is what the copy is of, `films` the film of each path in it. Raises `ArgumentError` where the folder holds
    anything else, and `StorageError`.
    """
    now = {name: _state(path) for name, path in films.items()}
    if (out / STAMP).is_file():
        there = _read(out / STAMP)
        before = there.pop("sources", {})
        if there != stamp:
            other = "films" if there.get("settings") == stamp["settings"] else "settings"
            raise ArgumentError(f"--out {out}: holds a copy of other {other}; name another folder, or remove this one")
        if before == now:
            return
        for name, state in now.items():
            if before.get(name) != state:
                _remove(out / name)
    elif out.is_dir() and any(out.iterdir()):
        raise ArgumentError(f"--out {out}: wanted a new folder, or a copy to go on with, got another; name a new one")
    write_json(out / STAMP, {**stamp, "sources": now})


def sweep(out: Path, copies: Iterable[str]) -> None:
    """Remove what a process that was killed had begun to write beside the copies. Raises `StorageError`."""
    wanted = set(copies)
    for folder in {(out / copy).parent for copy in wanted}:
        for path in folder.glob(".*"):
            begun = BESIDE.fullmatch(path.name)
            if begun and (folder / (begun[1] + begun[2])).relative_to(out).as_posix() in wanted:
                _remove(path)


def _read(file: Path) -> dict[str, Any]:
    """What a stamp says; nothing where it is none."""
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return there if isinstance(there, dict) and isinstance(there.get("sources"), dict) else {}


def _state(path: Path) -> str:
    """A file's size and time of change, in a form that tells a stranger neither; blank where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return value_digest([str(path), found.st_size, found.st_mtime_ns])[:16]


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot be removed ({error.strerror or error}); name another --out") from error
