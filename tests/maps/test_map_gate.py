"""The gate lets in what is like the films of the map, and calls strange what is not."""

import json

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from embedlearn.errors import ArgumentError
from embedlearn.maps.gate import Gate

WIDTH = 16


def draw(count, seed):
    """Films about eight centres on the sphere."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(8, WIDTH))
    films = centres[rng.integers(0, 8, count)] + 0.4 * rng.normal(size=(count, WIDTH))
    return (films / np.linalg.norm(films, axis=1, keepdims=True)).astype(np.float32)


FILMS = draw(1000, 0)
GATE = Gate(k=5, keep=0.99).fit(FILMS)


def test_the_bound_is_the_quantile_of_a_plain_search():
    own = NearestNeighbors(n_neighbors=6).fit(FILMS).kneighbors(FILMS)[0][:, 5]
    assert GATE.bound_ == pytest.approx(np.quantile(own, 0.99), rel=1e-5)
    assert (own > GATE.bound_ * 1.0001).mean() == pytest.approx(0.01, abs=0.001)


def test_distances_are_those_to_the_kth_nearest_film():
    new = draw(50, 1)
    theirs = NearestNeighbors(n_neighbors=5).fit(FILMS).kneighbors(new)[0][:, 4]
    found = GATE.distances(new)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, theirs, rtol=1e-5)
    assert (GATE.strange(new) == (found > GATE.bound_)).all()
    alone = np.concatenate([GATE.distances(film[None]) for film in new])
    assert (alone == found).all()


def test_films_from_elsewhere_are_strange_and_new_ones_of_the_kind_are_not():
    elsewhere = np.random.default_rng(7).normal(size=(200, WIDTH))
    elsewhere /= np.linalg.norm(elsewhere, axis=1, keepdims=True)
    assert GATE.strange(elsewhere).mean() > 0.95
    assert GATE.strange(draw(2000, 2)).mean() < 0.03
    assert GATE.strange(FILMS[:1] * 1e30).all() and GATE.strange(FILMS).mean() <= 0.01


def test_a_stricter_gate_calls_more_films_strange():
    new = draw(2000, 2)
    shares = [Gate(keep=keep).fit(FILMS).strange(new).mean() for keep in (0.5, 0.9, 0.99, 1)]
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.4 and shares[-1] < 0.01


def test_films_of_one_case_do_not_vouch_for_each_other():
    """Six films of each patient, all but equal: a new patient is as far from all of these as they from each other."""
    rng = np.random.default_rng(0)
    patients, new = draw(150, 0), draw(200, 1)
    films = np.repeat(patients, 6, axis=0) + 0.001 * rng.normal(size=(900, WIDTH)).astype(np.float32)
    assert Gate().fit(films).strange(new).mean() > 0.9
    assert Gate().fit(films, np.repeat(np.arange(150), 6)).strange(new).mean() < 0.1


def test_a_gate_is_restored_from_plain_values():
    state = json.loads(json.dumps(GATE.state()))
    again, new = Gate.restored(state, FILMS), draw(50, 1)
    assert (again.k, again.keep, again.bound_) == (5, 0.99, GATE.bound_)
    assert (again.distances(new) == GATE.distances(new)).all()


def test_of_a_few_films_all_count():
    few = Gate(k=50).fit(FILMS[:5])
    assert few.k_ == 4
    pairs = np.linalg.norm(FILMS[:5, None] - FILMS[None, :5], axis=2)
    assert few.bound_ == pytest.approx(np.quantile(pairs.max(1), 0.99), rel=1e-5)
    assert Gate.restored(few.state(), FILMS[:5]).k_ == 4


def test_equal_films_let_in_only_their_like():
    gate = Gate().fit(np.ones((20, 3)))
    assert gate.bound_ == 0 and not gate.strange(np.ones((1, 3)))[0] and gate.strange(np.full((1, 3), 1.5))[0]


def test_what_is_of_no_use_is_refused():
    with pytest.raises(ArgumentError, match="row 0 holds NaN"):
        GATE.distances(np.full((1, WIDTH), np.nan))
    with pytest.raises(ArgumentError, match="wanted vectors of 16 numbers.*got 3"):
        GATE.strange(np.ones((1, 3)))
    with pytest.raises(ArgumentError, match="5 films or more"):
        Gate().fit(FILMS[:3])
    for wrong in ({"k": 0}, {"keep": 1.5}, {"keep": float("nan")}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            Gate(**wrong).fit(FILMS)
    with pytest.raises(ArgumentError, match="all films are of one case"):
        Gate().fit(FILMS[:20], ["p"] * 20)
    with pytest.raises(ArgumentError, match="cases: wanted one for each of 20 films, got 3"):
        Gate().fit(FILMS[:20], ["p"] * 3)
