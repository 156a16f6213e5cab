"""Temperature and reliability against grids, plain loops, scikit-learn and the truth they were drawn from."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import brier_score_loss, log_loss

from embedlearn.episodes.calibration import fit_temperature, reliability, tempered
from embedlearn.errors import ArgumentError


def drawn(films=20_000, ways=5, seed=0):
    """Logits [N, W] and labels drawn from their softmax: calibrated by construction."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(films, ways)) * 2
    label = (tempered(logits, 1).cumsum(axis=1) < rng.random((films, 1))).sum(axis=1)
    return logits, label


def mean_loss(scores, label, temperature):
    told = np.isfinite(scores[np.arange(len(label)), label])
    return -log_softmax(scores / temperature, axis=1)[np.arange(len(label)), label][told].mean()


def loop_ece(proba, label, bins):
    edges, total = np.linspace(0, 1, bins + 1), 0.0
    for low, high in pairwise(edges):
        inside = [n for n in range(len(label)) if low < proba[n].max() <= high]
        if inside:
            accuracy = np.mean([proba[n].argmax() == label[n] for n in inside])
            total += len(inside) / len(label) * abs(accuracy - np.mean([proba[n].max() for n in inside]))
    return total


@pytest.mark.parametrize("factor", [0.02, 0.5, 1, 3, 200])
def test_the_factor_that_spoilt_logits_is_found(factor):
    logits, label = drawn()
    assert fit_temperature(logits * factor, label) == pytest.approx(factor, rel=0.03)
    assert fit_temperature(logits * factor, label) == pytest.approx(factor * fit_temperature(logits, label), rel=1e-6)


@pytest.mark.parametrize("ways", [2, 3, 7])
def test_no_temperature_of_a_fine_grid_is_better(ways):
    rng = np.random.default_rng(ways)
    scores, label = rng.normal(size=(60, ways)) * 3, rng.integers(0, ways, 60)
    scores[np.arange(60), label] += 2
    scores[rng.random((60, ways)) < 0.1] = -np.inf
    scores[:, 0] = np.maximum(scores[:, 0], -5)
    found = fit_temperature(scores, label)
    grid = np.geomspace(1e-3, 1e3, 20_001)
    losses = np.array([mean_loss(scores, label, temperature) for temperature in grid])
    assert mean_loss(scores, label, found) <= losses.min() + 1e-12
    assert found == pytest.approx(grid[losses.argmin()], rel=1e-3)


def test_a_constant_a_film_the_order_and_the_shape_do_not_matter():
    logits, label = drawn(600)
    found = fit_temperature(logits, label)
    order = np.random.default_rng(0).permutation(600)
    slots = np.array([3, 0, 4, 1, 2])
    assert fit_temperature(logits - np.arange(600)[:, None] * 10.0, label) == pytest.approx(found, rel=1e-6)
    assert fit_temperature(logits[order], label[order]) == pytest.approx(found, rel=1e-6)
    assert fit_temperature(logits[:, slots], slots.argsort()[label]) == pytest.approx(found, rel=1e-6)
    assert fit_temperature(logits.reshape(20, 30, 5), label.reshape(20, 30)) == found


def test_where_no_temperature_is_best_the_bound_or_one_is_given():
    logits = np.array([[3.0, 1, 0], [0, 2, 1]])
    assert fit_temperature(logits, [0, 1]) == 1e-3
    assert fit_temperature(logits, [2, 0]) == 1e3
    assert fit_temperature(np.zeros((2, 3)), [0, 1]) == 1
    never = np.array([[0, -np.inf], [-np.inf, 0]])
    assert fit_temperature(never, [1, 0]) == fit_temperature(never, [0, 1]) == 1


def test_a_film_without_hope_has_no_say():
    logits, label = drawn(500)
    hopeless = np.vstack([logits, [[-np.inf, 0, 1, 2, 3]]])
    assert fit_temperature(hopeless, np.append(label, 0)) == fit_temperature(logits, label)


def test_tempered():
    scores = np.array([[[0, -np.inf, np.log(3)], [1e6, 0, -1e6]]])
    np.testing.assert_allclose(tempered(scores, 1), [[[0.25, 0, 0.75], [1, 0, 0]]])
    np.testing.assert_allclose(tempered(scores, 0.5)[0, 0], [0.1, 0, 0.9])
    logits, _ = drawn(200)
    for temperature in (0.01, 4, 900):
        assert np.array_equal(tempered(logits, temperature).argmax(axis=1), logits.argmax(axis=1))


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("decimals", [1, 15])
def test_reliability_against_a_loop_and_scikit_learn(bins, decimals):
    rng = np.random.default_rng(bins)
    tenths = rng.multinomial(10, [0.2, 0.3, 0.5], 800) / 10
    proba = tenths if decimals == 1 else rng.dirichlet(np.ones(3), 800)
    label = rng.integers(0, 3, 800)
    found = reliability(proba.reshape(40, 20, 3), label.reshape(40, 20), bins)
    assert found.ece == pytest.approx(loop_ece(proba, label, bins))
    assert found.nll == pytest.approx(log_loss(label, proba))
    assert found.brier == pytest.approx(brier_score_loss(label, proba, scale_by_half=False))
    there = found.films > 0
    assert found.films.sum() == 800 and found.films.shape == (bins,)
    assert np.array_equal(np.isnan(found.accuracy), ~there) and np.array_equal(np.isnan(found.confidence), ~there)
    accuracy = (proba.argmax(axis=1) == label).mean()
    assert np.average(found.accuracy[there], weights=found.films[there]) == pytest.approx(accuracy)
    edges = np.linspace(0, 1, bins + 1)
    tolerance = 1e-12
    assert (found.confidence[there] > edges[:-1][there] - tolerance).all()
    assert (found.confidence[there] < edges[1:][there] + tolerance).all()


def test_a_confidence_on_the_edge_belongs_below():
    assert reliability([[0.5, 0.5], [0.25, 0.75], [0, 1]], [0, 0, 1], bins=4).films.tolist() == [0, 1, 1, 1]


def test_those_who_know_all_and_those_who_know_nothing():
    label = np.tile(np.arange(4), 25)
    perfect = reliability(np.eye(4)[label], label)
    assert (perfect.ece, perfect.nll, perfect.brier) == (0, 0, 0)
    assert perfect.films[-1] == 100 and np.isnan(perfect.accuracy[:-1]).all()
    wrong = reliability(np.eye(4)[label - 1], label)
    assert (wrong.ece, wrong.brier) == (1, 2) and wrong.nll == pytest.approx(-np.log(2.0**-52))
    uniform = reliability(np.full((100, 4), 0.25), label)
    assert uniform.ece == pytest.approx(0, abs=1e-12)
    assert uniform.nll == pytest.approx(np.log(4)) and uniform.brier == pytest.approx(0.75)


def test_the_right_temperature_mends_what_a_wrong_one_spoilt():
    logits, label = drawn()
    spoilt = reliability(tempered(logits, 0.3), label)
    mended = reliability(tempered(logits, fit_temperature(logits, label)), label)
    assert spoilt.ece > 0.05 and mended.ece < 0.02
    assert mended.nll < spoilt.nll and mended.brier < spoilt.brier


def test_what_is_refused():
    logits, label = drawn(10)
    for broken in (np.nan, np.inf):
        spoilt = logits.copy()
        spoilt[3, 1] = broken
        with pytest.raises(ArgumentError, match="scores: wanted one above -inf for each film and no NaN"):
            fit_temperature(spoilt, label)
    with pytest.raises(ArgumentError, match="scores: wanted one above -inf"):
        tempered(np.full((2, 3), -np.inf), 1)
    with pytest.raises(ArgumentError, match="temperature: wanted a number above 0, got 0"):
        tempered(logits, 0)
    with pytest.raises(ArgumentError, match=r"label: wanted a slot for each film, got shapes \(9,\) and \(10, 5\)"):
        fit_temperature(logits, label[:9])
    with pytest.raises(ArgumentError, match=r"label: wanted whole numbers 0\.\.4"):
        fit_temperature(logits, label + 5)
    with pytest.raises(ArgumentError, match="proba: wanted probabilities that add up to 1.*are these scores"):
        reliability(logits, label)
    with pytest.raises(ArgumentError, match="bins: wanted 1 or more, got 0"):
        reliability(tempered(logits, 1), label, 0)
