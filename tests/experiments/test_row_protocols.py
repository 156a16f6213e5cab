"""How a row divides its films: a partition, by image or by patient, in the classes' parts."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from held_films import Held

from embedlearn.errors import ManifestError
from embedlearn.radiographs.manifest import Manifest
from embedlearn.sources import Collection
from experiments.systems.protocols import divide
from experiments.systems.row import Protocol, Task

TASK = Task("two", {"covid-19": ("covid-19",), "other": ("healthy", "pneumonia")})


@pytest.fixture(scope="module")
def collection():
    rng = np.random.default_rng(0)
    labels = np.repeat(["covid-19", "healthy", "pneumonia/viral", "nodule"], [40, 40, 40, 12])
    cases = np.arange(132) // 2
    frame = pd.DataFrame(
        {"path": [f"{n}.png" for n in range(132)], "label": labels, "source": "one", "case": cases, "patient": None}
    )
    for name in ("view", "split"):
        frame[name] = None
    films = rng.integers(0, 256, (132, 24, 24)).astype(np.uint8)
    films[1] = films[0]
    return Collection(Manifest(frame.astype({"case": "int64"})), Held(films))


@pytest.mark.parametrize("by", ["image", "patient"])
def test_folds_are_a_partition_and_stratified(collection, by):
    divided = divide(collection, TASK, Protocol("p", by=by, folds=4))
    assert len(divided.labels) == 120
    assert divided.classes == ("covid-19", "other")
    tested = np.concatenate([part.test for part in divided.parts])
    assert sorted(tested) == list(range(120))
    for train, test in divided.parts:
        assert not set(train) & set(test)
        assert abs((divided.labels[test] == 0).sum() - 10) <= 2
    torn = [set(divided.cases[train]) & set(divided.cases[test]) for train, test in divided.parts]
    assert any(torn) == (by == "image")


def test_a_holdout_by_image_is_that_of_scikit_learn(collection):
    from sklearn.model_selection import train_test_split

    protocol = Protocol("p", by="image", kind="holdout", test=0.2, seed=42)
    divided = divide(collection, TASK, protocol)
    (part,) = divided.parts
    wanted = train_test_split(np.arange(120), test_size=0.2, random_state=42, stratify=divided.labels)[1]
    assert sorted(wanted) == part.test.tolist()


@pytest.mark.parametrize("by", ["image", "patient"])
def test_so_many_of_each_class_are_tested(collection, by):
    divided = divide(collection, TASK, Protocol("p", by=by, kind="each", each=6))
    (part,) = divided.parts
    assert np.bincount(divided.labels[part.test]).tolist() == [6, 6]
    assert len(part.train) == 120 - 24
    if by == "patient":
        assert not set(divided.cases[part.test]) & set(divided.cases[part.train])


def test_twins_can_take_part_once(collection):
    protocol = Protocol("p", folds=4)
    assert len(divide(collection, TASK, dataclasses.replace(protocol, repeat_twins=False)).labels) == 119


def test_so_many_of_a_class_take_part(collection):
    divided = divide(collection, TASK, Protocol("p", by="image", folds=4, of_class=20))
    assert np.bincount(divided.labels).tolist() == [20, 20]


def test_too_few_films_are_refused(collection):
    with pytest.raises(ManifestError, match="wanted 50 films or cases of covid-19 or more, got 20"):
        divide(collection, TASK, Protocol("p", folds=50))
