"""Kill a writer (-9) while it adds, removes and compacts, and look at what is left: run by test_gallery_durability.py.

A child is forked for each kill, so that nothing is imported twice; the parent never searches with FAISS, whose threads
do not outlive a fork. Half of the children die at a call that changes the disk, or in the middle of a file, the others
whenever the parent says so.
"""

import collections
import functools
import itertools
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from unittest.mock import patch

import faiss
import numpy as np
import pyarrow.parquet as pq
from gallery_cases import rows_of

from embedlearn.gallery import folder as folders
from embedlearn.gallery.gallery import Gallery

sys.path.insert(0, str(Path(__file__).parent / "store"))
from store_cases import Call, debris, intercepted, write_part

WIDTH, FIRST = 6, 120


def vectors_of(ids):
    """The vectors that go with these ids, and no others."""
    return np.array([np.random.default_rng(int(name[1:])).normal(size=WIDTH) for name in ids], np.float32)


class Deed:
    """One step of a writer: `what` it does to which ids."""

    def __init__(self, what, ids):
        self.what, self.ids = what, ids

    def do(self, gallery):
        if self.what == "add":
            gallery.add(vectors_of(self.ids), rows_of(self.ids))
        elif self.what == "remove":
            gallery.remove(self.ids)
        else:
            gallery.compact()

    def after(self, there):
        return there | set(self.ids) if self.what == "add" else there - set(self.ids)


def deeds(there, fresh, rng):
    """Random steps from a gallery that holds the ids `there`; new ids count from `fresh`."""
    while True:
        what = rng.choice(("add", "add", "remove", "compact"))
        ids = []
        if what == "add":
            ids = [f"c{next(fresh)}" for _ in range(rng.randint(1, 4))]
        elif what == "remove":
            ids = rng.sample(sorted(there), 2)
        deed = Deed(what, ids)
        there = deed.after(there)
        yield deed


def work(folder, steps, report):
    """Open, take the steps, and close; `report` hears of each when it begins and when it is done."""
    with Gallery.open(folder, writable=True, device="cpu") as gallery:
        for number, deed in enumerate(steps):
            report(f"begun {number}")
            deed.do(gallery)
            report(f"done {number}")
    report("end")


def dying(at, rng, report):
    """What kills this process at the `at`th call that changes the disk; a file that is being written stays a part."""
    steps = itertools.count(1)

    def kill(name: str, call: Call) -> object:
        if next(steps) < at:
            return call()
        if name == "pwrite":
            write_part(call, rng)
        elif name == "file":
            call()
            path = next(Path(argument) for argument in call.args if isinstance(argument, str | os.PathLike))
            os.truncate(path, rng.randint(0, path.stat().st_size))
        report(f"killed {name}")
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    return kill


def in_child(act):
    """Run `act(report)` in a fork; what it reported, and the process, which is still to be waited for."""
    there, here = os.pipe()
    if not (child := os.fork()):
        try:
            act(lambda line: os.write(here, f"{line}\n".encode()))
        finally:
            os._exit(0)
    os.close(here)
    return child, there


def listened(child, there):
    with os.fdopen(there) as lines:
        heard = lines.read().splitlines()
    os.waitpid(child, 0)
    return heard


def files_too(hook):
    """Have the functions that write whole files by themselves go through `hook` as well."""

    def wrap(real):
        return lambda *arguments, **options: hook("file", functools.partial(real, *arguments, **options))

    return [
        patch.object(pq, "write_table", wrap(pq.write_table)),
        patch.object(faiss, "write_index", wrap(faiss.write_index)),
        patch.object(folders, "_write_vectors", wrap(folders._write_vectors)),
    ]


def killed_writer(folder, steps, rng):
    """What a child said before it died, at a call or, where `rng` says so, at a moment."""
    by_call = rng.random() < 0.5
    at = rng.randint(1, 60)

    def act(report):
        hook = dying(at if by_call else 10**9, rng, report)
        with intercepted(hook):
            for one in files_too(hook):
                one.start()
            work(folder, steps, report)

    child, there = in_child(act)
    if not by_call:
        time.sleep(rng.uniform(0.002, 0.08))
        os.kill(child, signal.SIGKILL)
    heard = listened(child, there)
    return [*heard, "killed moment"] if not by_call and heard[-1:] != ["end"] else heard


def check(folder, there, steps, heard):
    """All that was acknowledged is there, as it was handed over, and at most what was under way besides."""
    begun = [int(line.split()[1]) for line in heard if line.startswith("begun")]
    done = [int(line.split()[1]) for line in heard if line.startswith("done")]
    for number in done:
        there = steps[number].after(there)
    allowed = [there, *(steps[number].after(there) for number in begun[len(done) :])]
    with Gallery.open(folder, device="cpu") as gallery:
        ids = sorted(set().union(*allowed))
        rows = gallery.find(ids)
        found = {name for name, row in zip(ids, rows, strict=True) if row >= 0}
        assert found in allowed, (heard, [found ^ one for one in allowed])
        assert len(gallery) == len(found)
        rows = rows[rows >= 0]
        assert gallery.take(rows).to_pylist() == rows_of(sorted(found)).to_pylist()
        assert np.array_equal(gallery.vectors_of(rows), vectors_of(sorted(found)))
    return found


def main(folder, kind, kills, seed):
    folders.describe_software = dict
    rng, counted, fresh = random.Random(seed), collections.Counter(), itertools.count(FIRST)
    there = {f"c{number}" for number in range(FIRST)}

    def build(report):
        ids = sorted(there)
        Gallery(kind, device="cpu").fit(vectors_of(ids), rows_of(ids)).save(folder)
        report("end")

    assert listened(*in_child(build)) == ["end"]
    while sum(counted.values()) < kills:
        steps = list(itertools.islice(deeds(there, fresh, rng), 8))
        heard = killed_writer(folder, steps, rng)
        counted.update(line.split()[1] for line in heard if line.startswith("killed"))
        there = check(folder, there, steps, heard)
    assert listened(*in_child(lambda report: work(folder, [Deed("compact", [])], report)))[-1] == "end"
    check(folder, there, [], [])
    assert not debris(folder), debris(folder)
    sys.stdout.write(json.dumps(counted))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
