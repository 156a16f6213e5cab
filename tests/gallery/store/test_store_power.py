"""A power cut at any moment, on a disk that keeps only what it was told to sync and some of the rest."""

import functools
import os
import random
import shutil
from pathlib import Path

import pytest
from store_cases import Call, debris, intercepted, item, items, number_of, read_items, work

from embedlearn.errors import StorageError
from embedlearn.gallery.store.shelf import Shelf

SECTOR = 512


class ForgetfulDisk:
    """A hook that remembers which bytes and names were synced, and can show the disk after a power cut.

    Each name of a folder comes back as it was after some call since the last sync, and each sector of a file old or
    new, whatever becomes of the others.
    """

    def __init__(self, root: Path, image: Path, seed: int) -> None:
        self.root, self.image, self.rng = root, image, random.Random(seed)
        self.synced: dict[int, bytes] = {}
        self.listings: dict[int, list[dict[str, int]]] = {}  # the last synced one, then those after each call
        self.latest: dict[int, bytes] = {}
        self.known: dict[int, int] = {}  # inode -> what is called a node here, since inodes are used again
        self.nodes = 0
        self.acknowledged: list[str] = []
        self.cuts = 0
        self.busy = False
        self.listings[self.node(root)] = [{}]

    def node(self, path: Path | int, *, fresh: bool = False) -> int:
        inode = os.stat(path).st_ino
        if fresh or inode not in self.known:
            self.nodes += 1
            self.known[inode] = self.nodes
        return self.known[inode]

    def __call__(self, name: str, call: Call) -> object:
        if self.busy:
            return call()
        self.busy = True
        try:
            self.cut()
            is_new = name == "mkdir" or (name == "open" and not os.path.lexists(call.args[0]))
            result = call()
            if is_new:
                self.node(call.args[0], fresh=True)
            self.look(self.root)
            if name in ("fsync", "fdatasync"):
                self.sync(self.node(call.args[0]))
            return result
        finally:
            self.busy = False

    def look(self, folder: Path) -> None:
        """Note what a reader of the running machine would see."""
        listing = {entry.name: self.node(Path(entry)) for entry in os.scandir(folder)}
        seen = self.listings.setdefault(self.node(folder), [{}])
        if listing != seen[-1]:
            seen.append(listing)
        for path in folder.iterdir():
            if path.is_dir():
                self.look(path)
            else:
                self.latest[self.node(path)] = path.read_bytes()

    def sync(self, node: int) -> None:
        if node in self.listings:
            self.listings[node] = self.listings[node][-1:]
        else:
            self.synced[node] = self.latest[node]

    def cut(self) -> None:
        """Look at the disk after a power cut now: once with nothing but what was synced, then with more."""
        for generous in (False, True, True, True, True):
            folder = self.image / str(self.cuts)
            self.restore(self.node(self.root), folder, generous)
            try:
                self.check(folder)
            except StorageError as error:  # which the shelf that is at work might take for its own
                raise AssertionError(str(error)) from error
            shutil.rmtree(folder)
            self.cuts += 1

    def restore(self, node: int, folder: Path, generous: bool) -> None:
        folder.mkdir(parents=True)
        listings = self.listings[node] if generous else self.listings[node][:1]
        for name in sorted(set().union(*listings)):
            listing = self.rng.choice((listings[0], listings[-1], self.rng.choice(listings)))
            if (inner := listing.get(name)) is None:
                continue
            if inner in self.listings:
                self.restore(inner, folder / name, generous)
            else:
                old = self.synced.get(inner, b"")
                (folder / name).write_bytes(self.mixed(old, self.latest.get(inner, old)) if generous else old)

    def mixed(self, old: bytes, new: bytes) -> bytes:
        size = self.rng.choice((len(old), len(new)))
        data = bytearray()
        for start in range(0, size, SECTOR):
            data += self.rng.choice((old, new))[start : start + SECTOR].ljust(SECTOR, b"\0")
        return bytes(data[:size])

    def check(self, folder: Path) -> None:
        published, appended = self.acknowledged.count("publish"), self.acknowledged.count("append")
        if not Shelf(folder).exists():
            assert published == 0
        else:
            held = read_items(folder)
            assert held == items(len(held))
            state = (number_of(folder), len(held))
            assert state in {(published, appended), (published + 1, appended), (published, appended + 1)}
        if self.cuts % 17 == 0:
            work(folder, lambda _: None, rounds=1)
            assert debris(folder) == set()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    disk = ForgetfulDisk(gallery, tmp_path / "after", seed)
    with intercepted(disk):
        work(gallery, disk.acknowledged.append, rounds=2)
    assert disk.cuts > 500


class Killed(BaseException):
    """What stands for kill -9 here: nothing is tidied up."""


@pytest.mark.parametrize("at", range(1, 6))
def test_a_power_cut_after_a_killed_append_was_opened_again(tmp_path: Path, at: int) -> None:
    """A record that the next writer finds whole counts from then on, so it must be on the disk by then."""
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    disk = ForgetfulDisk(gallery, tmp_path / "after", at)
    steps: list[str] = []
    at_risk = False

    def kill_once(name: str, call: Call) -> object:
        if at_risk and not disk.busy:
            steps.append(name)
            if len(steps) == at:
                raise Killed
        return disk(name, call)

    with intercepted(kill_once):
        work(gallery, disk.acknowledged.append, rounds=1)
        shelf = Shelf(gallery)
        with shelf.writing(), shelf.open() as generation:
            log = generation.log(writable=True)
            at_risk = True
            with pytest.raises(Killed):
                log.append(item(4))
            at_risk = False
            log = generation.log(writable=True)
            disk.acknowledged.extend(["append"] * (log.count - 4))
            log.append(item(log.count))
            disk.acknowledged.append("append")
    assert disk.acknowledged.count("append") == 5 + (at > 2)


def test_the_forgetful_disk_forgets(tmp_path: Path) -> None:
    """Else the test above could not fail: without its syncs, a shelf is lost."""
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    disk = ForgetfulDisk(gallery, tmp_path / "after", 0)

    def without_syncs(name: str, call: Call) -> object:
        if name in ("fsync", "fdatasync") and not disk.busy:
            return disk("nothing", functools.partial(int))
        return disk(name, call)

    with pytest.raises((AssertionError, StorageError)), intercepted(without_syncs):
        work(gallery, disk.acknowledged.append, rounds=2)
