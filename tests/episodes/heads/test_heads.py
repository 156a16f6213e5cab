"""What holds for every head."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from embedlearn.episodes.heads import HEADS, INDUCTIVE, TRANSDUCTIVE, build_head, named_heads
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError


@pytest.fixture(params=list(HEADS))
def name(request):
    return request.param


@pytest.fixture(params=list(INDUCTIVE))
def inductive(request):
    return request.param


def head_for(name, pool, shots=(5, 5, 5), k=None):
    return build_head(name, shots, k=k, center=pool.X.mean(axis=0))


@pytest.mark.parametrize(
    ("n_way", "n_shot", "shots_of"), [(None, 5, {}), (None, 1, {}), (2, 3, {}), (2, 20, {}), (None, 2, {"normal": 9})]
)
def test_all_episodes_at_once_are_what_fit_and_predict_give(name, pool, n_way, n_shot, shots_of):
    sampler = EpisodeSampler(n_way, n_shot, 4, episodes=25, shots_of=shots_of, prevalence="dirichlet")
    episodes = sampler.sample(pool.classes, pool.groups)
    head = head_for(name, pool, episodes.shots)
    scores = head.episode_scores(Space(pool.X, pool.X.mean(axis=0)), episodes)
    assert scores.shape == (25, episodes.query.shape[1], episodes.n_way)
    for e, answers in enumerate(softmax(scores, axis=2)):
        fitted = clone(head).fit(pool.X[episodes.support[e]], episodes.support_label)
        np.testing.assert_allclose(answers, fitted.predict_proba(pool.X[episodes.query[e]]), atol=1e-5)
        assert np.array_equal(answers.argmax(axis=1), fitted.predict(pool.X[episodes.query[e]]))


def test_a_pool_too_large_for_all_pairs_gets_the_same_answers(name, pool, monkeypatch):
    episodes = EpisodeSampler(None, 3, 4, episodes=120).sample(pool.classes, pool.groups)
    head = head_for(name, pool, episodes.shots)
    whole = head.episode_scores(Space(pool.X, pool.X.mean(axis=0)), episodes)
    monkeypatch.setattr("embedlearn.episodes.space.WHOLE_UP_TO", 0)
    parts = head.episode_scores(Space(pool.X, pool.X.mean(axis=0)), episodes)
    np.testing.assert_allclose(softmax(parts, axis=2), softmax(whole, axis=2), atol=1e-5)
    assert np.array_equal(parts.argmax(axis=2), whole.argmax(axis=2))


def test_probabilities_add_up_and_predict_takes_the_largest(name, pool):
    head = head_for(name, pool).fit(pool.X[:90], pool.classes[:90])
    proba = head.predict_proba(pool.X[90:])
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (head.predict(pool.X[90:]) == head.classes_[proba.argmax(axis=1)]).all()
    assert head.score(pool.X[90:], pool.classes[90:]) > 0.5


def test_a_query_is_answered_the_same_alone_and_in_a_batch(inductive, pool):
    head = head_for(inductive, pool).fit(pool.X[:60], pool.classes[:60])
    batch = head.predict_proba(pool.X[60:])
    alone = np.concatenate([head.predict_proba(pool.X[n : n + 1]) for n in range(60, len(pool.X))])
    np.testing.assert_allclose(alone, batch, atol=1e-12)
    assert np.array_equal(alone.argmax(axis=1), batch.argmax(axis=1))


def test_predicting_keeps_nothing(name, pool):
    head = head_for(name, pool).fit(pool.X[:60], pool.classes[:60])
    first = head.predict_proba(pool.X[60:])
    head.predict_proba(pool.X[:30])
    np.testing.assert_array_equal(head.predict_proba(pool.X[60:]), first)


def test_fewer_queries_than_classes(name, pool):
    head = head_for(name, pool).fit(pool.X[:60], pool.classes[:60])
    proba = head.predict_proba(pool.X[60:61])
    assert proba.shape == (1, 3)
    np.testing.assert_allclose(proba.sum(), 1)
    assert head.predict(pool.X[60:62]).shape == (2,)


def test_labels_may_be_anything_and_their_names_do_not_matter(name, pool):
    support, query = pool.X[:60], pool.X[60:]
    codes = np.unique(pool.classes[:60], return_inverse=True)[1]
    by_name = head_for(name, pool).fit(support, pool.classes[:60])
    by_number = head_for(name, pool).fit(support, np.array([3, 5, 11])[codes])
    assert set(by_number.predict(query)) <= {3, 5, 11}
    np.testing.assert_array_equal(by_name.predict_proba(query), by_number.predict_proba(query))
    reversed_order = head_for(name, pool).fit(support, -codes)
    np.testing.assert_allclose(reversed_order.predict_proba(query)[:, ::-1], by_name.predict_proba(query), atol=1e-5)


def test_the_order_of_support_films_does_not_matter(name, pool):
    order = np.random.default_rng(0).permutation(60)
    straight = head_for(name, pool).fit(pool.X[:60], pool.classes[:60])
    shuffled = head_for(name, pool).fit(pool.X[order], pool.classes[order])
    np.testing.assert_allclose(straight.predict_proba(pool.X[60:]), shuffled.predict_proba(pool.X[60:]), atol=1e-5)


def test_what_cannot_be_learned_or_answered_is_refused(name, pool):
    head = head_for(name, pool)
    with pytest.raises(NotFittedError):
        head.predict(pool.X)
    head = head_for(name, pool)
    broken = pool.X[:20].copy()
    broken[7, 0] = np.nan
    with pytest.raises(ArgumentError, match="X: row 7 holds NaN or infinity; leave that film out"):
        head.fit(broken, pool.classes[:20])
    with pytest.raises(ArgumentError, match=r"y: wanted one label for each of the 20 rows of X, got shape \(19,\)"):
        head.fit(pool.X[:20], pool.classes[:19])
    with pytest.raises(ArgumentError, match="y: wanted two classes or more, got 1"):
        head.fit(pool.X[:20], ["a"] * 20)
    with pytest.raises(ArgumentError, match=r"X: wanted a matrix \[films, dimensions\], got shape \(24,\)"):
        head.fit(pool.X[0], ["a"])
    head.fit(pool.X[:20], pool.classes[:20])
    with pytest.raises(ArgumentError, match=r"X has 3 features, but \w+ is expecting 24 features"):
        head.predict(pool.X[:, :3])
    with pytest.raises(ArgumentError, match="X: row 7 holds NaN"):
        head.predict_proba(broken)


def test_the_table_says_what_it_has():
    with pytest.raises(ArgumentError, match=r"wanted some of prototype, prototype-cosine, simpleshot, knn.*got 'svm'"):
        build_head("svm", (5, 5))
    with pytest.raises(ArgumentError, match="simpleshot needs the mean of the training embeddings"):
        build_head("simpleshot", (5, 5))
    with pytest.raises(ArgumentError, match="k: wanted 1 or more, got 0"):
        build_head("knn", (5, 5), k=0)
    assert named_heads(["knn", "transductive", "knn"]) == ("knn", *TRANSDUCTIVE)
    assert named_heads(["all"]) == tuple(HEADS)


def test_heads_say_whether_they_look_at_all_queries(pool):
    assert {name for name in HEADS if head_for(name, pool).transductive} == set(TRANSDUCTIVE)


@pytest.mark.parametrize(
    ("shots", "k", "used"),
    [((1, 1), None, 1), ((3, 3), None, 3), ((20, 20), None, 5), ((1, 1), 50, 2), ((5, 5), 7, 7), ((2, 9), None, 2)],
)
def test_neighbours_by_shots(shots, k, used):
    assert build_head("knn", shots, k=k).k == used
