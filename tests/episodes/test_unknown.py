"""A class left out of the support, against a plain loop; bounds and intervals keep what they promise."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.rejection import STRANGENESS
from embedlearn.episodes.resampling import bootstrap_episodes
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.episodes.unknown import EPISODES_EACH, evaluate_unknown, without_support
from embedlearn.errors import EpisodeError

SETTINGS = {"shots": [5], "n_query": 6, "episodes": 120, "bootstrap": 0}
KNOWN = np.array([[1.5, 0.0], [0.0, 1.5]])


def films(names, places, count=90, seed=0, dimensions=8):
    """As many films of each class about its place [2], shuffled; each of a patient of its own."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.repeat(names, count))
    X = rng.normal(size=(len(classes), dimensions))
    X[:, :2] += np.asarray(places)[np.searchsorted(names, classes)]
    return Space(X), classes, np.arange(len(classes))


def with_unknown(place):
    """A pool of two known classes and class "c" about `place`."""
    return films(["a", "b", "c"], [*KNOWN, place])


def base_films(count=150, seed=1):
    space, classes, groups = films(["v", "w"], KNOWN, count, seed)
    return BaseFilms({"x": space}, classes, groups)


@pytest.mark.parametrize("shots_of", [{}, {"covid-19": 4, "normal": 3}])
@pytest.mark.parametrize("name", ["covid-19", "normal", "pneumonia"])
def test_one_class_loses_its_support_and_keeps_its_queries(pool, name, shots_of):
    sampler = EpisodeSampler(None, 2, 3, 20, shots_of=shots_of, prevalence="dirichlet")
    episodes = sampler.sample(pool.classes, pool.groups)
    rest, is_unknown = without_support(episodes, name)
    others = [each for each in episodes.classes if each != name]
    assert rest.n_way == 2
    np.testing.assert_array_equal(rest.query, episodes.query)
    np.testing.assert_array_equal(is_unknown, pool.classes[episodes.query] == name)
    assert rest.shots == tuple(shots_of.get(each, 2) for each in others)
    for e in range(20):
        assert [rest.classes[code] for code in rest.way[e]] == others
        kept = [film for film in episodes.support[e] if pool.classes[film] != name]
        assert rest.support[e].tolist() == kept
        assert [others[slot] for slot in rest.support_label] == pool.classes[kept].tolist()
        named = [(*others, name)[slot] for slot in rest.query_label[e]]
        assert named == pool.classes[rest.query[e]].tolist()


@pytest.mark.parametrize("shots_of", [{}, {"a": 2, "c": 9}])
def test_it_is_what_a_plain_loop_finds(shots_of):
    space, classes, groups = with_unknown([3.0, 3.0])
    found, notes = evaluate_unknown({"x": space}, classes, groups, unknown="c", shots_of=shots_of, **SETTINGS)
    assert set(found) == {("x", measure, 5) for measure in STRANGENESS}
    assert notes == []
    episodes = EpisodeSampler(None, 5, 6, 120, shots_of=shots_of).sample(classes, groups)
    rows = space.rows.astype(np.float64)
    strange, truth = [], []
    for support, query in zip(episodes.support, episodes.query, strict=True):
        means = [rows[support[classes[support] == name]].mean(axis=0) for name in ("a", "b")]
        strange.append(cdist(rows[query], means).min(axis=1))
        truth.append(classes[query] == "c")
    each = [roc_auc_score(unknown, values) for unknown, values in zip(truth, strange, strict=True)]
    scores = found["x", "prototype", 5]
    assert scores.auroc.mean == pytest.approx(np.mean(each), abs=1e-6)
    assert scores.auroc.episode.low < scores.auroc.mean < scores.auroc.episode.high
    assert scores.auroc.patient is None
    assert scores.pooled.auroc == pytest.approx(roc_auc_score(np.ravel(truth), np.ravel(strange)), abs=1e-6)
    assert scores.bound is None
    assert np.isnan(scores.pooled.known_rejected)


@pytest.mark.parametrize("measure", list(STRANGENESS))
def test_a_class_far_away_is_found_and_one_among_the_others_is_not(measure):
    base = base_films()
    far, among = (
        evaluate_unknown({"x": space}, classes, groups, unknown="c", base=base, **SETTINGS)[0]["x", measure, 5]
        for space, classes, groups in (with_unknown([12.0, 12.0]), with_unknown(KNOWN[0]))
    )
    assert far.auroc.mean > 0.999
    assert (far.pooled.fpr95, far.pooled.unknown_caught) == (0, 1)
    assert among.auroc.mean == pytest.approx(0.5, abs=0.06)
    assert among.pooled.unknown_caught == pytest.approx(0.05, abs=0.05)
    for scores in (far, among):
        assert scores.pooled.known_rejected == pytest.approx(0.05, abs=0.03)


def test_the_bound_is_the_quantile_of_the_queries_of_base_episodes():
    space, classes, groups = with_unknown([3.0, 3.0])
    base = base_films()
    found, _ = evaluate_unknown({"x": space, "y": space}, classes, groups, unknown="c", base=base, seed=4, **SETTINGS)
    rows, episodes = base.spaces["x"].rows.astype(np.float64), base.sample(5, 6, 200, 4)
    strange = []
    for support, query in zip(episodes.support, episodes.query, strict=True):
        strange += cdist(rows[query], [rows[support[:5]].mean(axis=0), rows[support[5:]].mean(axis=0)]).min(1).tolist()
    assert found["x", "prototype", 5].bound == pytest.approx(np.quantile(strange, 0.95, method="higher"), rel=1e-5)
    assert found["y", "prototype", 5].bound is None  # base films are not seen through that space
    assert found["y", "prototype", 5].auroc == found["x", "prototype", 5].auroc


def test_what_cannot_be_had_is_said():
    space, classes, groups = films(["a", "b", "c"], [*KNOWN, [3.0, 3.0]], count=12)
    settings = {**SETTINGS, "shots": [1, 6], "bootstrap": 4}
    found, notes = evaluate_unknown({"x": space}, classes, groups, unknown="c", base=base_films(12), **settings)
    assert len(found) == 2 * len(STRANGENESS)
    assert found["x", "knn", 1].bound is not None
    assert found["x", "knn", 1].auroc.patient is not None
    assert found["x", "knn", 6].bound is not None  # 12 films of a class are 6 shots and 6 queries
    assert found["x", "knn", 6].auroc.patient is None  # and seldom are they when drawn with replacement
    (note,) = notes
    assert note.startswith("6 shots, unknown: no patient interval: 20 resampled pools")
    few, notes = evaluate_unknown({"x": space}, classes, groups, unknown="c", base=base_films(11), **settings)
    assert few["x", "knn", 1].bound is not None
    assert few["x", "knn", 6].bound is None
    assert notes[0].startswith("6 shots: no bound for the unknown from base films (class 'v'")
    with pytest.raises(EpisodeError, match="13 shots of 13 different patients wanted"):
        evaluate_unknown({"x": space}, classes, groups, unknown="c", **{**settings, "shots": [13]})


def test_same_seed_same_numbers_and_shots_do_not_disturb_each_other():
    space, classes, groups = with_unknown([3.0, 3.0])

    def run(**changed):
        settings = {**SETTINGS, "bootstrap": 10, "base": base_films()} | changed
        return evaluate_unknown({"x": space}, classes, groups, unknown="c", **settings)[0]["x", "energy", 5]

    first, again, other = run(), run(shots=[1, 5]), run(seed=1)
    assert (first.auroc, first.bound) == (again.auroc, again.bound)
    np.testing.assert_array_equal(first.pooled.curve.unknown_caught, again.pooled.curve.unknown_caught)
    assert first.auroc.mean != other.auroc.mean
    assert first.bound != other.bound
    assert first.auroc.patient.low < first.auroc.patient.high


def test_the_patient_interval_is_of_resampled_patients():
    space, classes, _ = with_unknown([1.8, 1.8])
    groups = np.arange(len(classes)) // 3
    found, _ = evaluate_unknown({"x": space}, classes, groups, unknown="c", **{**SETTINGS, "bootstrap": 12})
    sampler = EpisodeSampler(None, 5, 6, 120)
    resampled = bootstrap_episodes(sampler, classes, groups, replicates=12, episodes=EPISODES_EACH)
    rows, each = space.rows.astype(np.float64), []
    for support, query in zip(resampled.support, resampled.query, strict=True):
        means = [rows[support[classes[support] == name]].mean(axis=0) for name in ("a", "b")]
        each.append(roc_auc_score(classes[query] == "c", cdist(rows[query], means).min(axis=1)))
    means = np.mean(np.reshape(each, (12, EPISODES_EACH)), axis=1)
    interval = found["x", "prototype", 5].auroc.patient
    np.testing.assert_allclose(interval, [means.mean(), *np.quantile(means, [0.025, 0.975])], atol=1e-6)
