"""Row-wise transforms alone, and in scikit-learn's pipelines."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.space import Space, normalized
from embedlearn.episodes.transforms import (
    TRANSFORMS,
    Centering,
    PowerTransform,
    UnitLength,
    powered,
    transformed,
)
from embedlearn.errors import ArgumentError


def test_scikit_learn_gives_the_same_rows(pool):
    X = pool.X.astype(float)
    centred, unit = Centering().fit(X[:50]).transform(X), UnitLength().fit(X).transform(X)
    np.testing.assert_allclose(centred, StandardScaler(with_std=False).fit(X[:50]).transform(X), atol=1e-12)
    np.testing.assert_allclose(unit, Normalizer().fit_transform(X), atol=1e-12)
    np.testing.assert_allclose(Centering(X[7]).fit(X[:50]).transform(X), X - X[7])


def test_powers_keep_signs_and_zeros():
    X = np.array([[4.0, -9.0, 0.0], [0.25, -0.01, 1.0]])
    np.testing.assert_allclose(PowerTransform().fit_transform(X), [[2, -3, 0], [0.5, -0.1, 1]])
    np.testing.assert_allclose(PowerTransform(2).fit_transform(X)[0], [16, -81, 0])
    np.testing.assert_array_equal(powered(X, 1.0), X)
    stacked = np.stack([X, -X]).astype(np.float32)
    np.testing.assert_allclose(powered(stacked, 0.3)[1], -powered(X, 0.3), rtol=1e-6)
    assert X[0, 0] == 4


def test_a_row_of_zeros_has_no_direction_and_stays():
    assert UnitLength().fit_transform([[0.0, 0.0], [3.0, 4.0]]).tolist() == [[0, 0], [0.6, 0.8]]


def test_a_chain_before_a_head_is_simpleshot(pool):
    center = pool.X.mean(axis=0)
    chain = make_pipeline(Centering(center), UnitLength(), PrototypeClassifier()).fit(pool.X[:80], pool.classes[:80])
    simpleshot = PrototypeClassifier(center=center).fit(pool.X[:80], pool.classes[:80])
    np.testing.assert_allclose(chain.predict_proba(pool.X), simpleshot.predict_proba(pool.X), atol=1e-6)
    again = clone(chain).fit(pool.X[:80], pool.classes[:80])
    np.testing.assert_array_equal(again.predict(pool.X), chain.predict(pool.X))


def test_skewed_embeddings_are_told_apart_better_after_a_power():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 150)
    X = rng.gamma(0.1, size=(300, 60)) + np.where(rng.random((300, 60)) < 0.3, 0.05 * y[:, None], 0)
    train = rng.permutation(300)[:40]
    rest = np.setdiff1d(np.arange(300), train)
    straight = make_pipeline(UnitLength(), PrototypeClassifier()).fit(X[train], y[train])
    by_power = make_pipeline(PowerTransform(0.3), UnitLength(), PrototypeClassifier()).fit(X[train], y[train])
    assert by_power.score(X[rest], y[rest]) > straight.score(X[rest], y[rest]) + 0.05


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_keeps_rows_apart_and_dtypes(name, pool):
    transform = TRANSFORMS[name]().fit(pool.X)
    rows = transform.transform(pool.X)
    assert rows.dtype == np.float32
    assert transform.transform(pool.X.astype(float)).dtype == transform.transform(pool.X.tolist()).dtype == np.float64
    np.testing.assert_array_equal(transform.transform(pool.X[5:9]), rows[5:9])
    with pytest.raises(NotFittedError):
        TRANSFORMS[name]().transform(pool.X)
    with pytest.raises(ArgumentError, match=r"X has 3 features, but \w+ is expecting 24 features"):
        transform.transform(pool.X[:, :3])
    with pytest.raises(ArgumentError, match="X: row 0 holds NaN"):
        transform.transform(np.full((2, 24), np.nan))


@pytest.mark.parametrize("beta", [0, -0.5, np.nan, np.inf])
def test_powers_of_no_use(beta):
    with pytest.raises(ArgumentError, match="beta: wanted a number above 0, since embeddings have signs and zeros"):
        PowerTransform(beta).fit(np.eye(3))


def test_a_centre_of_another_width():
    with pytest.raises(ArgumentError, match="center: wanted 3 numbers as in X, got 2"):
        Centering([0.0, 1.0]).fit(np.eye(3))


def test_the_centre_is_known_only_of_embeddings_as_they_come():
    space = Space(np.eye(3, dtype=np.float32), [0.5, 0.0, 0.0])
    moved = transformed(space, ["center", "unit"])
    np.testing.assert_allclose(moved.rows, normalized(space.rows - np.float32([0.5, 0, 0])))
    assert moved.center is None
    with pytest.raises(ArgumentError, match="transform: wanted center first"):
        transformed(space, ["unit", "center"])
    with pytest.raises(ArgumentError, match="transform: wanted some of center, power, unit; got 'log'"):
        transformed(space, ["log"])
