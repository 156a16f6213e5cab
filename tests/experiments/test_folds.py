"""Folds share no case, test every film once a repeat, and keep what chooses apart from what is reported."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.pretrain import Pretrain
from embedlearn.radiographs.labels import COVID
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.splits import HELD_OUT, assign_splits
from experiments.transfer.folds import fold_table, make_folds

CLASSES = Pretrain().classes
REPEATS = 3


@pytest.fixture
def folds(manifest):
    return make_folds(manifest, CLASSES, repeats=REPEATS, seed=5)


@pytest.fixture
def cases(manifest):
    return manifest.frame["case"].to_numpy()


@pytest.fixture
def rare(manifest, cases):
    """bool [N]: the films of the cases that hold a film of the class to be unseen."""
    return np.isin(cases, cases[manifest.frame["label"] == COVID])


def test_a_repeat_has_three_folds_and_each_a_name_of_its_own(folds):
    assert [fold.name for fold in folds] == [str(number) for number in range(1, 3 * REPEATS + 1)]


def test_no_case_is_on_two_sides(manifest, folds, cases):
    assert manifest.frame.groupby("case")["source"].nunique().max() == 2
    assert manifest.frame.groupby("case")["label"].nunique().max() == 2
    for fold in folds:
        sides = pd.DataFrame({"case": cases, "a": fold.split, "b": fold.reported, "c": fold.choosing})
        assert (sides.groupby("case").nunique() == 1).all(axis=None)


def test_rare_films_never_train_and_never_validate(folds, rare):
    for fold in folds:
        assert ((fold.split == HELD_OUT) == rare).all()


def test_the_films_that_validate_and_choose_are_the_same_in_all_folds_and_never_reported(folds, cases, rare):
    validating = folds[0].split == "val"
    share = len(np.unique(cases[validating])) / len(np.unique(cases[~rare]))
    assert share == pytest.approx(0.2, abs=0.05)
    for fold in folds:
        assert ((fold.split == "val") == validating).all()
        assert (fold.choosing == folds[0].choosing).all()
        assert (fold.choosing[~rare] == validating[~rare]).all()
        assert not (fold.reported & fold.choosing).any()


def test_in_each_repeat_every_known_film_that_does_not_choose_is_tested_once(folds, rare):
    rest = ~rare & (folds[0].split != "val")
    for first in range(0, len(folds), 3):
        repeat = folds[first : first + 3]
        assert (sum((fold.split == "test").astype(int) for fold in repeat) == rest).all()
    for fold in folds:
        assert ((fold.split == "test") == (fold.reported & ~rare)).all()


def test_every_fold_tests_a_third_of_the_films_of_each_class_and_source_and_trains_on_the_rest(manifest, folds):
    frame = manifest.frame.assign(kind=manifest.frame["label"].str.split("/").str[0])
    for fold in folds:
        tested, trained = (frame[fold.split == side].value_counts(["source", "kind"]) for side in ("test", "train"))
        assert set(tested.index) == set(trained.index) == {(s, k) for s in "ab" for k in ("healthy", "pneumonia")}
        assert ((tested - (tested + trained) / 3).abs() <= 1).all()


def test_a_third_of_the_rare_cases_chooses_and_the_others_are_reported_in_every_fold(folds, cases, rare):
    for fold in folds:
        kept = np.unique(cases[rare & fold.choosing])
        assert len(kept) == round(len(np.unique(cases[rare])) / 3)
        assert (fold.reported[rare] == ~fold.choosing[rare]).all()


def test_repeats_divide_the_films_differently(folds, cases):
    divisions = {
        frozenset(frozenset(cases[fold.split == "test"]) for fold in folds[first : first + 3])
        for first in range(0, len(folds), 3)
    }
    assert len(divisions) == REPEATS


def test_the_seed_decides(manifest, folds):
    again, other = (make_folds(manifest, CLASSES, repeats=REPEATS, seed=seed) for seed in (5, 6))
    for one, same in zip(folds, again, strict=True):
        assert (one.split == same.split).all() and (one.reported == same.reported).all()
    assert any((one.split != strange.split).any() for one, strange in zip(folds, other, strict=True))


def test_more_repeats_leave_the_first_folds_as_they_are(manifest, folds):
    (*first,) = make_folds(manifest, CLASSES, repeats=1, seed=5)
    for one, same in zip(first, folds, strict=False):
        assert (one.split == same.split).all() and (one.reported == same.reported).all()


def test_a_training_that_reads_a_folds_table_keeps_the_folds_split(manifest, folds, cases, tmp_path):
    plain = Pretrain()
    for fold in folds:
        path = tmp_path / "tables" / f"fold-{fold.name}.csv"
        fold_table(manifest, fold).save(path)
        read = read_data(path)
        for column in ("path", "label", "patient", "source"):
            assert read.frame[column].tolist() == manifest.frame[column].tolist()
        seen = assign_splits(
            read.with_columns(case=cases), plain.classes, val=plain.val, test=plain.test, seed=plain.seed,
            new=plain.split == "new",
        )  # fmt: skip
        assert seen.frame["split"].tolist() == fold.split.tolist()
