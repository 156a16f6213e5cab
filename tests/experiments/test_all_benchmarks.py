"""All benchmarks run one after another, a missing peer is passed over, and every ratio is drawn."""

import json
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import CheckpointError
from experiments.benchmarks import __main__ as everything
from experiments.benchmarks import axes, ratios
from experiments.benchmarks.measuring import FLOOR, Measurement, load_measurements

ONE = Measurement("films a second", 20.0, 10.0, "peer", 2.0, 5)
SLOW = Measurement("bytes", 3.0, 1.5, "other", 0.5, 1)


def colour(name):
    """As a dot of this colour looks on white."""
    solid = np.array([int(name[place : place + 2], 16) for place in (1, 3, 5)])
    return np.round(0.7 * solid + 0.3 * 255)


@pytest.fixture
def played(monkeypatch):
    """Benchmarks are not run, but write one measurement; those named in `failing` fail. Yields the names that ran."""
    ran, failing = [], set()

    def run(command, **_):
        name = command[2].rpartition(".")[2]
        ran.append(name)
        Path(command[command.index("--json") + 1]).write_text(json.dumps([asdict(ONE)]), encoding="utf-8")
        return subprocess.CompletedProcess(command, int(name in failing))

    monkeypatch.setattr(subprocess, "run", run)
    return ran, failing


def test_every_benchmark_is_in_the_list():
    folder = everything.ROOT / "experiments" / "benchmarks"
    there = {path.stem for path in folder.glob("*.py") if "(BenchmarkFlags)" in path.read_text(encoding="utf-8")}
    assert there == set(everything.PEERS) > set(everything.FIGURES)


def test_all_run_in_turn_and_their_ratios_are_drawn(played, tmp_path, capsys):
    everything.main(["--out", str(tmp_path), "--quick"])
    installed = [name for name in everything.PEERS if f"{name}: not run here" not in capsys.readouterr().out]
    assert played[0] == installed
    with Image.open(tmp_path / "benchmarks.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 10


def test_one_that_fails_does_not_stop_the_others_and_the_exit_code_tells(played, tmp_path, capsys):
    played[1].add("maps")
    with pytest.raises(SystemExit) as stopped:
        everything.main(["--out", str(tmp_path), "--only", "maps", "twins"])
    assert stopped.value.code == 1 and played[0] == ["maps", "twins"]
    assert capsys.readouterr().out.endswith("failed: maps\n")


def test_a_missing_peer_is_told_in_one_line_and_passed_over(played, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(everything.PEERS, "episodes", ("no_such_package",))
    everything.main(["--out", str(tmp_path), "--only", "episodes", "som"])
    assert played[0] == ["som"]
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "episodes: not run here, no_such_package is not installed; pip install 'embedlearn[bench]'"


def test_a_name_that_is_none_is_refused(played, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        everything.main(["--out", str(tmp_path), "--only", "mapps"])
    assert stopped.value.code == 2 and not played[0]
    said = capsys.readouterr().err
    assert "--only" in said and "mapps" in said and "explanations" in said


def test_pictures_of_the_stored_results_are_assets_and_others_lie_beside(tmp_path):
    stored, other = everything.Benchmarks(), everything.Benchmarks(out=tmp_path, quick=True)
    assert str(everything.ROOT / "assets" / "growth.png") in everything.command_of("growth", stored)
    command = everything.command_of("growth", other)
    assert command[1:] == [
        "-m", "experiments.benchmarks.growth", "--json", str(tmp_path / "growth.json"),
        "--figure", str(tmp_path / "growth.png"), "--quick",
    ]  # fmt: skip
    assert "--figure" not in everything.command_of("training", other)


def test_quick_figures_never_stand_among_the_stored_ones_unless_they_are_told_to():
    root, quick = everything.ROOT, everything.Benchmarks(quick=True)
    assert everything.RESULTS not in (quick.folder, quick.pictures)
    assert quick.folder == quick.pictures == root / "runs" / "benchmarks"
    assert str(root / "assets") not in " ".join(everything.command_of("growth", quick))
    told = everything.Benchmarks(quick=True, out=everything.RESULTS)
    assert (told.folder, told.pictures) == (everything.RESULTS, root / "assets")


def test_what_is_there_is_drawn_again_without_a_run(played, tmp_path):
    (tmp_path / "maps.json").write_text(json.dumps([asdict(ONE)]), encoding="utf-8")
    everything.main(["--out", str(tmp_path), "--redraw"])
    assert not played[0] and (tmp_path / "benchmarks.png").exists()


def test_a_row_of_the_figure_is_a_peer_with_all_its_ratios():
    found = list(ratios.rows({"training": [ONE, SLOW, ONE], "maps": [SLOW]}))
    assert found == [("training", ()), ("peer", (2.0, 2.0)), ("other", (0.5,)), ("maps", ()), ("other", (0.5,))]


def test_a_floor_is_no_peer():
    assert list(ratios.rows({"startup": [replace(ONE, peer_name=f"{FLOOR}Python alone"), SLOW]})) == [
        ("startup", ()),
        ("other", (0.5,)),
    ]


@pytest.mark.parametrize(("found", "slower"), [([ONE], False), ([ONE, SLOW], True)])
def test_ratios_below_one_are_drawn_in_a_colour_of_their_own(tmp_path, found, slower):
    ratios.draw_ratios(tmp_path / "drawn.png", {"training": found})
    with Image.open(tmp_path / "drawn.png") as drawn:
        pixels = np.asarray(drawn.convert("RGB"), int)
    seen = [bool((abs(pixels - colour(name)).max(axis=-1) <= 2).any()) for name in (ratios.BETTER, ratios.WORSE)]
    assert seen == [True, slower]


@pytest.mark.parametrize(
    ("values", "words"),
    [((), ""), ((2.04, 2.0), "2"), ((159.4, 0.5, 3), "0.5 to 159"), ((4400, 1.21), "1.2 to 4,400")],
)
def test_a_span_is_told_by_its_ends(values, words):
    assert ratios.span(values) == words


@pytest.mark.parametrize(("value", "words"), [(0.0005, "0.0005"), (0.2, "0.2"), (1, "1"), (100_000, "100,000")])
def test_numbers_on_axes_have_no_exponent(value, words):
    assert axes.plain(value) == words


def test_measurements_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps([asdict(ONE), asdict(SLOW)]), encoding="utf-8")
    assert load_measurements(path) == [ONE, SLOW]
    for text in ("{", '[{"metric": "alone"}]', "[1]"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CheckpointError, match="no measurements"):
            load_measurements(path)


def test_stored_results_are_measurements():
    paths = sorted(everything.RESULTS.glob("*.json"))
    assert paths
    for path in paths:
        found = load_measurements(path)
        assert path.stem in everything.PEERS and found and all(each.ratio > 0 and each.n >= 1 for each in found)
