"""Classes against sources, counted and told."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from embedlearn.audits.association import cramers_v
from embedlearn.audits.confounding import WEAK, confounding_chapter
from embedlearn.audits.findings import Chapter, Finding
from embedlearn.pages.blocks import Box, Table


def films(rows: Sequence[tuple[str, str, int]], cases: Sequence[int] | None = None) -> pd.DataFrame:
    """So many films of each class and source; each its own case unless `cases` says otherwise."""
    pairs = [(name, source) for name, source, count in rows for _ in range(count)]
    frame = pd.DataFrame(pairs, columns=["class", "source"], dtype="string")
    return frame.assign(case=np.arange(len(frame)) if cases is None else np.array(cases))


def by_key(chapter: Chapter) -> dict[str, Finding]:
    return {finding.key: finding for finding in chapter.findings}


KEYS = {f"confounding.{key}" for key in ("sources", "one-source", "pairs", "association")}
MIXED = [("ill", "a", 30), ("well", "a", 20), ("ill", "b", 5), ("well", "b", 40), ("odd", "b", 7)]


def test_the_association_is_cramers_less_its_bias() -> None:
    """Bergsma (2013), out of scipy's chi squared: of 102 films in 3 classes and 2 sources."""
    frame = films(MIXED)
    found = cramers_v(frame, replicates=100)
    table = pd.crosstab(frame["class"], frame["source"]).to_numpy()
    squared = chi2_contingency(table, correction=False).statistic / 102 - 2 * 1 / 101
    assert found.value == pytest.approx((squared / (2 - 1 / 101 - 1)) ** 0.5)
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("cases", "classes", "sources", "each"), [(60, 4, 8, 1), (80, 2, 2, 1), (50, 3, 5, 4)])
def test_classes_that_do_not_go_with_sources_raise_no_alarm(cases: int, classes: int, sources: int, each: int) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        drawn = {"class": rng.integers(0, classes, cases), "source": rng.integers(0, sources, cases)}
        frame = pd.DataFrame({**drawn, "case": np.arange(cases)}).astype({"class": str, "source": str})
        found.append(cramers_v(frame.loc[frame.index.repeat(each)], replicates=100))
    assert sum(one.low > WEAK for one in found) <= 1
    assert all(one.low <= one.value <= one.high for one in found)
    assert np.mean([one.value for one in found]) < 0.12


@pytest.mark.parametrize(("rows", "expected"), [
    ([("ill", "a", 10), ("well", "b", 20)], 1.0),
    ([("ill", "a", 10), ("well", "a", 20), ("ill", "b", 20), ("well", "b", 40)], 0.0),
])  # fmt: skip
def test_a_source_that_says_all_and_one_that_says_nothing(rows: list[tuple[str, str, int]], expected: float) -> None:
    assert cramers_v(films(rows), replicates=10).value == pytest.approx(expected)


def test_films_of_few_cases_leave_it_more_open() -> None:
    rows = [("ill", "a", 80), ("well", "a", 20), ("ill", "b", 20), ("well", "b", 80)]
    alone, together = films(rows), films(rows, [number // 10 for number in range(200)])
    reach = [found.high - found.low for found in (cramers_v(alone), cramers_v(together))]
    assert reach[1] > 2 * reach[0]


def test_a_film_from_elsewhere_parts_nothing() -> None:
    chapter = confounding_chapter(films([("a", "s1", 300), ("a", "s2", 1), ("b", "s1", 1), ("b", "s2", 300)]))
    found = by_key(chapter)
    assert {found[f"confounding.{key}"].level for key in ("one-source", "pairs", "association")} == {"warning"}
    assert "a (nearly all, 300 of 301 cases, in s1)" in found["confounding.one-source"].sentence
    assert chapter.data["only_source"] == {"a": "s1", "b": "s2"}
    assert chapter.data["share_no_source"] == [["a", "b"]]


def test_few_cases_in_a_second_source_say_neither() -> None:
    found = by_key(confounding_chapter(films([(name, source, 8) for name in ("ill", "well") for source in ("a", "b")])))
    for key in ("one-source", "pairs", "association"):
        assert found[f"confounding.{key}"].level == "note"
        assert "cannot be said" in found[f"confounding.{key}"].sentence


def test_a_class_of_one_source_is_said_first() -> None:
    chapter = confounding_chapter(films(MIXED))
    first = chapter.findings[0]
    assert (first.key, first.level, first.value) == ("confounding.one-source", "warning", 1)
    assert "odd (only in b)" in first.sentence
    box = chapter.blocks[0]
    assert isinstance(box, Box)
    assert box.label == "Warning"
    assert "odd (only in b)" in box.words
    assert chapter.data["only_source"] == {"odd": "b"}


def test_classes_of_two_sources_need_no_warning() -> None:
    chapter = confounding_chapter(films([(name, source, 150) for name in ("ill", "well") for source in ("a", "b")]))
    assert {finding.key: finding.level for finding in chapter.findings} == dict.fromkeys(KEYS, "fine")
    assert by_key(chapter)["confounding.pairs"].value == 0
    assert not any(isinstance(block, Box) for block in chapter.blocks)


def test_pairs_that_share_no_source_are_named() -> None:
    rows = [("ill", "a", 30), ("well", "b", 30), ("odd", "a", 5), ("odd", "b", 5)]
    chapter = confounding_chapter(films(rows))
    assert chapter.data["share_no_source"] == [["ill", "well"]]
    assert "To tell ill and well apart it is enough" in by_key(chapter)["confounding.pairs"].sentence
    assert by_key(chapter)["confounding.association"].level == "warning"


def test_the_table_counts_films_and_cases() -> None:
    frame = films([("ill", "a", 4), ("well", "a", 3), ("well", "b", 2)], [0, 0, 1, 2, 3, 3, 3, 4, 5])
    chapter = confounding_chapter(frame)
    table = next(block for block in chapter.blocks if isinstance(block, Table))
    written = [[(cell.main, cell.below) for cell in row.cells] for group in table.groups for row in group.rows]
    assert written == [[("4", "3 cases"), ("–", "")], [("3", "1 case"), ("2", "2 cases")]]
    assert chapter.data["cases"] == {"ill": {"a": 3}, "well": {"a": 1, "b": 2}}


@pytest.mark.parametrize(("rows", "words"), [
    ([("ill", "a", 5), ("well", "a", 5)], "one source, a"),
    ([("ill", "a", 5), ("ill", "b", 5)], "one class, ill"),
])  # fmt: skip
def test_one_source_or_one_class_is_only_noted(rows: list[tuple[str, str, int]], words: str) -> None:
    chapter = confounding_chapter(films(rows))
    assert {finding.key for finding in chapter.findings} == KEYS
    assert [finding.level for finding in chapter.findings] == ["note", "fine", "fine", "fine"]
    assert words in chapter.findings[0].sentence
    assert not chapter.figures


def test_many_sources_still_make_a_figure(tmp_path) -> None:
    frame = films([(name, f"source {number}", 3 + number) for name in ("ill", "well") for number in range(9)])
    chapter = confounding_chapter(frame)
    chapter.figures["confounding"].picture.save(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
