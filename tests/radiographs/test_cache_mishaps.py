"""The cache of films is right after every mishap: torn files, full disks."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cached_films import SMALL, draw_films, entered, expected

from embedlearn.errors import ImageError, StorageError
from embedlearn.radiographs import cache
from embedlearn.radiographs.cache import find_unreadable, open_films
from embedlearn.radiographs.preprocessing import Preprocessing


def test_a_bad_film_is_named_and_those_before_it_stay(tmp_path: Path, decoded: list[str]) -> None:
    paths = draw_films(tmp_path / "films", 6)
    paths[3].write_bytes(paths[3].read_bytes()[:60])
    with pytest.raises(ImageError, match=r"003\.bmp: wanted a whole film"):
        open_films(paths, SMALL, folder=tmp_path / "cache")
    decoded.clear()
    assert np.array_equal(open_films(paths[:3], SMALL, folder=tmp_path / "cache")[:], expected(paths[:3]))
    assert decoded == []


def test_all_that_cannot_be_read_is_found_and_the_rest_kept(tmp_path: Path, decoded: list[str]) -> None:
    paths = [*draw_films(tmp_path / "films", 70), tmp_path / "gone.bmp"]  # more than a chunk
    for bad in (3, 66):
        paths[bad].write_bytes(paths[bad].read_bytes()[:60])
    calls: list[tuple[int, int]] = []
    found = find_unreadable(
        paths, SMALL, folder=tmp_path / "cache", progress=lambda done, total: calls.append((done, total))
    )
    assert list(found) == [3, 66, 70]
    assert "003.bmp" in str(found[3]) and "gone.bmp" in str(found[70])
    assert calls[-1] == (71, 71)
    decoded.clear()
    kept = [path for place, path in enumerate(paths) if place not in found]
    assert np.array_equal(open_films(kept, SMALL, folder=tmp_path / "cache")[:], expected(kept))
    assert decoded == []
    assert find_unreadable([], SMALL, folder=tmp_path / "cache") == {}


def test_a_missing_film_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.bmp: cannot be read \(No such file.*\); restore"):
        open_films([tmp_path / "gone.bmp"], SMALL, folder=tmp_path / "cache")


@pytest.mark.parametrize("share", [None, 0.0, 0.5, 0.99])
def test_torn_pixels_are_decoded_again(tmp_path: Path, decoded: list[str], share: float | None) -> None:
    paths = draw_films(tmp_path / "films", 5)
    open_films(paths, SMALL, folder=tmp_path / "cache")
    (pixels,) = tmp_path.glob("cache/films-*/pixels.u8")
    if share is None:
        pixels.unlink()
    else:
        os.truncate(pixels, int(share * pixels.stat().st_size))
    decoded.clear()
    assert np.array_equal(open_films(paths, SMALL, folder=tmp_path / "cache")[:], expected(paths))
    assert len(decoded) == 5


@pytest.mark.parametrize("name", ["digests.sqlite", "films-*/ledger.sqlite"])
def test_a_garbage_ledger(tmp_path: Path, name: str) -> None:
    paths = draw_films(tmp_path / "films", 2)
    open_films(paths, SMALL, folder=tmp_path / "cache")
    (ledger,) = (tmp_path / "cache").glob(name)
    ledger.write_bytes(b"no ledger at all" * 999)
    with pytest.raises(StorageError, match=r"cache: the cache is torn \(file is not a database\); remove it, or set"):
        open_films(paths, SMALL, folder=tmp_path / "cache")


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    paths = draw_films(tmp_path / "films", 2)
    (tmp_path / "cache").touch()
    with pytest.raises(StorageError, match=r"cache: the cache cannot be written \(File exists\); .*EMBEDLEARN_CACHE"):
        open_films(paths, SMALL, folder=tmp_path / "cache")


def test_a_disk_that_fills_up_costs_nothing_already_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    monkeypatch.setattr(cache, "CHUNK", 2)
    calls = iter(range(9))

    def fsync(_: int) -> None:
        if next(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    paths = draw_films(tmp_path / "films", 8)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(StorageError, match=r"cache: .*\(No space left on device\); free some space, or set"):
            open_films(paths, SMALL, folder=tmp_path / "cache")
    assert len(entered(tmp_path / "cache")) == 4
    decoded.clear()
    assert np.array_equal(open_films(paths, SMALL, folder=tmp_path / "cache")[:], expected(paths))
    assert sorted(decoded) == [path.name for path in paths[4:]]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB; the test is skipped where none may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here ({error})")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_is_full_indeed(tmp_path: Path, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 4)
    settings = Preprocessing(size=64)
    paths = draw_films(tmp_path / "films", 40)  # 160 KiB of pixels
    full = r"disk: the cache cannot be written \((No space left|database or disk is full).*\); free some space, or set"
    with pytest.raises(StorageError, match=full):
        open_films(paths, settings, folder=tiny_disk)
    count = len(entered(tiny_disk, settings))
    assert 0 < count < 40
    subprocess.run(["mount", "-o", "remount,size=512k", tiny_disk], check=True)
    assert np.array_equal(open_films(paths, settings, folder=tiny_disk)[:], expected(paths, settings))
    assert len(entered(tiny_disk, settings)) == 40
