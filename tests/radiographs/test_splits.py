"""Training, validation and test films: no case in two parts, and the shares that were asked for."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from embedlearn.errors import ManifestError
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.splits import assign_splits, split_by_case

CLASSES = ("healthy", "pneumonia")
SEEDS = range(20)


def films(labels: Sequence[str], cases: Sequence[int], splits: Sequence[str | None] | None = None) -> Manifest:
    """A manifest with cases, each of them a patient."""
    splits = splits or [None] * len(labels)
    rows = [
        {"path": f"/{number}.png", "label": label, "patient": f"p{case}", "split": split}
        for number, (label, case, split) in enumerate(zip(labels, cases, splits, strict=True))
    ]
    return build_manifest(rows, "set").with_columns(case=cases)


def draw_cases(seed: int, count: int = 900) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Strata and cases of films: most cases have a few films, some a dozen, some stand in two strata."""
    rng = np.random.default_rng(seed)
    cases = np.minimum(rng.zipf(1.7, count), 40) + 40 * rng.integers(0, 12, count)
    home = rng.choice(["a, healthy", "a, pneumonia", "b, pneumonia"], 1000, p=[0.6, 0.3, 0.1])
    strata = np.where(rng.random(count) < 0.02, "a, healthy", home[cases])
    return strata.astype(str), cases


def shares(split: NDArray[np.str_]) -> list[float]:
    return [float((split == part).mean()) for part in ("train", "val", "test")]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_case_stands_in_two_parts(seed: int) -> None:
    strata, cases = draw_cases(seed)
    split = split_by_case(strata, cases, val=0.15, test=0.2, seed=seed)
    assert set(split) == {"train", "val", "test"}
    for case in np.unique(cases):
        assert len(set(split[cases == case])) == 1


@pytest.mark.parametrize(("val", "test"), [(0.15, 0.2), (0.05, 0.45), (0.3, 0.3)])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_stratum_is_shared_out_as_asked(seed: int, val: float, test: float) -> None:
    strata, cases = draw_cases(seed)
    split = split_by_case(strata, cases, val=val, test=test, seed=seed)
    for stratum in np.unique(strata):
        inside = strata == stratum
        largest = np.unique(cases[inside], return_counts=True)[1].max() / inside.sum()
        assert shares(split[inside]) == pytest.approx([1 - val - test, val, test], abs=0.02 + largest)


@pytest.mark.parametrize("count", [3, 4, 7, 10, 100])
def test_cases_of_one_film_are_shared_out_to_the_film(count: int) -> None:
    strata = np.repeat(["few", "many"], [count, 200])
    for seed in SEEDS:
        split = split_by_case(strata, np.arange(count + 200), val=0.15, test=0.2, seed=seed)
        assert shares(split[count:]) == pytest.approx([0.65, 0.15, 0.2], abs=1 / 200)
        assert shares(split[:count]) == pytest.approx([0.65, 0.15, 0.2], abs=1.05 / count)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (25, 25, 25), (30, 2, 1), (5, 4, 3, 2), (1, 1, 1, 50)])
def test_three_cases_are_enough_for_three_parts(sizes: tuple[int, ...]) -> None:
    cases = np.repeat(np.arange(len(sizes) + 90), [*sizes, *[1] * 90])
    strata = np.where(cases < len(sizes), "few", "many").astype(str)
    for seed in SEEDS:
        split = split_by_case(strata, cases, val=0.15, test=0.2, seed=seed)
        assert set(split[strata == "few"]) == {"train", "val", "test"}


def test_two_cases_are_too_few() -> None:
    strata, cases = np.array(["a, healthy"] * 5 + ["b, pneumonia"] * 9), np.array([0, 0, 0, 1, 1, *range(2, 11)])
    with pytest.raises(ManifestError, match=r"a, healthy: wanted at least 3 patients to train.*got 2"):
        split_by_case(strata, cases, val=0.15, test=0.2, seed=0)


def test_the_seed_decides() -> None:
    strata, cases = draw_cases(0)
    splits = [split_by_case(strata, cases, val=0.15, test=0.2, seed=seed).tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_a_case_with_a_rare_film_is_held_out_whole() -> None:
    labels = ["healthy", "pneumonia"] * 30 + ["covid-19", "covid-19"]
    cases = [*range(60), 7, 60]
    frame = assign_splits(films(labels, cases), CLASSES, val=0.15, test=0.2, seed=0).frame
    assert frame.index[frame["split"] == "held-out"].tolist() == [7, 60, 61]
    assert frame["class"].isna().tolist() == [False] * 60 + [True] * 2
    assert frame["class"][7] == "pneumonia"


def test_finer_labels_count_as_their_class() -> None:
    labels = ["healthy", "pneumonia/viral", "pneumonia/bacterial"] * 10
    frame = assign_splits(films(labels, range(30)), CLASSES, val=0.15, test=0.2, seed=0).frame
    assert frame["class"].value_counts().to_dict() == {"healthy": 10, "pneumonia": 20}
    assert "held-out" not in set(frame["split"])


def test_classes_that_the_data_lack() -> None:
    with pytest.raises(ManifestError, match="--classes: wanted films of pneumonia, got labels covid-19, healthy; "):
        assign_splits(films(["healthy", "covid-19"], [0, 1]), CLASSES, val=0.15, test=0.2, seed=0)


LABELS = ["healthy", "pneumonia"] * 6
CASES = [0, 1, 0, 1, *range(2, 10)]
GIVEN = ["train"] * 8 + ["val", "val", "test", "test"]


def test_a_given_split_is_kept_whatever_the_seed() -> None:
    for seed in SEEDS:
        frame = assign_splits(films(LABELS, CASES, GIVEN), CLASSES, val=0.15, test=0.2, seed=seed).frame
        assert frame["split"].tolist() == GIVEN


def test_a_given_split_is_replaced_where_a_new_one_is_asked_for() -> None:
    manifest = films(LABELS, CASES, ["train"] * 12)
    frame = assign_splits(manifest, CLASSES, val=0.15, test=0.2, seed=0, new=True).frame
    assert set(frame["split"]) == {"train", "val", "test"}


def test_a_given_split_need_not_name_films_that_are_held_out() -> None:
    manifest = films([*LABELS, "covid-19"], [*CASES, 10], [*GIVEN, None])
    frame = assign_splits(manifest, CLASSES, val=0.15, test=0.2, seed=0).frame
    assert frame["split"].tolist() == [*GIVEN, "held-out"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["val", *GIVEN[1:]], "1 patients or near-identical films stand in two splits, the first is patient p0 of set"),
        (["dev", *GIVEN[1:]], "wanted train, val, test, held-out, got dev; mend it, or use --split new"),
        (["train"] * 11 + ["test"], "no film of the classes is in val; use --split new"),
    ],
)
def test_a_given_split_that_cannot_be_used(given: list[str], message: str) -> None:
    with pytest.raises(ManifestError, match=f"column split: {message}"):
        assign_splits(films(LABELS, CASES, given), CLASSES, val=0.15, test=0.2, seed=0)


def test_a_torn_case_without_a_patient_is_named_by_its_film() -> None:
    manifest = films(LABELS, CASES, ["val", *GIVEN[1:]]).with_columns(patient=[None] * 12)
    with pytest.raises(ManifestError, match=r"the first is /0\.png; mend the column"):
        assign_splits(manifest, CLASSES, val=0.15, test=0.2, seed=0)


def test_a_source_with_too_few_cases_of_a_class_does_not_stop_the_others() -> None:
    labels = ["healthy"] * 13 + ["pneumonia"] * 24
    sources = ["a"] * 12 + ["b"] + ["a"] * 12 + ["b"] * 12
    rows = [
        {"path": f"{row}.png", "label": label, "source": source}
        for row, (label, source) in enumerate(zip(labels, sources, strict=True))
    ]
    manifest = build_manifest(rows, "any").with_columns(case=np.arange(len(rows)))
    split = assign_splits(manifest, ("healthy", "pneumonia"), val=0.2, test=0.2, seed=0).frame["split"]
    assert set(split) == {"train", "val", "test"}


def test_a_split_with_a_gap_is_refused() -> None:
    rows = [
        {"path": f"{row}.png", "label": "healthy" if row % 2 else "pneumonia", "split": "train"} for row in range(20)
    ]
    rows[3]["split"] = None
    manifest = build_manifest(rows, "any").with_columns(case=np.arange(20))
    with pytest.raises(ManifestError, match="got a blank.*--split new"):
        assign_splits(manifest, ("healthy", "pneumonia"), val=0.2, test=0.2, seed=0)
