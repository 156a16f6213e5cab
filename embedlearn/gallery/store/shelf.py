"""A gallery's folder: one current generation, one writer, and readers that never wait."""

import contextlib
import functools
import hashlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from embedlearn.errors import StorageError
from embedlearn.gallery.store import disk
from embedlearn.gallery.store.generation import Generation, pin
from embedlearn.gallery.store.log import ChangeLog, read_word
from embedlearn.gallery.store.manifest import NAME, write_manifest

_CURRENT, _LOCK = "CURRENT", "lock"
_FORMAT = "embedlearn-shelf-1"
_HIDDEN = re.compile(r"\.(?:generation|CURRENT)-[0-9a-f]{8}")
_NUMBERED = re.compile(r"generation-([0-9]{6,18})|changes-([0-9]{6,18})\.log")


class Shelf:
    """A gallery's folder.

    `generation-000007/` holds files that never change and their manifest, `changes-000007.log` what was changed
    since, and `CURRENT` says which generation counts. A generation is written in a hidden folder, synced, renamed,
    and only then made current, so that a crash at any moment leaves the one before or the one after.

    There is one writer, by an exclusive flock on `lock`; a reader pins its generation by a shared one on the
    manifest, and what is neither current nor pinned is removed. Where the file system has no flock, writing is
    refused, and reading goes on unpinned, which is safe because no one else can write either. On a network file
    system whose locks bind one machine alone (NFS with `local_lock`), write from one machine and read on no other.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._is_writing, self._turn = False, threading.Lock()
        self._log: ChangeLog | None = None

    def exists(self) -> bool:
        """Whether something has been published here. Raises `StorageError` where that cannot be told."""
        return bool(self._current())

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer; makes the folder, and removes what a killed writer left.

        Raises `StorageError` where another one is at work, in this process or in any other, where the folder holds
        something else, and where the disk refuses.
        """
        with contextlib.ExitStack() as ends:
            with disk.naming(self.folder, "written", disk.UNCHANGED):
                _make_folder(self.folder)
                descriptor = ends.enter_context(disk.opened(self.folder / _LOCK, os.O_RDWR | os.O_CREAT))
            self._take_lock(descriptor)
            ends.callback(disk.unlock, descriptor)
            if self._current() is None:
                self._begin()
            self._sweep()
            ends.callback(self._stop_writing)
            self._is_writing = True
            yield

    def publish(self, fill: Callable[[Path], Mapping[str, Any]]) -> int:
        """Make a new generation current, with an empty log of changes; its number.

        `fill` writes plain files into the folder that it is given and returns plain data, the generation's `about`.
        Generations that are neither current nor pinned are removed. Raises `StorageError` where the disk refuses,
        and what `fill` raises; the generation before stays current, unless the message says otherwise. What another
        thread appends while `fill` is at work would be left behind: see that none does.
        """
        with self._turn:
            self._require_writing()
            number = (self._current() or 0) + 1
            try:
                with disk.naming(self.folder, "written", disk.UNCHANGED):
                    self._write_generation(number, fill)
                self._close_log()
                outcome = f"generation {number} is current, but a power cut may bring back the one before"
                with disk.naming(self.folder, "written", outcome):
                    disk.sync_folder(self.folder)
            finally:
                self._sweep()
        return number

    def open(self) -> Generation:
        """Pin the current generation; never waits for a writer. Raises `StorageError` where there is none."""
        while number := self._current():
            folder, changes = self._generation(number), self._changes(number)
            with disk.naming(folder / NAME, "read", disk.RESTORE):
                descriptor = pin(folder)
            if self._current() == number:
                if descriptor is None:
                    raise StorageError(f"{folder / NAME}: is not there, or is locked; {disk.RESTORE}")
                return Generation(folder, number, descriptor, changes, functools.partial(self._append_to, changes))
            if descriptor is not None:  # superseded meanwhile, and maybe removed
                os.close(descriptor)
        raise StorageError(f"{self.folder}: there is no gallery here; make one with embedlearn index")

    def revision(self) -> str:
        """A word for what is here now, another one after every change; two small files are read, and nothing waits.

        Raises `StorageError` where nothing has been published, or that cannot be told.
        """
        while number := self._current():
            try:
                return read_word(self._changes(number))
            except StorageError:
                if self._current() == number:  # not superseded meanwhile, and removed
                    raise
        raise StorageError(f"{self.folder}: there is no gallery here; make one with embedlearn index")

    def _generation(self, number: int) -> Path:
        return self.folder / f"generation-{number:06d}"

    def _changes(self, number: int) -> Path:
        return self.folder / f"changes-{number:06d}.log"

    def _current(self) -> int | None:
        """The number of the current generation, 0 before the first, None where there is no CURRENT."""
        path = self.folder / _CURRENT
        with disk.naming(path, "read", disk.RESTORE):
            try:
                with disk.opened(path) as descriptor:
                    text = disk.read(descriptor, 200, 0)
            except (FileNotFoundError, NotADirectoryError):
                return None
        found = re.fullmatch(rb"(embedlearn-shelf-[0-9]{1,9}) ([0-9]{1,18}) [0-9a-f]{64}\n", text)
        if found and found[1].decode() != _FORMAT:
            raise StorageError(f"{path}: wanted {_FORMAT}, got {found[1].decode()}; upgrade embedlearn")
        if not found or text != _current_text(int(found[2])):
            raise StorageError(f"{path}: damaged, or not written by embedlearn; {disk.RESTORE}")
        return int(found[2])

    def _write_generation(self, number: int, fill: Callable[[Path], Mapping[str, Any]]) -> None:
        hidden = self.folder / f".generation-{secrets.token_hex(4)}"
        os.mkdir(hidden)
        checksum = write_manifest(hidden, number, fill(hidden))
        os.rename(hidden, self._generation(number))
        ChangeLog.create(self._changes(number), bytes.fromhex(checksum))  # which syncs both names
        self._point_to(number)

    def _point_to(self, number: int) -> None:
        """Replace CURRENT; the caller syncs the folder."""
        beside = self.folder / f".{_CURRENT}-{secrets.token_hex(4)}"
        disk.write_new(beside, _current_text(number))
        os.replace(beside, self.folder / _CURRENT)

    def _take_lock(self, descriptor: int) -> None:
        with disk.naming(self.folder, "locked", "keep the gallery on a disk whose files can be"):
            held = disk.lock(descriptor)
        if not held:
            pid = disk.read(descriptor, 20, 0).decode("ascii", "replace").strip()
            who = f"process {pid}" if pid.isdecimal() else "another process"
            raise StorageError(f"{self.folder}: {who} is writing here; try again when it is done")
        with contextlib.suppress(OSError):  # the number is a courtesy, and the disk may be full
            os.ftruncate(descriptor, 0)
            disk.write(descriptor, b"%d\n" % os.getpid(), 0)

    def _begin(self) -> None:
        """Make an empty folder a shelf; one that lost its CURRENT, or holds something else, is left alone."""
        if strange := sorted(name for name in os.listdir(self.folder) if name[0] != "." and name != _LOCK):
            raise StorageError(
                f"{self.folder}: holds {strange[0]} but no {_CURRENT}, so it is no gallery, or a damaged one; "
                f"name an empty folder, or restore {_CURRENT} from a copy"
            )
        with disk.naming(self.folder, "written", disk.UNCHANGED):
            self._point_to(0)

    def _append_to(self, changes: Path, origin: bytes) -> ChangeLog:
        self._require_writing()
        if changes != self._changes(self._current() or 0):
            raise StorageError(f"{changes}: a newer generation was published; open the gallery again")
        self._close_log()
        self._log = ChangeLog(changes, writable=True, origin=origin)
        return self._log

    def _close_log(self) -> None:
        """What is appended must count: a log is open no longer than its generation is current and the lock held."""
        if self._log:
            self._log.close()
        self._log = None

    def _stop_writing(self) -> None:
        with self._turn:
            self._is_writing = False
            self._close_log()
            self._sweep()

    def _require_writing(self) -> None:
        if not self._is_writing:
            raise StorageError(f"{self.folder}: not open for writing; change it under Shelf.writing()")

    def _sweep(self) -> None:
        """Remove what is neither current nor pinned; what cannot be removed waits for the next writer."""
        with contextlib.suppress(OSError, StorageError):
            disk.sync_folder(self.folder)  # a power cut must not bring back a CURRENT whose generation is removed
            if (current := self._current()) is None:
                return
            names = os.listdir(self.folder)
            for name in filter(_HIDDEN.fullmatch, names):
                _remove(self.folder / name)
            numbers = {int(found[1] or found[2]) for found in map(_NUMBERED.fullmatch, names) if found}
            for number in numbers - {current}:
                with contextlib.suppress(OSError):
                    _remove_unpinned(self._generation(number), self._changes(number))


def _current_text(number: int) -> bytes:
    text = f"{_FORMAT} {number}".encode()
    return b"%s %s\n" % (text, hashlib.sha256(text).hexdigest().encode())


def _make_folder(folder: Path) -> None:
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        disk.sync_folder(place.parent)


def _remove_unpinned(folder: Path, changes: Path) -> None:
    """Remove a generation and its log, unless a reader holds it."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(FileNotFoundError):  # a writer was killed while it removed this one
            if not disk.lock(held.enter_context(disk.opened(folder / NAME, os.O_RDWR))):
                return
        _remove(changes)
        _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
