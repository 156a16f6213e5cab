"""Benchmarks: medians and ratios of rounds, seconds of the processor, and the file they end in."""

import json
import time
from dataclasses import asdict

import pytest

from experiments.benchmarks.measuring import Measurement, compare, cpu_seconds, write_measurements


@pytest.mark.parametrize(("less_is_better", "ratio"), [(True, 3.0), (False, 1 / 3)])
def test_a_comparison_holds_medians_and_the_median_of_the_rounds_ratios(less_is_better, ratio):
    """Theirs over ours by round: 4, 3, 0.01; of the medians it would be 2."""
    found = compare("seconds", [1, 2, 100], [4, 6, 1], "peer", less_is_better=less_is_better)
    assert found == Measurement("seconds", ours=2, peer=4, peer_name="peer", ratio=pytest.approx(ratio), n=3)


def test_sides_of_unequal_rounds_are_not_compared():
    with pytest.raises(ValueError, match="shorter"):
        compare("seconds", [1, 2], [1], "peer", less_is_better=True)


def test_a_call_is_timed_after_a_first_one_for_as_long_as_was_wanted(monkeypatch):
    """The first call takes ten seconds, the others two each; four fill seven seconds."""
    clock, costs = [0.0], [10.0]

    def call():
        clock[0] += costs.pop() if costs else 2.0

    monkeypatch.setattr(time, "process_time", lambda: clock[0])
    assert cpu_seconds(call, at_least=7) == 2
    assert clock[0] == 10 + 4 * 2


def test_a_call_takes_time_and_more_work_takes_more():
    short, long = (cpu_seconds(lambda n=n: sum(range(n)), at_least=0.02) for n in (1_000, 100_000))
    assert 0 < short < long


def test_measurements_are_written_as_a_list_of_plain_values_and_shown(tmp_path, capsys):
    found = [Measurement("images a second", 20.0, 10.0, "peer", 2.0, 5), Measurement("bytes", 3, 6, "other", 2, 1)]
    write_measurements(tmp_path / "deep" / "found.json", found)
    written = json.loads((tmp_path / "deep" / "found.json").read_text(encoding="utf-8"))
    assert written == [asdict(each) for each in found]
    assert list(written[0]) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
    said = capsys.readouterr().out
    assert "images a second" in said and "2.00" in said
