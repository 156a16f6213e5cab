"""Classes against sources, counted and told."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from embedlearn.audits.confounding import confounding_chapter, cramers_v
from embedlearn.audits.findings import Chapter, Finding
from embedlearn.pages.blocks import Box, Table


def films(rows: Sequence[tuple[str, str, int]], cases: Sequence[int] | None = None) -> pd.DataFrame:
    """So many films of each class and source; each its own case unless `cases` says otherwise."""
    pairs = [(name, source) for name, source, count in rows for _ in range(count)]
    frame = pd.DataFrame(pairs, columns=["class", "source"], dtype="string")
    return frame.assign(case=np.arange(len(frame)) if cases is None else np.array(cases))


def by_key(chapter: Chapter) -> dict[str, Finding]:
    return {finding.key: finding for finding in chapter.findings}


MIXED = [("ill", "a", 30), ("well", "a", 20), ("ill", "b", 5), ("well", "b", 40), ("odd", "b", 7)]


def test_the_association_is_that_of_scipy() -> None:
    frame = films(MIXED)
    found = cramers_v(frame, replicates=100)
    table = pd.crosstab(frame["class"], frame["source"]).to_numpy()
    assert found.value == pytest.approx(association(table, method="cramer"))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("rows", "expected"), [
    ([("ill", "a", 10), ("well", "b", 20)], 1.0),
    ([("ill", "a", 10), ("well", "a", 20), ("ill", "b", 20), ("well", "b", 40)], 0.0),
])  # fmt: skip
def test_a_source_that_says_all_and_one_that_says_nothing(rows: list[tuple[str, str, int]], expected: float) -> None:
    assert cramers_v(films(rows), replicates=10).value == pytest.approx(expected)


def test_films_of_few_cases_leave_it_more_open() -> None:
    rows = [("ill", "a", 60), ("well", "a", 40), ("ill", "b", 40), ("well", "b", 60)]
    alone, together = films(rows), films(rows, [number // 10 for number in range(200)])
    reach = [found.high - found.low for found in (cramers_v(alone), cramers_v(together))]
    assert reach[1] > 2 * reach[0]


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
    chapter = confounding_chapter(films([(name, source, 25) for name in ("ill", "well") for source in ("a", "b")]))
    assert [finding.level for finding in chapter.findings] == ["fine", "fine"]
    assert not any(isinstance(block, Box) for block in chapter.blocks)


def test_pairs_that_share_no_source_are_named() -> None:
    rows = [("ill", "a", 30), ("well", "b", 30), ("odd", "a", 5), ("odd", "b", 5)]
    chapter = confounding_chapter(films(rows))
    assert chapter.data["share_no_source"] == [["ill", "well"]]
    assert by_key(chapter)["confounding.pairs"].sentence.startswith("No source holds both of a pair: ill and well.")
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
    assert [finding.level for finding in chapter.findings] == ["note"]
    assert words in chapter.findings[0].sentence
    assert not chapter.figures


def test_many_sources_still_make_a_figure(tmp_path) -> None:
    frame = films([(name, f"source {number}", 3 + number) for name in ("ill", "well") for number in range(9)])
    chapter = confounding_chapter(frame)
    chapter.figures["confounding"].picture.save(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
