"""A shelf that holds numbered items, and a disk whose calls can be watched and made to fail."""

import contextlib
import errno
import functools
import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from embedlearn.gallery.store.generation import Generation
from embedlearn.gallery.store.shelf import Shelf

CALLS = ("pwrite", "fsync", "fdatasync", "ftruncate", "open", "mkdir", "rename", "replace", "unlink", "rmdir")

Call = functools.partial[Any]
Hook = Callable[[str, Call], Any]


@functools.cache
def item(number: int) -> bytes:
    """Bytes that say their number; some hold no more, some are longer than a page."""
    rng = random.Random(number)
    return b"%d:" % number + rng.randbytes(rng.choice((0, 1, 30, 500, 9000)))


def items(count: int) -> list[bytes]:
    return [item(number) for number in range(count)]


def fill_with(held: Sequence[bytes]) -> Callable[[Path], dict[str, Any]]:
    """What publishes a generation of these items, unsynced: two files and an empty one."""

    def fill(folder: Path) -> dict[str, Any]:
        lengths = " ".join(str(len(one)) for one in held).encode()
        for name, data in (("lengths.txt", lengths), ("items.bin", b"".join(held)), ("empty", b"")):
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
            os.pwrite(descriptor, data, 0)
            os.close(descriptor)
        return {"count": len(held), "name": "Röntgen"}

    return fill


def publish(folder: Path, count: int) -> int:
    """Publish that many items as a writer that comes and goes."""
    shelf = Shelf(folder)
    with shelf.writing():
        return shelf.publish(fill_with(items(count)))


def items_of(generation: Generation) -> list[bytes]:
    """All items, those published and those appended since, every byte verified."""
    lengths = [int(word) for word in generation.verified("lengths.txt").read_text().split()]
    data = generation.verified("items.bin").read_bytes()
    assert generation.verified("empty").read_bytes() == b""
    assert generation.about == {"count": len(lengths), "name": "Röntgen"}
    assert len(data) == sum(lengths)
    with contextlib.closing(generation.log()) as log:
        appended = list(log)
    ends = itertools.accumulate(lengths)
    return [data[end - length : end] for end, length in zip(ends, lengths, strict=True)] + appended


def read_items(folder: Path) -> list[bytes]:
    with Shelf(folder).open() as generation:
        return items_of(generation)


def number_of(folder: Path) -> int:
    with Shelf(folder).open() as generation:
        return generation.number


def work(folder: Path, acknowledge: Callable[[str], None], rounds: int) -> None:
    """Publish, append, and append again after opening; `acknowledge` hears of each when it is done."""
    shelf = Shelf(folder)
    with shelf.writing():
        held = read_items(folder) if shelf.exists() else []
        for _ in range(rounds):
            shelf.publish(fill_with(held))
            acknowledge("publish")
            for _ in range(2):
                with shelf.open() as generation:
                    log = generation.log(writable=True)
                for _ in range(2):
                    log.append(item(len(held)))
                    held.append(item(len(held)))
                    acknowledge("append")


def rewrite(path: Path, data: bytes) -> None:
    """A fresh file with this data; writing over the old one would have the disk flushed each time."""
    path.unlink()
    path.write_bytes(data)


def debris(folder: Path) -> set[str]:
    """What lies in a shelf beside what should, or is missing from it."""
    number = number_of(folder)
    return set(os.listdir(folder)) ^ {"CURRENT", "lock", f"generation-{number:06d}", f"changes-{number:06d}.log"}


@contextlib.contextmanager
def intercepted(hook: Hook) -> Iterator[None]:
    """Send every call that changes the disk through `hook(name, call)`."""

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **options)
            return hook(name, functools.partial(real, *arguments, **options))

        return wrapped

    with contextlib.ExitStack() as patches:
        for name in CALLS:
            patches.enter_context(patch.object(os, name, wrap(name, getattr(os, name))))
        yield


def write_part(call: Call, rng: random.Random) -> None:
    """Of a write, only the first bytes, however many."""
    descriptor, data, start = call.args
    call.func(descriptor, bytes(data)[: rng.randint(0, len(data))], start)


class FailingDisk:
    """A hook that refuses call `at`, of a write all but a part, and with `onwards` all later ones that take space."""

    def __init__(self, at: int, *, onwards: bool = False, error: BaseException | None = None) -> None:
        self.at, self.onwards = at, onwards
        self.error = error or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.seen, self.rng = 0, random.Random(at)

    def __call__(self, name: str, call: Call) -> Any:
        self.seen += 1
        if self.seen == self.at or (self.onwards and self.seen > self.at and name in ("pwrite", "open", "mkdir")):
            if name == "pwrite":
                write_part(call, self.rng)
            raise self.error
        return call()
