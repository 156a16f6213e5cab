"""Films and options that the tests of the samplers share."""

from collections import Counter

import numpy as np
import pytest

from embedlearn.encoders.samplers import SAMPLERS, create_sampler
from embedlearn.encoders.settings import Sampling

OPTIONS = [(name, balance, rule) for name, kind in SAMPLERS.items() for balance in kind.balances for rule in kind.rules]
BALANCED = [option for option in OPTIONS if option[0] != "siamese"]
ANCHORED = [option for option in OPTIONS if option[0] in ("pairs", "triplets")]

each_option = pytest.mark.parametrize("option", OPTIONS, ids="-".join)
each_balanced = pytest.mark.parametrize("option", BALANCED, ids="-".join)
each_anchored = pytest.mark.parametrize("option", ANCHORED, ids="-".join)
each_seed = pytest.mark.parametrize("seed", range(4))


def random_labels(seed):
    """Two to five classes of 2 to 40 films, in random order; the labels are no range."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 40, rng.integers(2, 6))
    return rng.permutation(np.repeat(3 * np.arange(len(sizes)) + 1, sizes))


def random_films(seed):
    """Labels, patients and sources of 300 films of up to 150 patients, in unequal parts; no column is a range."""
    rng = np.random.default_rng(seed)
    classes, sources = rng.integers(2, 4, 2)
    labels = rng.choice(classes, 300, p=rng.dirichlet(np.full(classes, 9)))
    return {
        "labels": 3 * labels + 1,
        "patients": 7 * rng.integers(0, 150, 300) + 5,
        "sources": 2 * rng.choice(sources, 300, p=rng.dirichlet(np.full(sources, 9))) + 4,
    }


def sampler_of(option, films, *, batch=24, **options):
    name, balance, rule = option
    labels = films["labels"]
    columns = {key: films.get(key) for key in ("patients", "sources")}
    return create_sampler(Sampling(name, batch, balance, rule), labels, **columns, **options)


def cells_of(films, balance):
    """Class, or class and source, of each film as one number, int [N]."""
    return films["labels"] * 100 + (films["sources"] if balance == "sources" else 0)


def batches_of(name, labels, *, batch=16, epoch=0, **options):
    return list(create_sampler(Sampling(name, batch), labels, **options).epoch(epoch))


def tuples_of(batches):
    """The pairs or triplets of an epoch as films, int [T, 2 or 3]."""
    return np.concatenate([batch.films[batch.tuples] for batch in batches])


def positives_of(name, labels, batches):
    """The positive pairs of an epoch as films, int [T, 2]."""
    tuples = tuples_of(batches)
    return tuples[labels[tuples[:, 0]] == labels[tuples[:, 1]]][:, :2]


def films_with_siblings(films):
    """Whether a film's patient has another of its class, bool [N], by a plain count."""
    kin = list(zip(films["labels"], films["patients"], strict=True))
    return np.array([Counter(kin)[one] > 1 for one in kin])
