"""The cache of films: decoded once, right after every mishap."""

import contextlib
import errno
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ImageError, StorageError
from embedlearn.radiographs import cache
from embedlearn.radiographs.cache import find_unreadable, open_films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film

SMALL = Preprocessing(size=16)

# Opens films in another process, two at a time in the ledger, on a disk so slow that processes are sure to meet.
CHILD = """
import os, sys, time
from pathlib import Path
from embedlearn.radiographs import cache
from embedlearn.radiographs.preprocessing import Preprocessing
cache.CHUNK = 2
os.fsync = lambda _: time.sleep(0.004)
folder, *paths = map(Path, sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
films = cache.open_films(paths, Preprocessing(size=16), folder=folder, progress=lambda *done: print(*done, flush=True))
print(films[:].tobytes().hex(), flush=True)
"""


def draw_films(folder: Path, count: int) -> list[Path]:
    """Films that all differ, as BMP, so that one byte of the file is one grey value."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(count)
    paths = [folder / f"{number:03}.bmp" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 24), dtype=np.uint8)).save(path)
    return paths


def expected(paths: list[Path], settings: Preprocessing = SMALL) -> NDArray[np.uint8]:
    return np.stack([load_film(path, settings) for path in paths])


def open_child(folder: Path, paths: list[Path]) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), *map(str, paths)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


def entered(folder: Path, settings: Preprocessing = SMALL) -> list[int]:
    """The rows of the ledger, which must be 0..n-1, with the pixels of all of them on disk."""
    store = folder / f"films-{settings.pixels_digest}"
    with contextlib.closing(sqlite3.connect(store / "ledger.sqlite")) as ledger:
        rows = [row for (row,) in ledger.execute("SELECT row FROM films ORDER BY row")]
    assert rows == list(range(len(rows)))
    assert not rows or (store / "pixels.u8").stat().st_size >= len(rows) * settings.size**2
    return rows


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the films decoded so far."""
    names: list[str] = []

    def counting(path: Path, settings: Preprocessing) -> NDArray[np.uint8]:
        names.append(path.name)
        return load_film(path, settings)

    monkeypatch.setattr(cache, "load_film", counting)
    return names


def test_films_are_decoded_once_and_come_as_they_are_read(tmp_path: Path, decoded: list[str]) -> None:
    paths = draw_films(tmp_path / "films", 9)
    for _ in range(3):
        films = open_films(paths, SMALL, folder=tmp_path / "cache")
        assert np.array_equal(films[:], expected(paths))
    assert sorted(decoded) == [path.name for path in paths]
    assert not films.pixels.flags.writeable


def test_order_is_the_callers(tmp_path: Path, decoded: list[str]) -> None:
    paths = draw_films(tmp_path / "films", 9)
    open_films(paths[:5], SMALL, folder=tmp_path / "cache")
    shuffled = random.Random(0).sample(paths, 9)
    films = open_films(shuffled, SMALL, folder=tmp_path / "cache")
    assert np.array_equal(films[:], expected(shuffled))
    assert np.array_equal(films[np.array([7, 0, 7])], expected([shuffled[7], shuffled[0], shuffled[7]]))
    assert len(decoded) == 9


def test_taken_films_keep_pixels_and_digests(tmp_path: Path) -> None:
    paths = draw_films(tmp_path / "films", 5)
    taken = open_films(paths, SMALL, folder=tmp_path / "cache").take(np.array([4, 1]))
    again = open_films([paths[4], paths[1]], SMALL, folder=tmp_path / "cache")
    assert np.array_equal(taken[:], again[:])
    assert taken.digests == again.digests
    assert len(taken) == 2


def test_copies_of_a_film_share_a_row(tmp_path: Path, decoded: list[str]) -> None:
    first, second = draw_films(tmp_path / "films", 2)
    copy = tmp_path / "copy.bmp"
    copy.write_bytes(first.read_bytes())
    films = open_films([first, copy, second, first], SMALL, folder=tmp_path / "cache")
    assert films.rows[0] == films.rows[1] == films.rows[3] != films.rows[2]
    assert np.array_equal(films[:], expected([first, first, second, first]))
    assert len(decoded) == 2


def test_settings_that_do_not_touch_the_pixels_share_them(tmp_path: Path, decoded: list[str]) -> None:
    paths = draw_films(tmp_path / "films", 3)
    for standardise in ("fixed", "film"):
        open_films(paths, Preprocessing(size=16, standardise=standardise), folder=tmp_path / "cache")
    assert len(decoded) == 3
    padded = Preprocessing(size=16, fit="pad")
    assert np.array_equal(open_films(paths, padded, folder=tmp_path / "cache")[:], expected(paths, padded))
    assert len(decoded) == 6


def test_a_changed_byte_is_seen_behind_the_same_size_and_time(tmp_path: Path, decoded: list[str]) -> None:
    paths = draw_films(tmp_path / "films", 4)
    before = open_films(paths, SMALL, folder=tmp_path / "cache")
    seen = paths[2].stat()
    content = bytearray(paths[2].read_bytes())
    content[-12 * 24 + 12] ^= 0x80  # a grey value near the centre
    while paths[2].stat().st_ctime_ns == seen.st_ctime_ns:  # the clock of a file system ticks a few times in 10 ms
        paths[2].write_bytes(content)
        os.utime(paths[2], ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert (paths[2].stat().st_size, paths[2].stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)

    decoded.clear()
    after = open_films(paths, SMALL, folder=tmp_path / "cache")
    assert decoded == [paths[2].name]
    assert np.array_equal(after[:], expected(paths))
    assert [a != b for a, b in zip(before.digests, after.digests, strict=True)] == [False, False, True, False]
    assert not np.array_equal(after[2:3], before[2:3])


def test_progress_is_told_only_where_there_is_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 2)
    paths = draw_films(tmp_path / "films", 5)
    told: list[tuple[int, int]] = []
    for _ in range(2):
        open_films(paths, SMALL, folder=tmp_path / "cache", progress=lambda *numbers: told.append(numbers))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_the_users_cache_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "mine"))
    films = open_films(draw_films(tmp_path / "films", 2), SMALL)
    assert isinstance(films.pixels, np.memmap)
    assert Path(str(films.pixels.filename)).is_relative_to(tmp_path / "mine")


def test_no_films_are_no_error(tmp_path: Path) -> None:
    assert open_films([], SMALL, folder=tmp_path)[:].shape == (0, 16, 16)


# Mishaps.


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


def test_two_processes_at_once(tmp_path: Path) -> None:
    paths = draw_films(tmp_path / "films", 40)
    children = [open_child(tmp_path / "cache", order) for order in (paths, paths[::-1])]
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    outputs = [child.communicate(timeout=60)[0].splitlines() for child in children]
    for order, lines in zip((paths, paths[::-1]), outputs, strict=True):
        assert bytes.fromhex(lines[-1]) == expected(order).tobytes()
    assert len(entered(tmp_path / "cache")) == 40
    assert (tmp_path / "cache" / f"films-{SMALL.pixels_digest}" / "pixels.u8").stat().st_size == 40 * 16 * 16


def test_a_process_killed_at_any_moment_leaves_a_cache_that_can_be_used(tmp_path: Path, decoded: list[str]) -> None:
    chance = random.Random(0)
    paths = draw_films(tmp_path / "films", 40)
    known = []
    for number in range(12):
        folder = tmp_path / f"cache {number}"
        child = open_child(folder, paths)
        assert child.stdin
        assert child.stdout
        child.stdin.write("go\n")
        child.stdin.flush()
        for _ in range(chance.randrange(15)):
            child.stdout.readline()
        time.sleep(chance.uniform(0, 0.01))
        child.kill()
        child.communicate()

        decoded.clear()
        films = open_films(paths, SMALL, folder=folder)
        assert np.array_equal(films[:], expected(paths))
        assert len(entered(folder)) == 40
        known.append(40 - len(decoded))
    assert 0 < sum(known) < 12 * 40  # some were killed amid their work
