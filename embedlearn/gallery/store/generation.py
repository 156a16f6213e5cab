"""One generation of a gallery, pinned: its files, verified block by block, and its log of changes."""

import os
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from embedlearn.errors import StorageError
from embedlearn.gallery.store import disk
from embedlearn.gallery.store.log import ChangeLog
from embedlearn.gallery.store.manifest import BLOCK, NAME, block_digest, read_manifest

_THREADS = min(8, os.cpu_count() or 1)


class Generation:
    """Files that never change, kept from removal until `close`; `Shelf.open` makes it.

    `number`, `folder`, `about` (the plain data of who published it) and `files` (a `manifest.Entry` each, by name).
    Every method raises `StorageError` that names the file.
    """

    def __init__(
        self, folder: Path, number: int, pin: int, changes: Path, append_to: Callable[[bytes], ChangeLog]
    ) -> None:
        self.folder, self.number = folder, number
        self._closing = weakref.finalize(self, os.close, pin)
        manifest = read_manifest(pin, folder / NAME, number)
        self.about, self.files = manifest.about, manifest.files
        self._changes, self._append_to, self._origin = changes, append_to, bytes.fromhex(manifest.checksum)
        self._sound: set[tuple[str, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the generation; may be called again."""
        self._closing()

    def verified(self, name: str, start: int = 0, stop: int | None = None) -> Path:
        """The path of a file once the blocks that cover its bytes from `start` to `stop` are what was published.

        A block is read once in this object's life; where several are due, threads share them.
        """
        path = self.folder / name
        if (entry := self.files.get(name)) is None:
            raise StorageError(f"{self.folder / NAME}: lists no file {name}; build the gallery again")
        with disk.naming(path, "read", disk.RESTORE), disk.opened(path) as descriptor:
            if (size := os.fstat(descriptor).st_size) != entry.bytes:
                what = "torn" if size < entry.bytes else "too long"
                raise StorageError(f"{path}: {what}: wanted {entry.bytes} bytes, got {size}; {disk.RESTORE}")
            stop = size if stop is None else min(stop, size)
            due = [
                block for block in range(max(0, start) // BLOCK, -(-stop // BLOCK)) if (name, block) not in self._sound
            ]
            for block, digest in zip(due, _digests(descriptor, due), strict=True):
                if digest != entry.blocks[block]:
                    at = f"block {block}, the 16 MiB from byte {block * BLOCK}"
                    raise StorageError(f"{path}: damaged in {at}: its digest differs; {disk.RESTORE}")
                self._sound.add((name, block))
        return path

    def log(self, writable: bool = False) -> ChangeLog:
        """The changes since this generation; one to append to only while the shelf is `writing()`.

        That one is closed when `writing()` ends, when a new generation is published or when it is asked for again.
        """
        return self._append_to(self._origin) if writable else ChangeLog(self._changes, origin=self._origin)


def pin(folder: Path) -> int | None:
    """A descriptor that keeps a generation from removal; None where it is gone or just being removed."""
    try:
        descriptor = disk.open_plain(folder / NAME)
    except FileNotFoundError:
        return None
    try:
        held = disk.lock(descriptor, shared=True)
    except OSError:
        held = True  # no flock here, and so no writer
    if held:
        return descriptor
    os.close(descriptor)
    return None


def _digests(descriptor: int, blocks: list[int]) -> list[str]:
    if len(blocks) < 2:
        return [block_digest(descriptor, block) for block in blocks]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda block: block_digest(descriptor, block), blocks))
