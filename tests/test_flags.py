"""The checks that settings share."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from embedlearn.errors import ArgumentError
from embedlearn.flags import as_plain, overlaid, require_number, split_pairs


@pytest.mark.parametrize("value", [0.05, 0.2, 0.45])
def test_a_number_in_its_range(value: float) -> None:
    require_number("--val", value, 0.05, 0.45)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.046, "0.046"), (0.5, "0.5"), (-1, "-1"), (math.nan, "nan"), (math.inf, "inf"), (2**31, "2147483648")],
)
def test_a_number_out_of_its_range(value: float, shown: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^--val: wanted a number from 0\.05 to 0\.45, got {shown}$"):
        require_number("--val", value, 0.05, 0.45)


def test_large_bounds_are_written_out() -> None:
    with pytest.raises(ArgumentError, match="from 0 to 2147483647, got -1"):
        require_number("--seed", -1, 0, 2**31 - 1)


def test_pairs() -> None:
    assert split_pairs("--map", []) == {}
    assert split_pairs("--map", ["tb=tuberculosis", " No finding = healthy "]) == {
        "tb": "tuberculosis",
        "No finding": "healthy",
    }
    assert split_pairs("--map", ["a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize("word", ["tb", "tb=", "=tuberculosis", "=", " = ", ""])
def test_a_word_that_is_no_pair(word: str) -> None:
    with pytest.raises(ArgumentError, match=f"^--map {word}: wanted NAME=VALUE, such as --map a=b$"):
        split_pairs("--map", ["fine=word", word])


def test_plain_data_is_laid_over_a_dataclass_and_the_dataclasses_inside_it() -> None:
    from embedlearn.pretrain import Pretrain

    laid = overlaid(Pretrain(), {"runs": "there", "classes": ["a", "b"], "objective": {"loss": "triplet"}})
    assert (laid.runs, laid.classes, laid.objective.loss) == (Path("there"), ("a", "b"), "triplet")
    assert laid.objective.instance == Pretrain().objective.instance
    with pytest.raises(ArgumentError, match="losss: no such setting; wanted one of loss, "):
        overlaid(Pretrain(), {"objective": {"losss": "triplet"}})


def test_a_row_of_paths_is_plain_too():
    @dataclasses.dataclass(frozen=True)
    class Several:
        films: tuple[Path, ...] = (Path("a.png"), Path("b/c.png"))

    assert json.dumps(as_plain(Several())) == '{"films": ["a.png", "b/c.png"]}'
