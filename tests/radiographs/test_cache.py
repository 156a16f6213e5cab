"""The cache of films: decoded once, and seen when they change."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from cached_films import SMALL, draw_films, expected

from embedlearn.radiographs import cache
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.preprocessing import Preprocessing


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
