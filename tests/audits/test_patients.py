"""Leaks: who stands on both sides, counted by a plain loop."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.audits.patients import bootstrap_share, expected_met, leaks_chapter


def frame_of(
    patients: list[str | None], sources: list[str] | None = None, cases: list[int] | None = None
) -> pd.DataFrame:
    count = len(patients)
    return pd.DataFrame(
        {
            "source": pd.Series(sources or ["a"] * count, dtype="string"),
            "patient": pd.Series(patients, dtype="string"),
            "case": cases or list(range(count)),
        }
    )


def finding(chapter, key):
    return next(found for found in chapter.findings if found.key == key)


def test_a_patient_on_both_sides_is_found() -> None:
    frame = frame_of(["p", "p", "q", None, None], cases=[0, 0, 1, 2, 3])
    split = ["train", "test", "test", "train", "test"]
    chapter = leaks_chapter(frame, np.arange(5), {"the split": split})
    found = finding(chapter, "leaks.the-split")
    assert (found.level, found.films) == ("warning", 3)
    assert found.value == pytest.approx(1 / 3)
    assert "1 patient and 0 pictures stand on both sides; 1 of 3 tested films" in found.sentence


def test_a_patient_of_another_source_is_another_patient() -> None:
    frame = frame_of(["1", "1"], sources=["a", "b"])
    found = finding(leaks_chapter(frame, [0, 1], {"the split": ["train", "test"]}), "leaks.the-split")
    assert (found.level, found.value) == ("fine", 0.0)


def test_films_without_a_patient_share_none() -> None:
    chapter = leaks_chapter(frame_of([None, None]), [0, 1], {"the split": ["train", "test"]})
    assert finding(chapter, "leaks.the-split").level == "fine"


def test_one_picture_on_both_sides_is_found_whatever_the_patients_names() -> None:
    frame = frame_of(["p", "q", "r"], cases=[0, 0, 1])
    found = finding(leaks_chapter(frame, [7, 7, 8], {"support and query": ["support", "query", "query"]}),
                    "leaks.support-and-query")  # fmt: skip
    assert found.level == "warning" and "0 patients and 1 picture" in found.sentence
    assert found.value == pytest.approx(1 / 2)


def test_films_of_no_side_take_no_part_and_a_parting_of_one_side_is_none() -> None:
    frame = frame_of(["p", "p", "q"])
    chapter = leaks_chapter(frame, np.arange(3), {"the split": ["train", None, "test"], "other": ["test", "", None]})
    assert [found.key for found in chapter.findings] == ["leaks.the-split", "leaks.by-image"]
    assert finding(chapter, "leaks.the-split").level == "fine"


def test_what_a_split_by_image_would_learn_from_agrees_with_drawing_such_splits() -> None:
    rng = np.random.default_rng(0)
    cases = rng.integers(0, 12, 40)
    seen, tested = 0, 0
    for _ in range(4000):
        test = rng.random(40) < 0.2
        seen += np.isin(cases[test], cases[~test]).sum()
        tested += test.sum()
    assert expected_met(cases, 0.2).mean() == pytest.approx(seen / tested, abs=0.01)


def test_the_lower_bound_is_said_where_patients_are_unknown() -> None:
    known, unknown = (leaks_chapter(frame_of(names), [0, 1], {}) for names in (["p", "q"], ["p", None]))
    assert "lower bound" not in known.findings[0].sentence
    assert "1 of 2 films name no patient" in unknown.findings[0].sentence


def test_the_interval_is_of_cases_not_of_films() -> None:
    values, cases = np.repeat([0.0, 1.0], 50), np.repeat([0, 1], 50)
    wide = bootstrap_share(values, cases)
    narrow = bootstrap_share(values, np.arange(100))
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert bootstrap_share([], []).value == 0.0


def test_tables_count_both_ways_alike() -> None:
    frame = frame_of(["p", "p", "q", "q"])
    chapter = leaks_chapter(frame, [0, 1, 2, 2], {"the split": ["train", "test", "train", "val"]})
    (table,) = chapter.blocks
    cells = {row.name: [cell.main for cell in row.cells] for row in table.groups[0].rows}
    assert table.columns == ("side", "films", "shared with test", "shared with train", "shared with val")
    assert cells["train"] == ["2", "1 + 0", "–", "1 + 1"]
    assert cells["test"][2] == cells["train"][1]
