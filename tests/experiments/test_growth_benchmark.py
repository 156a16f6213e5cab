"""The benchmark of growth finds exponents, compares at each size, and draws every curve."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from experiments.benchmarks import growth as benchmark
from experiments.benchmarks.growth import Curves, Growing

SIZES = (10, 30, 100, 300)
COSTS = [
    {"own": [size * 1e-3], "peer": [size**2 * 1e-3], **({"late": [1.0]} if size > 10 else {})} for size in SIZES
]  # fmt: skip
CURVES = Curves(Growing("films", "films of 96 px", SIZES, lambda *_: {}, (("own", "peer"), ("own", "late"))), COSTS)


@pytest.mark.parametrize("power", [-0.5, 0, 1, 2.7])
def test_the_exponent_of_a_power_is_found(power):
    sizes = np.array([3, 10, 30, 100, 300])
    assert benchmark.exponent(sizes, 7e-4 * sizes.astype(float) ** power) == pytest.approx(power, abs=1e-12)


def test_the_exponent_is_numpys_slope_through_the_last_three():
    rng = np.random.default_rng(0)
    sizes, costs = np.array([1, 3, 10, 30, 100]), rng.uniform(0.1, 2, 5)
    slope, _ = np.polyfit(np.log(sizes[-3:]), np.log(costs[-3:]), 1)
    assert benchmark.exponent(sizes.tolist(), costs.tolist()) == pytest.approx(slope)
    costs[:2] *= 100
    assert benchmark.exponent(sizes.tolist(), costs.tolist()) == pytest.approx(slope)


def test_ours_stands_beside_each_peer_at_each_size_and_then_in_how_both_grow():
    found = list(benchmark.compared(CURVES))
    assert [(each.peer_name, each.ratio) for each in found] == [
        *(("peer", pytest.approx(size)) for size in SIZES), ("peer", pytest.approx(10)),
        *(("late", pytest.approx(1e3 / size)) for size in SIZES[1:]), ("late", pytest.approx(0.1)),
    ]  # fmt: skip
    assert found[0].metric == "films: own, 10 films of 96 px, CPU-seconds"
    assert found[4].metric == "films: own, what ten times the films of 96 px cost, times as much"
    assert (found[4].ours, found[4].peer) == (pytest.approx(10), pytest.approx(100))


def test_how_both_grow_is_told_of_the_sizes_that_both_have():
    bent = [
        {**costs, "peer": [7.0]} if size < 300 else {"own": [1e3]} for size, costs in zip(SIZES, COSTS, strict=True)
    ]
    *_, grown = benchmark.compared(Curves(CURVES.growing._replace(pairs=(("own", "peer"),)), bent))
    assert (grown.ours, grown.peer) == (pytest.approx(10), pytest.approx(1))


def test_no_measurement_bears_the_figures_of_its_run_in_its_name():
    other = [{name: [cost**1.3 for cost in side] for name, side in costs.items()} for costs in COSTS]
    first, second = (list(benchmark.compared(Curves(CURVES.growing, costs))) for costs in (COSTS, other))
    assert [each.metric for each in first] == [each.metric for each in second]
    assert first[4].ours != second[4].ours


def test_a_curve_is_of_the_sizes_at_which_there_was_one():
    assert CURVES.line("late") == ([30, 100, 300], [1.0] * 3)
    assert CURVES.line("own") == (list(SIZES), pytest.approx([0.01, 0.03, 0.1, 0.3]))


def test_every_curve_is_drawn(tmp_path):
    benchmark.draw(tmp_path / "growth.png", [CURVES, CURVES])
    with Image.open(tmp_path / "growth.png") as drawn:
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(10**6)}
    assert {(0, 114, 178), (213, 94, 0), (0, 158, 115)} <= colours


def test_processor_time_is_told_by_name():
    def burn():
        sum(range(3_000_000))

    found = benchmark.processor(2, {"nothing": lambda: None, "something": burn})
    assert [len(side) for side in found.values()] == [2, 2] and min(found["something"]) > max(found["nothing"])


def test_a_missing_peer_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "easyfsl", None)
    monkeypatch.setattr(sys, "argv", ["growth", "--json", str(tmp_path / "found.json")])
    with pytest.raises(SystemExit) as stopped:
        benchmark.main()
    assert stopped.value.code == 2 and "pip install 'embedlearn[bench]'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_benchmark_of_growth_writes_its_ratios_and_draws(tmp_path):
    path, drawn = tmp_path / "found.json", tmp_path / "growth.png"
    benchmark._run(benchmark.GrowthBenchmark(json=path, figure=drawn, quick=True))
    found = json.loads(path.read_text(encoding="utf-8"))
    titles = {growing.title for growing in benchmark.GROWING}
    assert {each["metric"].partition(":")[0] for each in found} == titles and drawn.exists()
