"""Kill a writer (-9) at every call that changes the disk, and look at what is left: run by test_store_kills.py.

A child is forked for each point, so that nothing is imported twice. It reports down a pipe what it did; at its point
it writes a part of the bytes and kills itself. A second child is killed while it mends what the first one left.
"""

import collections
import itertools
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

from store_cases import Call, debris, intercepted, items, number_of, read_items, work, write_part

from embedlearn.gallery.store.shelf import Shelf


def work_and_die(folder: Path, at: int, rng: random.Random, rounds: int) -> list[str]:
    """What a child acknowledged before call `at`, then the name of that call; "end" where there are fewer calls."""
    there, here = os.pipe()
    if not (child := os.fork()):
        steps = itertools.count(1)

        def report(line: str) -> None:
            os.write(here, f"{line}\n".encode())

        def kill(name: str, call: Call) -> object:
            if next(steps) < at:
                return call()
            if name == "pwrite":
                write_part(call, rng)
            report(name)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        try:
            with intercepted(kill):
                work(folder, report, rounds)
            report("end")
        finally:
            os._exit(0)
    os.close(here)
    with os.fdopen(there) as lines:
        report_lines = lines.read().split()
    os.waitpid(child, 0)
    return report_lines


def state_of(folder: Path) -> tuple[int, int]:
    """The generation and how many items there are, each whole and in its place."""
    if not Shelf(folder).exists():
        return 0, 0
    found = read_items(folder)
    assert found == items(len(found)), f"{folder}: items differ from what was written"
    return number_of(folder), len(found)


def check(folder: Path, before: tuple[int, int], done: list[str]) -> tuple[int, int]:
    """All that was acknowledged is there, and at most what was under way besides."""
    number, count = before[0] + done.count("publish"), before[1] + done.count("append")
    after = state_of(folder)
    assert after in {(number, count), (number + 1, count), (number, count + 1)}, (before, done, after)
    assert done[-1] != "end" or after == (number, count)
    return after


def main(folder: Path, seed: int, rounds: int) -> None:
    rng, kills = random.Random(seed), collections.Counter[str]()
    for at in itertools.count(1):
        shutil.rmtree(folder, ignore_errors=True)
        first = work_and_die(folder, at, rng, rounds)
        state = check(folder, (0, 0), first)
        if first[-1] == "end":
            break
        second = work_and_die(folder, rng.randint(1, 50), rng, rounds=1)
        state = check(folder, state, second)
        kills.update([first[-1], second[-1]])
        work(folder, (last := ["open"]).append, rounds=1)
        check(folder, state, [*last, "end"])
        assert not debris(folder), debris(folder)
    json.dump(kills, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
