"""A gallery in a folder: what its generations hold, and its log of changes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedlearn.errors import StorageError
from embedlearn.gallery.about import About, read_about
from embedlearn.gallery.approximate import read_approximate
from embedlearn.gallery.casetable import ID, CaseTable
from embedlearn.gallery.changes import Added, Removed, decode_change
from embedlearn.gallery.exact import Floats, Rows
from embedlearn.gallery.searching import Chosen, Plan, Searcher, read_chosen, read_plan
from embedlearn.gallery.state import State
from embedlearn.gallery.store.generation import Generation
from embedlearn.gallery.store.log import ChangeLog
from embedlearn.gallery.store.manifest import BLOCK, NAME
from embedlearn.gallery.store.shelf import Shelf
from embedlearn.provenance import describe_software

FORMAT = "embedlearn-gallery-1"
VECTORS, ROWS, INDEX, SALT = "vectors.npy", "rows.parquet", "index.faiss", "salt"
CHUNK = 131_072  # vectors written at a time
LONGEST_HEADER = 1024  # bytes before the vectors in their file


class Folder:
    """What ties an open `Gallery` to its folder: a pinned generation and, for the writer, the lock and the log."""

    def __init__(self, path: Path, writable: bool) -> None:
        self.path = path
        self.writable = writable
        self.loaded = ""
        """The revision of what was loaded, with what was recorded since."""
        self._shelf = Shelf(path)
        self._open = contextlib.ExitStack()
        self._generation: Generation | None = None
        self._log: ChangeLog | None = None
        if writable:
            if not self._shelf.exists():
                raise StorageError(f"{path}: there is no gallery here; make one with embedlearn index")
            self._open.enter_context(self._shelf.writing())

    @property
    def revision(self) -> str:
        """A word for what is in the folder now, another one after every change. Raises `StorageError`."""
        return self._shelf.revision()

    def load(self, plan: Plan) -> State:
        """The current generation with the changes since, to be searched on the plan's device. Raises `StorageError`."""
        self._let_go()
        self._generation = generation = self._shelf.open()
        where = str(generation.folder / NAME)
        about, chosen, count, kept = _read_settings(generation.about, where)
        _require_room(generation, 4 * count * about.dimension)
        plan = dataclasses.replace(kept, device=plan.device, half=plan.half)
        state = State(
            about,
            chosen,
            plan,
            CaseTable(count, lambda: _read_rows(generation, count)),
            lambda: self._searcher(generation, about, chosen, count, plan),
            _read_secret(generation),
            SALT in generation.files or generation.about.get("salted") is True,
            generation.about["extra"],
        )
        log = generation.log(self.writable)
        self.loaded = log.word
        for payload in log:
            change = decode_change(payload, about.dimension, str(log.path))
            if isinstance(change, Added):
                state.add(change.vectors, change.rows)
            else:
                state.remove(change.rows)
        if self.writable:
            self._log = log
        else:
            log.close()
        return state

    def record_added(self, vectors: Floats, rows: pa.Table) -> None:
        """Put cases in the log; they are on the disk when this returns. Raises `StorageError`."""
        self._record(Added(vectors, rows).encode())

    def record_removed(self, rows: Rows) -> None:
        """Put a removal in the log; it is on the disk when this returns. Raises `StorageError`."""
        self._record(Removed(rows).encode())

    def compact(self, state: State) -> None:
        """Publish what is here now as a new generation, which is to be loaded. Raises `StorageError`."""
        self._writable_log()
        assert self._generation is not None
        if state.salt is None and (path := self._generation.folder / SALT).exists():
            raise StorageError(f"{path}: cannot be read by this user, and would be lost; compact as its owner")
        self._shelf.publish(lambda place: _write_state(state, place))

    def close(self) -> None:
        """Let go of the generation, the log and the lock; may be called again."""
        self._let_go()
        self._open.close()

    def _searcher(self, generation: Generation, about: About, chosen: Chosen, count: int, plan: Plan) -> Searcher:
        """The vectors, mapped and verified as they are touched, and the index, verified before FAISS reads it."""
        path = generation.verified(VECTORS, 0, BLOCK)
        vectors = _mapped(path, (count, about.dimension))
        index = None
        if chosen.effort:
            file = generation.verified(INDEX)
            index = read_approximate(file, chosen.kind, chosen.effort, about.dimension, count, mapped=not self.writable)
        touch = _toucher(generation, vectors.offset, 4 * about.dimension)
        return Searcher(vectors.view(np.ndarray), index, plan, touch)

    def _let_go(self) -> None:
        for held in (self._log, self._generation):
            if held:
                held.close()
        self._log = self._generation = None

    def _record(self, change: bytes) -> None:
        log = self._writable_log()
        log.append(change)
        self.loaded = log.word

    def _writable_log(self) -> ChangeLog:
        if not self._log:
            raise StorageError(f"{self.path}: open for reading; open it with writable=True to change it")
        return self._log


def save_state(state: State, path: Path, replace: bool = True) -> None:
    """Publish the live cases in a folder. Raises `StorageError`, also where there are others, not to be replaced."""
    shelf = Shelf(path)
    with shelf.writing():
        if shelf.exists() and not replace:
            raise StorageError(f"{path}: another process has made a gallery here meanwhile; name another folder")
        shelf.publish(lambda place: _write_state(state, place))


def _write_state(state: State, place: Path) -> dict[str, Any]:
    """Write the live cases into the folder `place`; what its manifest is to say of them."""
    live = state.live_rows()
    _write_vectors(state, live, place / VECTORS)
    rows = state.cases.rows.take(pa.array(live))
    pq.write_table(rows, place / ROWS)
    if state.salt is not None:
        _write_secret(place / SALT, state.salt)
    index, chosen = state.index_over(np.load(place / VECTORS, mmap_mode="r"))
    if index:
        index.write(place / INDEX)
    return {
        "format": FORMAT,
        "vectors": state.about.as_plain(),
        "count": len(live),
        "index": chosen.as_plain(),
        "plan": {"kind": state.plan.kind, "recall": state.plan.recall, "seed": state.plan.seed},
        "columns": {field.name: str(field.type) for field in rows.schema},
        "extra": state.extra,
        "salted": state.salted,
        "software": describe_software(),
    }


def _write_secret(path: Path, salt: bytes) -> None:
    """Write the salt for the eyes of its owner. A gallery that is given away goes without this file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(salt.hex() + "\n")


def _read_secret(generation: Generation) -> bytes | None:
    """The salt; None where there is none, none any more, or none for this user."""
    if not os.access(generation.folder / SALT, os.R_OK):
        return None
    path = generation.verified(SALT)
    try:
        return bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read ({error}); restore it, or remove it") from error


def _write_vectors(state: State, rows: Rows, path: Path) -> None:
    """Write an .npy file chunk by chunk: not through a memory map, which a full disk would end with a signal."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(rows), state.about.dimension)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), CHUNK):
            file.write(state.vectors_of(rows[start : start + CHUNK]).astype("<f4", copy=False).tobytes())


def _mapped(path: Path, shape: tuple[int, int]) -> np.memmap[Any, np.dtype[np.float32]]:
    """The vectors of an .npy file of this shape. Raises `StorageError` where it is another file."""
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            held, is_fortran, kind = np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
        if held != shape or is_fortran or kind != np.dtype("<f4"):
            raise ValueError(f"wanted float32 numbers of shape {shape}, got {kind} of {held}")
        return np.memmap(path, np.float32, "r", offset, shape)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read ({error}); restore it, or build the gallery anew") from error


def _read_settings(plain: Mapping[str, Any], where: str) -> tuple[About, Chosen, int, Plan]:
    """What the manifest says. Raises `StorageError` where it is not of a gallery."""
    if plain.get("format") != FORMAT:
        raise StorageError(f"{where}: wanted {FORMAT}, got {plain.get('format')}; upgrade embedlearn, or build it anew")
    try:
        count, parts = plain["count"], [plain[name] for name in ("vectors", "index", "plan", "extra")]
        if type(count) is not int or count < 1 or not all(isinstance(part, dict) for part in parts):
            raise TypeError(f"count {count}")
    except (KeyError, TypeError) as error:
        reason = f"says what cannot be ({error})"
        raise StorageError(f"{where}: {reason}; restore it, or build the gallery anew") from error
    vectors, index, plan, _ = parts
    return read_about(vectors, where), read_chosen(index, where), count, read_plan(plan, where)


def _require_room(generation: Generation, wanted: int) -> None:
    """Raise `StorageError` unless the vectors' file is as long as so many bytes of vectors, and a header, are."""
    held = generation.files[VECTORS].bytes if VECTORS in generation.files else 0
    if not wanted <= held <= wanted + LONGEST_HEADER:
        where = generation.folder / NAME
        raise StorageError(f"{where}: wanted {wanted} bytes in {VECTORS}, lists {held}; build the gallery anew")


def _read_rows(generation: Generation, count: int) -> pa.Table:
    path = generation.verified(ROWS)
    try:
        table = pq.read_table(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise StorageError(f"{path}: cannot be read ({error}); restore it, or build the gallery anew") from error
    if len(table) != count or table.column_names[:1] != [ID]:
        raise StorageError(f"{path}: wanted {count} rows, got {len(table)}; restore it, or build the gallery anew")
    return table.replace_schema_metadata(None)


def _toucher(generation: Generation, offset: int, width: int) -> Callable[[Rows | None], None]:
    """Verifies the blocks of the vectors' file in which rows lie, each once; None stands for all rows."""
    blocks = -(-generation.files[VECTORS].bytes // BLOCK)
    fresh = np.ones(blocks, bool)

    def touch(rows: Rows | None) -> None:
        if not fresh.any():
            return
        if rows is None:
            wanted = np.flatnonzero(fresh)
        else:
            first = offset + rows[rows >= 0] * width
            touched = np.zeros(blocks, bool)
            touched[first // BLOCK] = touched[(first + width - 1) // BLOCK] = True
            wanted = np.flatnonzero(touched & fresh)
        for start in _runs(wanted):
            generation.verified(VECTORS, int(start[0]) * BLOCK, int(start[-1] + 1) * BLOCK)
        fresh[wanted] = False

    return touch


def _runs(blocks: Rows) -> list[Rows]:
    """Consecutive numbers together."""
    if not len(blocks):
        return []
    return np.split(blocks, np.flatnonzero(np.diff(blocks) > 1) + 1)
