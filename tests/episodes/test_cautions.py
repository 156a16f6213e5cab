"""Each caution is given where it applies, and nowhere else."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from embedlearn.episodes.cautions import AS_GOOD, FEW_CASES, WORSE, cautions
from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.pool import Pool
from embedlearn.episodes.space import Space
from embedlearn.episodes.study import StudyPlan, run_study

PLAN = StudyPlan(
    heads=("prototype", "knn"),
    shots=(1, 3),
    n_query=5,
    episodes=60,
    positive="c",
    bootstrap=0,
    supports=0,
    unknown=True,
)


CLASSES = np.repeat(["a", "b", "c"], 40)


@contextmanager
def watch(what):
    yield lambda done, total: None


def films(rng):
    """120 films of three classes, in order."""
    return rng.normal(size=(120, 6)) + 2 * np.eye(6)[np.repeat([0, 1, 2], 40)]


def studied(probe=None, base_classes=CLASSES, **changed):
    """A study and its pool, about which there is nothing to say; `probe` makes the probe's features [N, D] of rows."""
    rng = np.random.default_rng(0)
    X = films(rng)
    names = [f"p{number}" for number in range(120)]
    frame = pd.DataFrame(
        {"class": CLASSES, "case": range(120), "patient": names, "source": ["left", "right"] * 60}, dtype=object
    )
    noise = rng.normal(size=(120, 4))
    spaces = {"trained": Space(X), "untrained": Space(X), "border probe": Space(noise if probe is None else probe(X))}
    base = BaseFilms({"trained": Space(films(rng))}, base_classes, np.arange(120))
    pool = Pool(frame, spaces, "0" * 64, ("a", "b"), base)
    return run_study(pool, replace(PLAN, **changed), watch), pool


@pytest.fixture(scope="module")
def clean():
    return studied()


def changed(pool, column, films, value):
    """The pool with other values for some films."""
    frame = pool.frame.copy()
    frame.loc[films, column] = value
    return replace(pool, frame=frame)


def test_there_may_be_nothing_to_say(clean):
    assert cautions(*clean) == []


@pytest.mark.parametrize("shots", [1, 3])
def test_a_probe_as_good_as_the_encoder(clean, shots):
    study, pool = studied(lambda X: X + 0.3 * np.random.default_rng(1).normal(size=X.shape), shots=(shots,))
    best = {
        space: max(study.result.scores[space, head, shots].values["accuracy"].mean() for head in ("prototype", "knn"))
        for space in ("border probe", "trained")
    }
    assert best["trained"] - AS_GOOD < best["border probe"]
    (found,) = cautions(study, pool)
    assert found.startswith(
        f"warning: at {shots} shot{'s' * (shots > 1)} the border probe alone reaches accuracy "
        f"{best['border probe']:.3f}"
    )
    assert f"(encoder {best['trained']:.3f}, best heads)" in found
    worse = studied(lambda X: X + 3 * np.random.default_rng(1).normal(size=X.shape), shots=(shots,))
    assert cautions(*worse) == []


def test_a_class_that_lacks_a_source(clean):
    study, pool = clean
    (found,) = cautions(study, changed(pool, "source", np.arange(80, 120), "left"))
    assert found == "warning: not every source has films of c; a source can give a class away"
    assert cautions(study, changed(pool, "source", np.arange(120), "left")) == []


def test_few_cases(clean):
    study, pool = clean
    of_b = np.arange(40, 80)
    enough = changed(pool, "case", of_b, np.minimum(of_b, 40 + FEW_CASES - 1))
    assert enough.counts()["b"]["cases"] == FEW_CASES
    assert cautions(study, enough) == []
    few = changed(pool, "case", of_b, np.minimum(of_b, 40 + FEW_CASES - 2))
    (found,) = cautions(study, few)
    assert found == f"warning: only {FEW_CASES - 1} cases of b; other patients may give another picture"


def test_films_that_name_no_patient(clean):
    study, pool = clean
    (found,) = cautions(study, changed(pool, "patient", [3, 5], None))
    assert found.startswith("warning: 2 of 40 films of a name no patient")
    found = cautions(study, changed(pool, "patient", [3, 5, 119], None))
    assert [line.split(" name")[0] for line in found] == ["warning: 2 of 40 films of a", "warning: 1 of 40 films of c"]


def test_a_temperature_of_another_question():
    study, pool = studied(base_classes=np.tile(["v", "w"], 60))  # noise, of which no head should be sure
    worse = [
        head
        for head in ("prototype", "knn")
        if any(
            found.mended.ece > found.raw.ece + WORSE
            for found in (study.result.scores["trained", head, shots].calibration for shots in (1, 3))
        )
    ]
    assert worse
    (found,) = cautions(study, pool)
    assert found.startswith("warning: the temperature from base films makes probabilities worse here with ")
    assert set(found.split("with ")[1].split(":")[0].split(", ")) == set(worse)


def test_transductive_heads():
    study, pool = studied(heads=("bd-cspn", "prototype", "laplacian-shot"), shots=(3,))
    (found,) = cautions(study, pool)
    assert found.startswith("warning: bd-cspn, laplacian-shot: transductive")


def test_no_base_films(clean):
    study, pool = clean
    assert study.unknown
    (found,) = cautions(study, replace(pool, base=None))
    assert found.startswith("note: no base films at hand")
    assert cautions(replace(study, unknown={}), replace(pool, base=None)) == []


def test_synthetic_films(clean):
    study, pool = clean
    phantoms = pool.frame["source"].map({"left": "phantom-a", "right": "phantom-b"})
    (found,) = cautions(study, changed(pool, "source", np.arange(120), phantoms))
    assert found == "note: the films are synthetic phantoms; the numbers say nothing about patients"


def test_warnings_come_before_notes(clean):
    study, pool = clean
    pool = changed(changed(pool, "patient", [0], None), "source", np.arange(80, 120), "phantom-a")
    kinds = [line.split(":")[0] for line in cautions(study, replace(pool, base=None))]
    assert kinds == ["warning", "warning", "note", "note"]
