"""Which classes an evaluation takes by itself, and what it must warn of."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.episodes.pool import Pool, choose_classes, choose_positive
from embedlearn.episodes.space import Space

LEARNT = ("healthy", "pneumonia")


@pytest.mark.parametrize(
    ("labels", "learnt", "classes"),
    [
        (["healthy", "pneumonia/viral", "covid-19", "ards"], LEARNT, ("healthy", "pneumonia", "covid-19")),
        (["healthy", "pneumonia", "tuberculosis/miliary", "ards"], LEARNT,
         ("healthy", "pneumonia", "ards", "tuberculosis")),
        (["healthy", "covid-19"], LEARNT, ("healthy", "covid-19")),
        (["pneumonia/viral", "healthy", "covid-19"], (), ("covid-19", "healthy", "pneumonia")),
        (["pneumonia/viral", "pneumonia/bacterial"], ("pneumonia/viral", "pneumonia/bacterial"),
         ("pneumonia/viral", "pneumonia/bacterial")),
    ],
)  # fmt: skip
def test_the_learnt_classes_and_the_rare_one_are_chosen(labels, learnt, classes):
    assert choose_classes(labels, learnt) == classes


def test_the_positive_class_is_covid_else_the_first_that_was_not_learnt():
    assert choose_positive(("covid-19", "healthy", "measles"), LEARNT) == "covid-19"
    assert choose_positive(("healthy", "measles", "pneumonia"), LEARNT) == "measles"
    assert choose_positive(LEARNT, LEARNT) == "pneumonia"


def test_a_pool_knows_what_confounds_it():
    frame = pd.DataFrame(
        {
            "class": ["healthy", "healthy", "covid-19", "covid-19"],
            "source": ["a", "b", "a", "a"],
            "case": [0, 1, 2, 2],
            "patient": ["p", "q", None, "r"],
        }
    )
    pool = Pool(frame, {"trained": Space(np.zeros((4, 2)))}, "0" * 64, LEARNT)
    assert pool.counts() == {"covid-19": {"films": 2, "cases": 1}, "healthy": {"films": 2, "cases": 2}}
    assert pool.confounded() == ["covid-19"]
    assert pool.nameless() == {"covid-19": 1}
