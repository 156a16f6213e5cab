"""Processes that meet over one cache of films, or die amid their work."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from amounts import slow
from cached_films import SMALL, draw_films, entered, expected

from embedlearn.radiographs.cache import open_films

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


def open_child(folder: Path, paths: list[Path]) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), *map(str, paths)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


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


@pytest.mark.parametrize("kills", [3, slow(12)])
def test_a_process_killed_at_any_moment_leaves_a_cache_that_can_be_used(
    tmp_path: Path, decoded: list[str], kills: int
) -> None:
    chance = random.Random(0)
    paths = draw_films(tmp_path / "films", 40)
    known = []
    for number in range(kills):
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
    assert 0 < sum(known) < kills * 40  # some were killed amid their work
