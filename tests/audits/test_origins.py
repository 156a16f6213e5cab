"""What embeddings that were made to know something are found to know."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from embedlearn.audits.findings import Chapter, Finding
from embedlearn.audits.origins import origins_chapter
from embedlearn.audits.origins.elsewhere import left_out_sources, level_of_loss
from embedlearn.audits.origins.examples import SHOTS, ask_with_support, support_from_one_source
from embedlearn.audits.origins.films import KnownFilms, age_groups
from embedlearn.audits.origins.purity import nearest_of_other_cases, neighbours_purity, purity_of
from embedlearn.audits.origins.traits import ALL, told_traits
from embedlearn.audits.replicates import Estimate
from embedlearn.errors import ArgumentError

FILMS = 160


def frame_of(films: int = FILMS, per_case: int = 2) -> pd.DataFrame:
    """Two classes of two sources, alike many of each, two films a case."""
    case = np.arange(films) // per_case
    return pd.DataFrame(
        {
            "class": np.where(case % 2, "ill", "well"),
            "source": np.where(case // 2 % 2, "a", "b"),
            "case": case,
            "sex": np.where(case // 4 % 2, "F", "M"),
        }
    )


def vectors(frame: pd.DataFrame, *, label: float = 0, source: float = 0, turned: float = 0) -> NDArray[np.float32]:
    """Noise in 6 dimensions; the class moves the first, the source the second, and `turned` the first by both."""
    ill, here = (frame["class"] == "ill").to_numpy() - 0.5, (frame["source"] == "a").to_numpy() - 0.5
    found = np.random.default_rng(0).normal(size=(len(frame), 6))
    found[:, 0] += label * ill + turned * ill * np.sign(here)
    found[:, 1] += source * here
    return found.astype(np.float32)


def known(frame: pd.DataFrame, **models: NDArray[np.float32]) -> KnownFilms:
    return KnownFilms.of(frame, models)


def by_key(found: Any) -> dict[str, Finding]:
    return {finding.key: finding for finding in found.findings}


@pytest.mark.parametrize(("amount", "level"), [(0, "fine"), (6, "note")])
def test_a_source_that_the_embedding_holds_is_found_within_a_class(amount: float, level: str) -> None:
    frame = frame_of()
    part = told_traits(known(frame, trained=vectors(frame, label=6, source=amount)), 0)
    finding = by_key(part)["origins.source"]
    assert finding.level == level
    assert finding.sentence.startswith("Within ")
    assert set(part.data["source"]) == {ALL, "ill", "well"}
    assert set(part.data) == {"source", "sex"}


def test_a_source_that_only_the_label_tells_is_not_laid_to_the_embedding() -> None:
    frame = frame_of(320)
    frame["source"] = np.where((frame["class"] == "ill") ^ (frame["case"] // 2 % 8 == 0), "a", "b")
    data = told_traits(known(frame, trained=vectors(frame, label=6)), 0).data["source"]
    assert data[ALL]["models"]["trained"]["auc"]["value"] > 0.7
    assert data["ill"]["models"]["trained"]["auc"]["value"] < 0.65


def test_what_else_the_embedding_tells_is_noted() -> None:
    frame = frame_of()
    found = vectors(frame)
    found[:, 2] += 6 * (frame["sex"] == "F").to_numpy()
    assert by_key(told_traits(known(frame, trained=found), 0))["origins.sex"].level == "note"


def test_ages_come_in_three_groups() -> None:
    ages = pd.Series(["3", "17.9", "18", "59", "60", None, "old"], dtype="string")
    found = age_groups(pd.DataFrame({"age": ages})).tolist()
    assert found == ["child", "child", "adult", "adult", "60+", "", ""]
    assert age_groups(pd.DataFrame({"sex": ["F", "M"]})).tolist() == ["", ""]


def test_what_holds_everywhere_is_told_on_a_source_that_was_left_out() -> None:
    frame = frame_of()
    part = left_out_sources(known(frame, trained=vectors(frame, label=5)), 0)
    assert {finding.key for finding in part.findings} == {"origins.left-out.a", "origins.left-out.b"}
    told = part.data["a"]["models"]["trained"]
    assert told["left_out"]["ill"]["value"] > 0.97
    assert abs(told["change"]["value"]) < 0.03


def test_what_holds_in_one_source_only_fails_on_the_other() -> None:
    frame = frame_of()
    part = left_out_sources(known(frame, trained=vectors(frame, turned=5)), 0)
    told = part.data["a"]["models"]["trained"]
    assert told["within"]["ill"]["value"] > 0.9
    assert told["left_out"]["ill"]["value"] < 0.1
    assert by_key(part)["origins.left-out.a"].level == "warning"


@pytest.mark.parametrize(
    ("learnt", "level", "words"),
    [
        ({"a": 0, "b": 7}, "fine", "Its encoder has learnt from no film of it."),
        ({"a": 1200, "b": 7}, "note", "Its encoder has learnt from 1,200 films of it:"),
        (None, "note", "Whether its encoder has learnt from films of it is not known."),
    ],
)
def test_no_source_is_new_to_an_encoder_that_learnt_from_it(learnt: Any, level: str, words: str) -> None:
    frame = frame_of()
    chapter = origins_chapter(frame, {"trained": vectors(frame, label=8)}, learnt=learnt)
    finding = by_key(chapter)["origins.left-out.a"]
    assert finding.level == level
    assert words in finding.sentence
    assert "Fitted on 80 films of all other sources" in finding.sentence
    assert chapter.data["left_out_sources"]["a"]["learnt_from"] == (learnt and learnt["a"])
    assert by_key(chapter)["origins.support.b"].level == level  # which is asked about films of the other source
    assert by_key(chapter)["origins.support.a"].level == "note"


@pytest.mark.parametrize(
    ("gap", "level"),
    [((-0.01, -0.04, 0.02), "fine"), ((-0.02, -0.09, 0.05), "note"), ((-0.1, -0.2, -0.01), "warning")],
)
def test_a_loss_is_ruled_out_by_its_interval_alone(gap: tuple[float, float, float], level: str) -> None:
    assert level_of_loss(Estimate(*gap), 0) == level


def test_a_case_of_two_sources_is_not_learnt_from() -> None:
    frame = frame_of()
    frame.loc[3, "case"] = frame.loc[4, "case"]
    films = known(frame, trained=vectors(frame))
    for source in ("a", "b"):
        rest = films.elsewhere(source)
        assert not set(films.case[rest]) & set(films.case[films.source == source])
    assert films.case[(films.source == "b") & ~films.elsewhere("a")].tolist() == [2]


def test_examples_of_one_source_are_worth_as_much_where_the_class_looks_alike() -> None:
    frame = frame_of()
    alike, turned = (
        ask_with_support(known(frame, trained=found), "trained", "a", draws=60)
        for found in (vectors(frame, label=8), vectors(frame, turned=8))
    )
    assert alike is not None
    assert turned is not None
    assert np.nanmean(alike.same) > 0.95
    assert np.nanmean(alike.others) > 0.95
    assert np.nanmean(turned.same) > 0.95
    assert np.nanmean(turned.others) < 0.05


def test_films_of_the_examples_cases_are_not_asked() -> None:
    frame = frame_of(per_case=2)
    twins = np.random.default_rng(0).normal(size=(FILMS // 2, 64))[frame["case"]].astype(np.float32)
    found = ask_with_support(known(frame, trained=twins), "trained", "a", draws=60)
    assert found is not None
    assert np.nanmean(found.same) < 0.6  # a film of a case in the support would be answered rightly


def test_a_source_of_few_cases_gives_no_examples() -> None:
    frame = frame_of(films=8 * SHOTS - 8)
    assert support_from_one_source(known(frame, trained=vectors(frame)), 0).findings == ()


def test_neighbours_are_those_of_a_plain_loop() -> None:
    frame = frame_of(60, per_case=3)
    films = known(frame, trained=vectors(frame, label=1, source=2))
    X, asked = films.models["trained"], np.arange(0, 60, 2)
    rows = nearest_of_other_cases(X, films.case, asked, 10)
    shares, chances = [], []
    for row, one in zip(rows, asked, strict=True):
        others = np.flatnonzero(films.case != films.case[one])
        nearest = sorted(others, key=lambda other: float(((X[other] - X[one]) ** 2).sum()))[:10]
        assert set(row) == set(nearest)
        shares.append(np.mean(films.source[nearest] == films.source[one]))
        chances.append(np.mean(films.source[others] == films.source[one]))
    found = purity_of(films, X, asked, 0)
    assert found.of_source[0] == pytest.approx(np.mean(shares))
    assert found.source_by_chance[0] == pytest.approx(np.mean(chances))


def test_fewer_strangers_than_asked_for_are_all_found() -> None:
    rows = nearest_of_other_cases(np.eye(5, dtype=np.float32), np.array([0, 0, 0, 1, 2]), np.arange(5), 4)
    assert [set(row) - {-1} for row in rows.tolist()] == [{3, 4}, {3, 4}, {3, 4}, {0, 1, 2, 4}, {0, 1, 2, 3}]


@pytest.mark.parametrize(("label", "source", "level"), [(6, 0, "fine"), (0, 6, "warning")])
def test_films_lie_by_their_class_or_by_their_source(label: float, source: float, level: str) -> None:
    frame = frame_of()
    part = neighbours_purity(known(frame, trained=vectors(frame, label=label, source=source)), 0)
    assert part.findings[0].level == level
    more = part.data["trained"]["of_source"]["value"] > part.data["trained"]["of_class"]["value"]
    assert more == (level == "warning")


def chapter_of(frame: pd.DataFrame) -> Chapter:
    return origins_chapter(frame, {"trained": vectors(frame, label=3, source=1), "untrained": vectors(frame)})


def test_a_chapter_holds_every_part(tmp_path) -> None:
    chapter = chapter_of(frame_of())
    keys = {finding.key for finding in chapter.findings}
    assert {"origins.source", "origins.left-out.a", "origins.support.b", "origins.neighbours"} <= keys
    assert json.loads(json.dumps(chapter.data, allow_nan=False))
    for name, shown in chapter.figures.items():
        shown.picture.save(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 1000


def test_one_source_leaves_little_to_say() -> None:
    chapter = chapter_of(frame_of().assign(source="a"))
    assert {finding.key for finding in chapter.findings} == {"origins.sex"}


def test_vectors_of_other_films_are_refused() -> None:
    frame = frame_of()
    with pytest.raises(ArgumentError, match=r"^models: wanted a row for each of the 160 films, got 159 of trained$"):
        origins_chapter(frame, {"trained": vectors(frame)[:-1]})
    assert origins_chapter(frame, {}).findings[0].level == "note"
