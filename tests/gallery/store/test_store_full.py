"""A disk that is full, or refuses any one call: the old state stays, and a later write works."""

import errno
import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from amounts import slow
from store_cases import FailingDisk, debris, fill_with, intercepted, items, number_of, read_items, work

from embedlearn.errors import StorageError
from embedlearn.gallery.store.shelf import Shelf


@pytest.mark.parametrize(
    ("onwards", "code"),
    [(True, errno.ENOSPC), (False, errno.EIO), slow(False, errno.ENOSPC), slow(False, errno.EACCES)],
)
def test_every_call_refused_in_turn(tmp_path: Path, onwards: bool, code: int) -> None:
    refusals = set()
    for at in itertools.count(1):
        folder = tmp_path / str(at)
        work(folder, lambda _: None, rounds=1)
        done: list[str] = []
        disk = FailingDisk(at, onwards=onwards, error=OSError(code, os.strerror(code)))
        message = ""
        try:
            with intercepted(disk):
                work(folder, done.append, rounds=1)
        except StorageError as error:
            message = str(error)
        if disk.seen < at:
            break
        number, count = 1 + done.count("publish"), 4 + done.count("append")
        found = (number_of(folder), len(read_items(folder)))
        assert read_items(folder) == items(found[1])
        if "in doubt" in message:
            assert found in {(number, count), (number, count + 1)}
        else:
            assert found == (number + ("is current, but" in message), count), message
            assert not message or "nothing was changed" in message or "is current" in message
        refusals.add(message.rpartition("; ")[2])
        work(folder, lambda _: None, rounds=1)
        assert read_items(folder) == items(found[1] + 4)
        assert debris(folder) == set()
    assert at > 40
    assert {"nothing was changed", ""} <= refusals
    assert any("is current, but a power cut" in message for message in refusals)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"mount: {error}")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_small_disk_fills_up(small_disk: Path) -> None:
    folder = small_disk / "gallery"
    work(folder, lambda _: None, rounds=1)
    (small_disk / "ballast").write_bytes(bytes(3_000_000))
    shelf = Shelf(folder)
    held = items(4)

    def too_large(folder: Path) -> dict[str, int]:
        (folder / "data").write_bytes(bytes(2_000_000))
        return {}

    with shelf.writing():
        with pytest.raises(StorageError, match=f"{folder}: cannot be written .No space left.*; nothing was changed"):
            shelf.publish(too_large)
        assert debris(folder) == set()
        with shelf.open() as generation:
            log = generation.log(writable=True)
        with pytest.raises(StorageError, match="No space left.*; nothing was changed"):
            for _ in range(1000):
                log.append(bytes(50_000))
                held.append(bytes(50_000))
        assert read_items(folder) == held
        small = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        assert small < 100_000  # what did not fit was given back, and no more is left
        (small_disk / "ballast").unlink()
        log.append(b"fits")
        assert read_items(folder) == [*held, b"fits"]
        shelf.publish(fill_with(items(3)))
    assert read_items(folder) == items(3)


def test_a_full_disk_can_still_be_written_to_by_what_takes_no_space(small_disk: Path) -> None:
    """A killed writer's debris is removed, though there is not a byte left."""
    folder = small_disk / "gallery"
    work(folder, lambda _: None, rounds=1)
    (folder / ".generation-0123abcd").mkdir()
    (folder / ".generation-0123abcd" / "part").write_bytes(bytes(1_000_000))
    (folder / "generation-000002").mkdir()
    (folder / "changes-000002.log").write_bytes(b"")
    with pytest.raises(OSError, match="No space"), (small_disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    with Shelf(folder).writing():
        assert debris(folder) == set()
        assert Shelf(folder).exists()
    assert read_items(folder) == items(4)
    work(folder, lambda _: None, rounds=1)
    assert read_items(folder) == items(8)
