"""The benchmark of starting up runs what it says in fresh processes, and compares with what is installed."""

import json
import subprocess

import pytest

from experiments.benchmarks import startup as benchmark
from experiments.benchmarks.measuring import FLOOR


def test_a_fresh_process_runs_where_it_should_with_caches_of_its_own(tmp_path):
    code = "import os, pathlib, experiments; pathlib.Path('told').write_text(os.environ['EMBEDLEARN_CACHE'])"
    benchmark.python("-c", code, place=tmp_path)()
    assert (tmp_path / "told").read_text(encoding="utf-8") == str(tmp_path / "cache")
    with pytest.raises(subprocess.CalledProcessError):
        benchmark.python("-c", "raise SystemExit(3)")()


def test_a_package_that_is_missing_is_told_and_left_out(capsys):
    assert benchmark.installed(["pass", "import no_such_package.part", "import json"]) == ["pass", "import json"]
    assert capsys.readouterr().out == (
        "  note: import no_such_package.part: not installed, so nothing is compared with it\n"
    )


def test_milliseconds_are_of_the_processor_and_of_the_process_that_was_started():
    burning = "import time; [None for _ in iter(lambda: time.process_time() < 0.3, False)]"
    waiting = "import time; time.sleep(0.3)"
    sides = {name: benchmark.python("-c", code) for name, code in (("burn", burning), ("wait", waiting))}
    found = benchmark.milliseconds(sides, 1)
    assert len(found["burn"]) == len(found["wait"]) == 1
    assert found["burn"][0] > 299 and found["burn"][0] > 2 * found["wait"][0]


def test_imports_stand_beside_their_peers():
    found = list(benchmark.imported({"import json": ("pass", "import asyncio"), "import csv": ("pass",)}, 1))
    assert [(each.metric, each.peer_name) for each in found] == [
        ("import json, CPU-milliseconds", "floor: Python alone"), ("import json, CPU-milliseconds", "import asyncio"),
        ("import csv, CPU-milliseconds", "floor: Python alone"),
    ]  # fmt: skip
    assert [each.peer_name.startswith(FLOOR) for each in found] == [True, False, True]
    assert found[0].peer == found[2].peer and all(each.ratio == each.peer / each.ours for each in found)


def test_what_is_imported_of_ours_exists():
    for statement in benchmark.IMPORTS:
        exec(statement, {})


@pytest.mark.slow
def test_the_benchmark_of_starting_up_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    benchmark._run(benchmark.StartupBenchmark(json=path, quick=True))
    said = " ".join(each["metric"] for each in json.loads(path.read_text(encoding="utf-8")))
    assert all(words in said for words in ("import embedlearn", "--help", "data show", "search"))
