"""The data card: who is in a set, what is missing, who differs, and how far the numbers carry."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from embedlearn.audits.card import card_chapter, with_told
from embedlearn.audits.enough import cases_for_share, share_half_width
from embedlearn.audits.findings import Chapter, Finding
from embedlearn.errors import ArgumentError
from embedlearn.pages.blocks import Table, Text
from embedlearn.radiographs.layouts import read_data


def frame_of(**columns: Any) -> pd.DataFrame:
    """A row a film; what is not given is as a manifest leaves it."""
    count = len(columns["class"])
    rest = {name: pd.Series([None] * count, dtype="string") for name in ("patient", "view", "split")}
    plain = {"path": [f"/{n}.png" for n in range(count)], "source": ["one"] * count, "case": np.arange(count)}
    frame = pd.DataFrame({**plain, **rest, **columns})
    return frame.assign(label=frame["class"])


def two_classes(count: int = 40, **columns: Any) -> pd.DataFrame:
    return frame_of(**{"class": ["ill"] * count + ["well"] * count}, **columns)


def finding(chapter: Chapter, key: str) -> Finding:
    (found,) = [one for one in chapter.findings if one.key == key]
    return found


def keys(chapter: Chapter) -> set[str]:
    return {one.key for one in chapter.findings}


def counts_in(chapter: Chapter, caption: str) -> dict[tuple[str, str], list[str]]:
    """What a table says, by the names of group and row."""
    (table,) = [block for block in chapter.blocks if isinstance(block, Table) and block.caption.startswith(caption)]
    return {(group.name, row.name): [cell.main for cell in row.cells] for group in table.groups for row in group.rows}


def test_the_table_counts_films_as_a_plain_loop_does() -> None:
    rng = np.random.default_rng(0)
    views, sexes = rng.choice(["PA", "AP", None], 80), rng.choice(["F", "M"], 80)
    patients = rng.choice(["1", "2", "3", "4", None], 80)
    frame = two_classes(view=views, sex=sexes, patient=patients, source=rng.choice(["a", "b"], 80))
    table = counts_in(card_chapter(frame), "Who is in it")
    for name, values in (("view", views), ("sex", sexes)):
        for value in ("PA", "AP", "F", "M"):
            if value in values:
                plain = [sum(one == value for one in part) for part in (values, values[:40], values[40:])]
                assert table[name, value] == [str(count) for count in plain]
    assert table["view", "not known"][0] == str(sum(view is None for view in views))
    assert ("sex", "not known") not in table
    named = {(source, patient) for source, patient in zip(frame["source"], patients, strict=True) if patient}
    assert table["in all", "named patients"][0] == str(len(named))
    by_films = [int(table["patients by films", row][0]) for row in ("1 film", "2 or 3", "4 to 9", "10 and more")]
    assert sum(by_films) == len(named)


def test_ages_fall_into_their_groups() -> None:
    ages = ["0.5", "5.9", "6", "17.9", "18", "39", "40", "59.5", "60", "79", "80", "101", None, "unknown"]
    chapter = card_chapter(frame_of(**{"class": ["a"] * 7 + ["b"] * 7}, age=ages))
    table = counts_in(chapter, "Who is in it")
    found = {row: int(cells[0]) for (group, row), cells in table.items() if group == "age"}
    assert found == {
        "0 to 5": 2, "6 to 17": 2, "18 to 39": 2, "40 to 59": 2, "60 to 79": 2, "80 and more": 2, "not known": 2,
    }  # fmt: skip


def test_many_values_are_gathered_in_one_row() -> None:
    licences = [f"licence {n}" for n in range(20)] + ["CC0"] * 60
    table = counts_in(card_chapter(two_classes(licence=licences)), "Who is in it")
    rows = {row: int(cells[0]) for (group, row), cells in table.items() if group == "licence"}
    assert rows["CC0"] == 60 and rows["13 others"] == 13 and sum(rows.values()) == 80


def test_what_is_not_known_is_said_and_where() -> None:
    chapter = card_chapter(two_classes(patient=["1"] * 40 + [None] * 40, view=["PA"] * 80))
    patient = finding(chapter, "card.missing.patient")
    assert (patient.level, patient.value) == ("warning", 0.5)
    assert "100.0 % of well" in patient.sentence and "0.0 % of ill" in patient.sentence
    assert finding(chapter, "card.missing.view").level == "fine"
    licence = finding(chapter, "card.missing.licence")
    assert licence.level == "note" and licence.sentence.startswith("The licence is known of no film:")


def test_classes_of_children_and_of_adults_are_a_warning() -> None:
    chapter = card_chapter(two_classes(age=[str(20 + n) for n in range(40)] + ["3"] * 40))
    assert finding(chapter, "card.children").level == "warning"
    age = finding(chapter, "card.age")
    assert (age.level, age.value) == ("warning", 1.0)
    assert "their ages do not overlap" in age.sentence


def test_the_age_tells_classes_apart_as_scikit_learn_says() -> None:
    rng = np.random.default_rng(0)
    years = np.concatenate([rng.normal(60, 10, 40), rng.normal(52, 10, 40)]).round(1)
    found = finding(card_chapter(two_classes(age=years.astype(str))), "card.age")
    assert found.value == pytest.approx(roc_auc_score(np.arange(80) < 40, years))
    assert found.low is not None and found.high is not None and found.low < found.value < found.high
    assert found.sentence.startswith("The age alone tells ill (median")
    same = finding(card_chapter(two_classes(age=["50"] * 80)), "card.age")
    assert (same.value, same.level) == (0.5, "fine")


def test_views_that_differ_between_classes_are_found() -> None:
    views = ["AP"] * 20 + ["AP Supine"] * 10 + ["PA"] * 10 + ["PA"] * 34 + ["AP"] * 6
    found = finding(card_chapter(two_classes(view=views)), "card.view")
    assert found.value == pytest.approx(30 / 40 - 6 / 40)
    assert found.level == "warning"
    assert found.low is not None and found.high is not None
    wald = 1.96 * np.sqrt(0.75 * 0.25 / 40 + 0.15 * 0.85 / 40)
    assert found.high - found.low == pytest.approx(2 * wald, rel=0.15)


def test_classes_are_alike_only_where_the_interval_shows_it() -> None:
    """Of 40 films each a third more AP may be chance, and so may be that there are none."""
    for count, column, values, level in [
        (15, "view", ["AP"] * 10 + ["PA"] * 5 + ["AP"] * 5 + ["PA"] * 10, "note"),
        (300, "view", ["PA", "AP"] * 300, "fine"),
        (40, "view", ["PA", "AP"] * 40, "note"),
        (40, "age", [str(20 + n % 40) for n in range(80)], "note"),
        (300, "age", [str(20 + n % 40) for n in range(600)], "fine"),
    ]:
        found = finding(card_chapter(two_classes(count, **{column: values})), f"card.{column}")
        assert found.level == level
        assert ("cannot be said" in found.sentence) == (level == "note")
        assert found.low is not None and found.low <= (0.5 if column == "age" else 0)


def test_one_small_class_keeps_the_others_from_being_called_alike() -> None:
    classes = ["ill"] * 300 + ["well"] * 300 + ["odd"] * 10
    found = finding(card_chapter(frame_of(**{"class": classes}, view=["PA", "AP"] * 305)), "card.view")
    assert found.level == "note" and "cannot be said" in found.sentence


def test_what_is_hardly_known_is_not_compared() -> None:
    few = [str(n) for n in range(9)] + [None] * 31
    chapter = card_chapter(two_classes(age=few * 2, view=(["PA"] * 9 + [None] * 31) * 2, sex=["F"] * 40 + [None] * 40))
    assert keys(chapter).isdisjoint({"card.age", "card.view", "card.sex"})
    assert "ages" in chapter.figures
    assert "ages" not in card_chapter(two_classes()).figures


def test_how_far_the_cases_carry() -> None:
    frame = frame_of(**{"class": ["few"] * 36 + ["some"] * 60 + ["many"] * 200})
    chapter = card_chapter(frame, width=0.1)
    assert [finding(chapter, f"card.enough.{name}").level for name in ("few", "some", "many")] == [
        "warning", "note", "fine",
    ]  # fmt: skip
    assert finding(chapter, "card.enough.some").value == pytest.approx(share_half_width(0.5, 60))
    assert chapter.data["enough"]["few"]["cases_for_sensitivity"]["0.9"] == cases_for_share(0.9, 0.1) == 37
    assert finding(card_chapter(frame, width=0.3), "card.enough.few").level == "fine"


def test_cases_count_and_not_films() -> None:
    frame = two_classes(case=np.repeat(np.arange(8), 10))
    assert card_chapter(frame).data["enough"]["ill"]["cases"] == 4


def test_a_test_split_is_judged_by_itself() -> None:
    chapter = card_chapter(two_classes(split=(["train"] * 30 + ["test"] * 10) * 2))
    assert chapter.data["enough_in_test"]["ill"]["cases"] == 10
    assert finding(chapter, "card.enough.ill").level == "warning"
    assert "10 cases in the test split" in finding(chapter, "card.enough.ill").sentence
    alone = card_chapter(two_classes(split=["train"] * 40 + ["test"] * 20 + ["held-out"] * 20))
    assert alone.data["enough_in_test"]["well"]["cases"] == 40
    assert "none of its 40 cases" in finding(alone, "card.enough.ill").sentence
    assert keys(chapter) == keys(alone) == keys(card_chapter(two_classes()))


def test_without_a_test_split_the_judged_films_tell_what_is_enough() -> None:
    judged = np.arange(80) % 40 < 12
    chapter = card_chapter(two_classes(split=["train"] * 80), judged=judged)
    assert finding(chapter, "card.enough.well").value == pytest.approx(share_half_width(0.5, 12))
    assert "12 cases among the films that a model may be tested on" in finding(chapter, "card.enough.well").sentence
    split = card_chapter(two_classes(split=(["train"] * 20 + ["test"] * 20) * 2), judged=judged)
    assert split.data["enough_in_test"]["ill"]["cases"] == 20
    assert keys(card_chapter(two_classes(), judged=np.arange(80) < 40)) == keys(card_chapter(two_classes()))


def test_a_card_is_plain_data_and_keeps_notes_and_columns() -> None:
    frame = two_classes(age=["40"] * 80)
    before = frame.copy()
    chapter = card_chapter(frame, notes=["nine films were left out"])
    json.dumps(chapter.data, allow_nan=False)
    assert Text("nine films were left out") in chapter.blocks
    pd.testing.assert_frame_equal(frame, before)
    assert {"licence", "sex", "years"} <= set(with_told(frame))


def test_one_class_has_a_card_too() -> None:
    chapter = card_chapter(frame_of(**{"class": ["ill"] * 12}, age=["40"] * 12, view=["PA"] * 12))
    assert {"card", "card.children", "card.enough.ill"} <= keys(chapter)
    assert "card.age" not in keys(chapter)


def test_a_width_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ArgumentError, match="^half-width: "):
        card_chapter(two_classes(), width=0)


def test_figures_are_drawn(tmp_path: Path) -> None:
    ages = np.random.default_rng(0).integers(0, 95, 80).astype(str)
    for name, shown in card_chapter(two_classes(age=ages)).figures.items():
        assert shown.caption
        assert len(shown.picture.svgs(name)) == len(shown.picture.panels)


def test_the_card_of_a_public_set(shared_data: Path) -> None:
    frame = read_data(shared_data / "ieee8023").frame
    case = np.unique(frame["patient"].fillna(frame["path"]).astype(str), return_inverse=True)[1]
    chapter = card_chapter(frame.assign(**{"class": frame["label"], "case": case}))
    assert finding(chapter, "card.missing.licence").value == pytest.approx(frame["licence"].isna().mean())
    assert finding(chapter, "card.enough.covid-19").level == "fine"
    assert chapter.data["patients"] == frame["patient"].nunique()
