"""An append-only log of byte payloads, none of which is lost once it is acknowledged."""

import hashlib
import os
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from embedlearn.errors import StorageError
from embedlearn.gallery.store import disk

PAGE = 4096  # a slot a page: a write torn in one leaves the other alone
_VERSION = 1
_SLOT = struct.Struct("<8sQQQ32s")  # magic, version, end, records, chain; its SHA-256 follows
_RECORD = struct.Struct("<8sQQ")  # magic, number, bytes of payload; the SHA-256 and the payload follow
_SLOT_MAGIC, _RECORD_MAGIC = b"EMBLEDGE", b"EMBENTRY"
_HASH = hashlib.sha256().digest_size


class _Mark(NamedTuple):
    """A place between two records: how many bytes and records lie before it, and the digest that chains them."""

    end: int
    records: int
    chain: bytes

    @property
    def word(self) -> str:
        """Names the origin and all that was appended up to here."""
        return f"{self.records}-{self.chain.hex()[:12]}"


def read_word(path: Path) -> str:
    """A word for what a log acknowledges, from its two slots alone: another one after every append.

    Raises `StorageError` where it cannot be read.
    """
    with disk.naming(path, "read", disk.RESTORE), disk.opened(path) as descriptor:
        return _read_slots(descriptor, path)[1].word


class ChangeLog:
    """Payloads appended one after the other, each acknowledged only once it is on the disk.

    The file begins with two pages, each with a slot that says how many bytes and records are acknowledged; records
    follow, each with a SHA-256 over the digest before it, its number, its length and its payload. `append` syncs the
    record, then writes the older slot and syncs again. What a slot acknowledges must be there and whole; whole
    records past it are kept, and other bytes past it are what a crash left: a reader overlooks them, a writer cuts
    them off. A reader sees the records that were there when it opened the log and is never held up by a writer; that
    there is one writer only is the concern of `Shelf`.

    `origin` ties the log to what it changes: a log made with another one does not open. Every method raises
    `StorageError` that names the file, and the record where there is one.
    """

    @staticmethod
    def create(path: Path, origin: bytes = b"") -> None:
        """Write an empty log; it and its name are on the disk when this returns."""
        slot = _pack(_first(origin)).ljust(PAGE, b"\0")
        with disk.naming(path, "written", disk.UNCHANGED):
            disk.write_new(path, slot + slot)
            disk.sync_folder(Path(path).parent)

    def __init__(self, path: Path, writable: bool = False, origin: bytes = b"") -> None:
        self.path, self._appendable = Path(path), writable
        self._first, self._turn = _first(origin), threading.Lock()
        with disk.naming(self.path, "read", disk.RESTORE):
            self._descriptor = disk.open_plain(self.path, os.O_RDWR if writable else os.O_RDONLY)
            self._closing = weakref.finalize(self, os.close, self._descriptor)
            self._slot, acknowledged = _read_slots(self._descriptor, self.path)
            self._last = self._verify(acknowledged)
            self.word = acknowledged.word
            """What `read_word` gave when the log was opened, and gives after each `append`."""
        if writable:
            with disk.naming(self.path, "written", "nothing that was acknowledged is lost"):
                self._mend(acknowledged)

    @property
    def acknowledged(self) -> int:
        """Bytes up to the end of the last whole record, the two pages included."""
        return self._last.end

    @property
    def count(self) -> int:
        """How many payloads there are."""
        return self._last.records

    def __iter__(self) -> Iterator[bytes]:
        """The payloads in order, each verified again as it is read."""
        mark, last = self._first, self._last
        while mark.records < last.records:
            self._require_open()
            with disk.naming(self.path, "read", disk.RESTORE):
                following = self._read_record(mark)
            if following is None:
                raise self._broken_at(mark, last)
            mark, payload = following
            yield payload

    def append(self, payload: disk.Data) -> None:
        """Add a payload; it is acknowledged when this returns.

        Raises `StorageError`, and nothing was changed, unless it says that the change is in doubt: the log then
        takes no more until it is opened again.
        """
        with self._turn, disk.naming(self.path, "written", "the change is in doubt; open the gallery again to see"):
            self._require_open()
            if not self._appendable:
                raise StorageError(f"{self.path}: open for reading only, or in doubt; open it again to write")
            end, records, chain = self._last
            head = _RECORD.pack(_RECORD_MAGIC, records, len(payload))
            digest = _chained(chain, head, payload)
            self._appendable = False  # whatever cuts the rest short leaves the file in doubt
            try:
                with disk.naming(self.path, "written", disk.UNCHANGED):
                    disk.write(self._descriptor, head + digest, end)
                    disk.write(self._descriptor, payload, end + _RECORD.size + _HASH)
                    disk.sync_bytes(self._descriptor)
            except StorageError:
                self._cut(end)
                self._appendable = True
                raise
            self._acknowledge(_Mark(end + _RECORD.size + _HASH + len(payload), records + 1, digest))
            self._appendable = True

    def close(self) -> None:
        """Let go of the file, once an append under way is done; may be called again."""
        with self._turn:
            self._closing()

    def _verify(self, acknowledged: _Mark) -> _Mark:
        """Read every record; the mark behind the last whole one."""
        mark, seen = self._first, self._first == acknowledged
        while following := self._read_record(mark):
            mark = following[0]
            seen = seen or mark == acknowledged
        if not seen:
            raise self._broken_at(mark, acknowledged)
        return mark

    def _read_record(self, mark: _Mark) -> tuple[_Mark, bytes] | None:
        """The record that begins at `mark`, and the mark behind it; None where no whole one does."""
        start = mark.end + _RECORD.size + _HASH
        first = disk.read(self._descriptor, start - mark.end, mark.end)
        head, digest = first[: _RECORD.size], first[_RECORD.size :]
        if len(digest) < _HASH:
            return None
        magic, number, length = _RECORD.unpack(head)
        if (magic, number) != (_RECORD_MAGIC, mark.records) or length > os.fstat(self._descriptor).st_size - start:
            return None
        payload = disk.read(self._descriptor, length, start)
        whole = len(payload) == length and _chained(mark.chain, head, payload) == digest
        return (_Mark(start + length, mark.records + 1, digest), payload) if whole else None

    def _mend(self, acknowledged: _Mark) -> None:
        """Cut off what a crash left, and acknowledge the whole records that it kept from being so."""
        if os.fstat(self._descriptor).st_size > self._last.end:
            self._cut(self._last.end)
        if self._last != acknowledged:
            disk.sync_bytes(self._descriptor)
            self._acknowledge(self._last)

    def _acknowledge(self, mark: _Mark) -> None:
        older = 1 - self._slot
        disk.write(self._descriptor, _pack(mark), older * PAGE)
        disk.sync_bytes(self._descriptor)
        self._slot, self._last, self.word = older, mark, mark.word

    def _cut(self, end: int) -> None:
        os.ftruncate(self._descriptor, end)
        disk.sync_bytes(self._descriptor)

    def _require_open(self) -> None:
        if not self._closing.alive:
            raise StorageError(f"{self.path}: was closed; open it again")

    def _broken_at(self, mark: _Mark, acknowledged: _Mark) -> StorageError:
        size = os.fstat(self._descriptor).st_size
        if size < acknowledged.end:
            what = f"torn in record {mark.records + 1}: wanted {acknowledged.end} bytes, got {size}"
        elif not mark.records:
            what = "damaged in record 1, or the log of another gallery"
        else:
            what = f"damaged in record {mark.records + 1} of {acknowledged.records}: its digest differs"
        return StorageError(f"{self.path}: {what}; {disk.RESTORE}")


def _read_slots(descriptor: int, path: Path) -> tuple[int, _Mark]:
    """Which slot says more, and what it says."""
    for _ in range(20):
        pages = [disk.read(descriptor, _SLOT.size + _HASH, place * PAGE) for place in (0, 1)]
        if marks := [(mark, place) for place, page in enumerate(pages) if (mark := _unpack(page, path))]:
            mark, place = max(marks, key=lambda found: found[0].records)
            return place, mark
        time.sleep(0.001)  # a reader may have met a writer in both
    raise StorageError(f"{path}: damaged in both slots of its header, or no log; {disk.RESTORE}")


def _first(origin: bytes) -> _Mark:
    return _Mark(2 * PAGE, 0, hashlib.sha256(origin).digest())


def _chained(chain: bytes, head: bytes, payload: disk.Data) -> bytes:
    digest = hashlib.sha256(chain + head)
    digest.update(payload)
    return digest.digest()


def _pack(mark: _Mark) -> bytes:
    slot = _SLOT.pack(_SLOT_MAGIC, _VERSION, *mark)
    return slot + hashlib.sha256(slot).digest()


def _unpack(page: bytes, path: Path) -> _Mark | None:
    """What a slot says, or None where it is not whole."""
    slot, digest = page[: _SLOT.size], page[_SLOT.size :]
    if not slot.startswith(_SLOT_MAGIC) or hashlib.sha256(slot).digest() != digest:
        return None
    _, version, *mark = _SLOT.unpack(slot)
    if version != _VERSION:
        raise StorageError(f"{path}: wanted a log of version {_VERSION}, got {version}; upgrade embedlearn")
    return _Mark(*mark)
