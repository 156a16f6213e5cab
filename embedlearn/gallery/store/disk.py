"""The few calls through which everything here reaches the disk, and how they fail."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from embedlearn.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows: nothing can be locked, and so nothing written
    fcntl = None  # type: ignore[assignment]

RESTORE = "restore it from a copy, or build the gallery again"
UNCHANGED = "nothing was changed"

Data = bytes | memoryview


@contextlib.contextmanager
def naming(path: Path, deed: str, then: str) -> Iterator[None]:
    """Turn an `OSError` into a `StorageError`: what could not be done to which file, and what follows from it."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be {deed} ({error.strerror or error}); {then}") from error


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a plain file; a link is not followed and a pipe not waited for."""
    descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file")
    return descriptor


@contextlib.contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """`open_plain` for as long as the block lasts."""
    descriptor = open_plain(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(descriptor: int, length: int, start: int) -> bytes:
    """The `length` bytes from `start`, fewer at the end of the file."""
    pieces = []
    while length > 0 and (piece := os.pread(descriptor, length, start)):
        pieces.append(piece)
        start, length = start + len(piece), length - len(piece)
    return b"".join(pieces)


def write(descriptor: int, data: Data, start: int) -> None:
    """Write all of `data` from `start`."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(descriptor, rest, start)
        rest, start = rest[done:], start + done


def write_new(path: Path, data: Data) -> None:
    """A file that was not there before; its bytes are on the disk when this returns, its name is not yet."""
    with opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
        write(descriptor, data, 0)
        sync(descriptor)


def sync(descriptor: int) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if whole := getattr(fcntl, "F_FULLFSYNC", None):  # macOS, where fsync stops at the drive's cache
        fcntl.fcntl(descriptor, whole)
    else:
        os.fsync(descriptor)


def sync_bytes(descriptor: int) -> None:
    """Wait until a file's bytes and length are on the disk; its times need not be. Not for a folder."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        sync(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Whether this descriptor now holds the file's flock, without waiting; the kernel frees it with the process.

    Raises `OSError` where the file system, or the operating system, knows no such lock.
    """
    if fcntl is None:
        raise OSError(errno.ENOSYS, "no flock on this system")
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Free the flock, also where a forked process still holds a copy of the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
