"""Films decoded once: 8-bit pixels in one memory-mapped file for each preprocessing, shared by every command.

A ledger (SQLite) beside the pixels says which film, named by the SHA-256 of its file, lies in which row. Pixels are
written past the last row of the ledger and only then entered in it, so a process that is killed leaves nothing but
bytes that the next one overwrites; two processes take turns by the ledger's lock. A second ledger remembers the
digest of a file for as long as its size, times and inode stay as they were.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ImageError, StorageError
from embedlearn.files import cache_folder, file_digest
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film

Progress = Callable[[int, int], None]
CHUNK = 64  # films decoded between two entries in the ledger


@dataclass(frozen=True, eq=False)
class Films:
    """Decoded films: `pixels` is a read-only memory map uint8 [M, S, S], `rows` int64 [N] says where each film lies.

    `digests` holds the SHA-256 of the N files.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, films: NDArray[np.integer] | slice) -> NDArray[np.uint8]:
        """Pixels uint8 [B, S, S] of the films asked for."""
        return np.asarray(self.pixels[self.rows[films]])

    def take(self, films: NDArray[np.integer]) -> Films:
        """The films at these places, in this order."""
        return Films(self.pixels, self.rows[films], tuple(self.digests[film] for film in films))


def open_films(
    paths: Sequence[Path], settings: Preprocessing, *, folder: Path | None = None, progress: Progress | None = None
) -> Films:
    """The films at `paths`, decoded and preprocessed, from the cache in `folder` or now.

    `progress(done, total)` is called while films are decoded. Raises `ImageError` for a film that cannot be read
    (those before it stay cached) and `StorageError` where the cache cannot be written.
    """
    folder = folder or cache_folder()
    with _storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        digests = find_digests(paths, folder)
        store = _PixelStore(folder / f"films-{settings.pixels_digest}", settings.size)
        known = store.rows_of(digests)
        missing = {digest: path for digest, path in zip(digests, paths, strict=True) if digest not in known}
        for done in _decode_into(store, missing, settings):
            if progress:
                progress(done, len(missing))
        known = store.rows_of(digests) if missing else known
        rows = np.array([known[digest] for digest in digests], dtype=np.int64)
        return Films(store.open_pixels(), rows, tuple(digests))


def find_unreadable(
    paths: Sequence[Path], settings: Preprocessing, *, folder: Path | None = None, progress: Progress | None = None
) -> dict[int, ImageError]:
    """The films that cannot be read, by place in `paths`, and why; all others are in the cache afterwards.

    `progress` is called with films tried and in all. Raises `StorageError` where the cache cannot be written.
    """
    found: dict[int, ImageError] = {}
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        try:
            open_films(chunk, settings, folder=folder)
        except ImageError:
            for place, path in enumerate(chunk, start):
                try:
                    open_films([path], settings, folder=folder)
                except ImageError as error:
                    found[place] = error
        if progress:
            progress(start + len(chunk), len(paths))
    return found


def cached_films(settings: Preprocessing, *, folder: Path | None = None) -> Films:
    """All films that were decoded with these settings before. Raises `StorageError` where the cache cannot be read."""
    place = (folder or cache_folder()) / f"films-{settings.pixels_digest}"
    if not place.is_dir():
        return Films(np.zeros((0, settings.size, settings.size), np.uint8), np.zeros(0, np.int64), ())
    with _storage_errors(place):
        store = _PixelStore(place, settings.size)
        known = store.rows_of(None)
        return Films(store.open_pixels(), np.array(list(known.values()), np.int64), tuple(known))


def _decode_into(store: _PixelStore, missing: dict[str, Path], settings: Preprocessing) -> Iterator[int]:
    """Decode with a thread a core (Pillow lets go of the interpreter), a chunk at a time; yield how many are done."""
    items = list(missing.items())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(items), CHUNK):
            chunk = items[start : start + CHUNK]
            decoded = pool.map(lambda item: load_film(item[1], settings), chunk)
            films: dict[str, NDArray[np.uint8]] = {}
            try:
                for (digest, _), film in zip(chunk, decoded, strict=True):
                    films[digest] = film
            finally:  # a film that cannot be read costs those before it nothing
                store.append(films)
            yield start + len(chunk)


class _PixelStore:
    """One file of films of one size, and its ledger."""

    def __init__(self, folder: Path, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.size, self.bytes = folder / "pixels.u8", size, size * size
        self.ledger = folder / "ledger.sqlite"
        with _connect(self.ledger) as ledger:
            ledger.execute("CREATE TABLE IF NOT EXISTS films (digest TEXT PRIMARY KEY, row INTEGER NOT NULL UNIQUE)")

    def rows_of(self, digests: Sequence[str] | None) -> dict[str, int]:
        """The rows of those films that are here, or of all; none where the pixels are shorter than the ledger says."""
        with _connect(self.ledger) as ledger:
            if self._is_short_of(ledger):
                ledger.execute("BEGIN IMMEDIATE")
                if self._is_short_of(ledger):  # and no other process has mended it meanwhile
                    ledger.execute("DELETE FROM films")
            return _entries(ledger, digests)

    def append(self, films: dict[str, NDArray[np.uint8]]) -> None:
        """Write films past the last row, then enter them; one that another process entered meanwhile is left out."""
        with _connect(self.ledger) as ledger:
            ledger.execute("BEGIN IMMEDIATE")
            known = _entries(ledger, films)
            first = _count(ledger)
            fresh = {digest: film for digest, film in films.items() if digest not in known}
            with open(self.path, "r+b" if self.path.exists() else "x+b") as file:
                file.seek(first * self.bytes)
                for film in fresh.values():
                    file.write(np.ascontiguousarray(film).tobytes())
                file.flush()
                os.fsync(file.fileno())
            ledger.executemany("INSERT INTO films VALUES (?, ?)", [(d, first + i) for i, d in enumerate(fresh)])

    def open_pixels(self) -> NDArray[np.uint8]:
        if not self._length():
            return np.zeros((0, self.size, self.size), np.uint8)
        count = self._length() // self.bytes
        return np.memmap(self.path, np.uint8, "r", shape=(count, self.size, self.size))

    def _is_short_of(self, ledger: sqlite3.Connection) -> bool:
        return _count(ledger) * self.bytes > self._length()

    def _length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def _entries(ledger: sqlite3.Connection, digests: Iterable[str] | None) -> dict[str, int]:
    """The rows of those films that are entered, or of all, by digest; a few of a million are looked up one by one."""
    ask = "SELECT digest, row FROM films"
    if digests is None:
        return dict(ledger.execute(ask))
    found = (ledger.execute(f"{ask} WHERE digest = ?", (digest,)).fetchone() for digest in set(digests))
    return dict(entry for entry in found if entry)


def _count(ledger: sqlite3.Connection) -> int:
    """How many rows the ledger speaks of: one more than the last."""
    return int(ledger.execute("SELECT coalesce(max(row), -1) + 1 FROM films").fetchone()[0])


def find_digests(paths: Sequence[Path], folder: Path) -> list[str]:
    """The SHA-256 of every file; a file is read only where its size, times or inode are new."""
    folder.mkdir(parents=True, exist_ok=True)
    with _connect(folder / "digests.sqlite") as ledger:
        ledger.execute("CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, stamp TEXT, digest TEXT)")
        ask = "SELECT stamp, digest FROM files WHERE path = ?"
        known = [ledger.execute(ask, (str(path.absolute()),)).fetchone() for path in paths]
    digests, fresh = [], []
    for path, stored in zip(paths, known, strict=True):
        stamp = _stamp(path)
        if stored and stored[0] == stamp:
            digests.append(stored[1])
            continue
        digests.append(_read_digest(path))
        fresh.append((str(path.absolute()), stamp, digests[-1]))
    if fresh:
        with _connect(folder / "digests.sqlite") as ledger:
            ledger.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", fresh)
    return digests


def _stamp(path: Path) -> str:
    try:
        seen = path.stat()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); restore the film or take it out") from error
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ctime_ns}-{seen.st_ino}"


def _read_digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); restore the film or take it out") from error


@contextlib.contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that commits at the end and waits up to a minute for another process."""
    connection = sqlite3.connect(path, timeout=60)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    elsewhere = "set EMBEDLEARN_CACHE to another folder"
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"{folder}: the cache cannot be written ({reason}); free some space, or {elsewhere}"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{folder}: the cache is torn ({error}); remove it, or {elsewhere}") from error
