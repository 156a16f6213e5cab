"""A gallery's folder: generations, pins, the one writer, and blocks that are verified when they are needed."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_cases import debris, fill_with, item, items, items_of, number_of, publish, read_items

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.store import generation, manifest
from embedlearn.gallery.store.shelf import Shelf


def one_file(data: bytes) -> Callable[[Path], dict[str, Any]]:
    def fill(folder: Path) -> dict[str, Any]:
        (folder / "data").write_bytes(data)
        return {}

    return fill


def test_what_is_published_and_appended_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "gallery"
    shelf = Shelf(folder)
    assert not shelf.exists()
    with shelf.writing():
        assert not shelf.exists()
        assert shelf.publish(fill_with(items(20))) == 1
        assert shelf.exists()
        with shelf.open() as opened:
            opened.log(writable=True).append(item(20))
    assert read_items(folder) == items(21)
    assert debris(folder) == set()
    assert publish(folder, 22) == 2
    assert (number_of(folder), read_items(folder), debris(folder)) == (2, items(22), set())


def test_the_manifest_says_what_can_be_checked_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "BLOCK", 1000)
    publish(tmp_path, 20)
    said = json.loads((tmp_path / "generation-000001" / "manifest.json").read_bytes())
    assert (said["format"], said["number"], said["about"]) == (manifest.FORMAT, 1, {"count": 20, "name": "Röntgen"})
    assert sorted(said["files"]) == ["empty", "items.bin", "lengths.txt"]
    for name, entry in said["files"].items():
        data = (tmp_path / "generation-000001" / name).read_bytes()
        blocks = [hashlib.sha256(data[start : start + 1000]).hexdigest() for start in range(0, len(data), 1000)]
        assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "blocks": blocks}


def test_only_the_blocks_that_are_asked_for_are_read_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "BLOCK", 1000)
    monkeypatch.setattr(generation, "BLOCK", 1000)
    shelf = Shelf(tmp_path)
    with shelf.writing():
        shelf.publish(one_file(bytes(9500)))
    seen: list[int] = []

    def watched(descriptor: int, block: int) -> str:
        seen.append(block)
        return manifest.block_digest(descriptor, block)

    monkeypatch.setattr(generation, "block_digest", watched)
    with shelf.open() as opened:
        assert seen == []
        for start, stop, due in ((1000, 2000, [1]), (999, 2001, [0, 2]), (0, 3000, []), (9400, 9999999, [9])):
            assert opened.verified("data", start, stop) == tmp_path / "generation-000001" / "data"
            assert sorted(seen) == due
            seen.clear()
        opened.verified("data", 4000, 4000)
        assert seen == []
        (tmp_path / "generation-000001" / "data").write_bytes(bytes(8700) + b"\1" + bytes(799))
        opened.verified("data", 5000, 8000)
        with pytest.raises(StorageError, match="generation-000001/data: damaged in block 8, .* from byte 8000"):
            opened.verified("data")
        with pytest.raises(StorageError, match="manifest.json: lists no file other"):
            opened.verified("other")


def test_blocks_of_their_real_size(tmp_path: Path) -> None:
    data = bytearray(os.urandom(1 << 16) * 600)  # two blocks and a part
    shelf = Shelf(tmp_path)
    with shelf.writing():
        shelf.publish(one_file(data))
    with shelf.open() as opened:
        assert len(opened.files["data"].blocks) == 3
        assert opened.verified("data").read_bytes() == data
    with (tmp_path / "generation-000001" / "data").open("r+b") as file:
        file.seek(2 * manifest.BLOCK)
        file.write(bytes([data[2 * manifest.BLOCK] ^ 1]))
    with shelf.open() as opened:
        opened.verified("data", 0, 2 * manifest.BLOCK)
        with pytest.raises(StorageError, match="damaged in block 2"):
            opened.verified("data", 2 * manifest.BLOCK, 2 * manifest.BLOCK + 1)


def test_a_pinned_generation_outlives_those_after_it(tmp_path: Path) -> None:
    publish(tmp_path, 10)
    with Shelf(tmp_path).open() as old:
        for count in (11, 12, 13):
            publish(tmp_path, count)
        assert {path.name for path in tmp_path.glob("generation-*")} == {"generation-000001", "generation-000004"}
        assert items_of(old) == items(10)
        assert read_items(tmp_path) == items(13)
    with Shelf(tmp_path).writing():
        pass
    assert debris(tmp_path) == set()


def test_a_fill_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    def fail(folder: Path) -> dict[str, Any]:
        (folder / "part").write_bytes(b"half")
        raise ArgumentError("X: row 3 holds NaN")

    def nested(folder: Path) -> dict[str, Any]:
        (folder / "part").mkdir()
        return {}

    def named(folder: Path) -> dict[str, Any]:
        (folder / "manifest.json").write_bytes(b"mine")
        return {}

    publish(tmp_path, 10)
    with Shelf(tmp_path).writing():
        pass
    cases: tuple[tuple[Callable[[Path], Any], type[Exception]], ...] = (
        (fail, ArgumentError),
        (nested, StorageError),
        (named, ValueError),
        (lambda _: {"score": float("nan")}, ValueError),
        (lambda _: {"path": Path()}, TypeError),
    )
    shelf = Shelf(tmp_path)
    with shelf.writing():
        for fill, error in cases:
            with pytest.raises(error):
                shelf.publish(fill)
            assert (debris(tmp_path), read_items(tmp_path)) == (set(), items(10))
        assert shelf.publish(fill_with(items(11))) == 2


def test_a_log_takes_changes_only_while_they_count(tmp_path: Path) -> None:
    publish(tmp_path, 2)
    shelf = Shelf(tmp_path)
    with shelf.open() as first, pytest.raises(StorageError, match="not open for writing"):
        first.log(writable=True)
    with pytest.raises(StorageError, match="not open for writing"):
        shelf.publish(fill_with([]))
    with shelf.writing(), shelf.open() as first:
        once, again = first.log(writable=True), first.log(writable=True)
        with pytest.raises(StorageError, match="was closed"):
            once.append(item(2))
        shelf.publish(fill_with(items(2)))
        with pytest.raises(StorageError, match="was closed"):
            again.append(item(2))
        with pytest.raises(StorageError, match="a newer generation was published"):
            first.log(writable=True)
        with shelf.open() as second:
            last = second.log(writable=True)
            last.append(item(2))
    with pytest.raises(StorageError, match="was closed"):
        last.append(item(3))
    assert read_items(tmp_path) == items(3)


def test_a_log_belongs_to_its_generation(tmp_path: Path) -> None:
    publish(tmp_path / "a", 3)
    publish(tmp_path / "b", 4)
    os.replace(tmp_path / "a" / "changes-000001.log", tmp_path / "b" / "changes-000001.log")
    with Shelf(tmp_path / "b").open() as opened, pytest.raises(StorageError, match="the log of another gallery"):
        opened.log()


def test_closing_twice_and_dropping_without_closing(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    opened = Shelf(tmp_path).open()
    opened.close()
    opened.close()
    dropped = Shelf(tmp_path).open()
    del dropped  # which frees its pin, or the sweep would leave it
    publish(tmp_path, 2)
    assert debris(tmp_path) == set()
