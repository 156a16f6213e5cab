"""Episodes hold what was asked for, and never a patient on both sides."""

import numpy as np
import pytest

from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError, EpisodeError


def random_pool(seed):
    """Unequal classes; patients of 1 to 9 films, many of them in two classes."""
    rng = np.random.default_rng(seed)
    films = int(rng.integers(90, 200))
    groups = rng.integers(0, films // int(rng.integers(1, 4)), films)
    classes = np.array(["a", "b", "c", "d"])[np.minimum(3, (rng.random(films) * 5).astype(int))]
    return classes, groups


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_way", [None, 2, 3])
def test_each_episode_keeps_its_promises(seed, n_way):
    classes, groups = random_pool(seed)
    n_shot, n_query = 1 + seed % 4, 1 + seed % 5
    episodes = EpisodeSampler(n_way, n_shot, n_query, episodes=40, seed=seed).sample(classes, groups)
    ways = n_way or len(set(classes))
    assert (len(episodes), episodes.n_way, episodes.n_query) == (40, ways, n_query)
    assert episodes.support.shape == (40, ways * n_shot)
    assert episodes.query.shape == (40, ways * n_query)
    names = np.array(episodes.classes)
    for way, support, query in zip(episodes.way, episodes.support, episodes.query, strict=True):
        assert len(set(way)) == ways
        assert (classes[support] == names[way][episodes.support_label]).all()
        assert (classes[query] == names[way][episodes.query_label]).all()
        assert not set(groups[support]) & set(groups[query])
        assert len(set(query)) == len(query)
        for slot in range(ways):
            assert len(set(groups[support[episodes.support_label == slot]])) == n_shot


def test_queries_are_of_different_patients_while_there_are_enough():
    groups = np.repeat(np.arange(20), 5)
    classes = np.repeat(["a", "b"], 50)
    enough = EpisodeSampler(None, 2, 8, episodes=50).sample(classes, groups)
    for query in enough.query:
        assert len(set(groups[query])) == 16
    short = EpisodeSampler(None, 2, 20, episodes=50).sample(classes, groups)
    for query in short.query:
        assert sorted(np.bincount(groups[query])[np.unique(groups[query])]) == [2] * 8 + [3] * 8


def test_every_patient_is_equally_likely_in_the_support_and_each_of_their_films_too():
    groups = np.array([0] * 8 + [1, 2, 3, 4, 5, 6, 7] + list(range(8, 16)))
    classes = np.array(["a"] * 15 + ["b"] * 8)
    episodes = EpisodeSampler(None, 1, 1, episodes=8000).sample(classes, groups)
    patients = np.bincount(groups[episodes.support[:, 0]], minlength=8)
    assert np.abs(patients - 1000).max() < 150
    films = np.bincount(episodes.support[:, 0], minlength=8)[:8]
    assert np.abs(films - 125).max() < 60


def test_a_patient_drawn_twice_is_twice_as_likely_in_the_support_but_there_once():
    groups = np.array([0, 0, 1, 2, 3, *range(4, 14)])
    classes = np.array(["a"] * 5 + ["b"] * 10)
    draws = np.arange(15)
    single = EpisodeSampler(None, 1, 1, episodes=5000).sample(classes, groups, draws)
    assert np.mean(groups[single.support[:, 0]] == 0) == pytest.approx(2 / 5, abs=0.03)
    double = EpisodeSampler(None, 2, 1, episodes=500).sample(classes, groups, draws)
    assert (groups[double.support[:, 0]] != groups[double.support[:, 1]]).all()


def test_the_seed_decides():
    classes, groups = random_pool(0)
    first, again, other = (EpisodeSampler(2, 2, 3, episodes=30, seed=s).sample(classes, groups) for s in (5, 5, 6))
    assert (first.support == again.support).all()
    assert (first.query == again.query).all()
    assert (first.query != other.query).any()


def test_many_films_are_drawn_in_parts(monkeypatch):
    monkeypatch.setattr("embedlearn.episodes.sampling.KEYS_AT_ONCE", 1000)
    classes, groups = random_pool(1)
    assert EpisodeSampler(None, 2, 3, episodes=57).sample(classes, groups).support.shape[0] == 57


def test_a_patient_with_nearly_all_films_is_kept_for_the_queries():
    groups = np.array([0] * 30 + [1, 2, 3] + list(range(4, 30)))
    classes = np.array(["a"] * 33 + ["b"] * 26)
    episodes = EpisodeSampler(None, 3, 10, episodes=50).sample(classes, groups)
    assert (groups[episodes.support[:, :3]] > 0).all()


def test_too_few_patients_for_the_shots():
    with pytest.raises(EpisodeError, match=r"class 'a': 3 shots of 3 different .* 2 patients found \(4 films\)"):
        EpisodeSampler(None, 3, 1).sample(["a"] * 4 + ["b"] * 9, [0, 0, 1, 1, *range(2, 11)])


def test_too_few_films_for_the_queries():
    wanted = r"class 'a': 4 query films wanted .* at most 3 left \(5 films of 5 patients in all\); use fewer shots or"
    with pytest.raises(EpisodeError, match=wanted):
        EpisodeSampler(None, 2, 4).sample(["a"] * 5 + ["b"] * 9, range(14))


def test_queries_that_the_other_classes_support_always_takes():
    classes, groups = ["a", "a", "b", "b", "c", "c"], [0, 1, 0, 2, 1, 2]
    with pytest.raises(EpisodeError, match="1 query films wanted beside 1 support patients, not found in 100 draws"):
        EpisodeSampler(None, 1, 1, episodes=20).sample(classes, groups)


def test_too_few_classes():
    with pytest.raises(EpisodeError, match=r"n_way: 3 classes wanted, 2 found \(a, b\); use fewer ways"):
        EpisodeSampler(3, 1, 1).sample(["a", "a", "b", "b"], range(4))


@pytest.mark.parametrize(("name", "settings"), [("n_way", (1, 1, 1)), ("n_shot", (2, 0, 1)), ("n_query", (2, 1, 0))])
def test_settings_too_small(name, settings):
    with pytest.raises(ArgumentError, match=f"{name}: wanted"):
        EpisodeSampler(*settings)


def test_gaps_are_refused():
    with pytest.raises(ArgumentError, match="groups: film 1 has none"):
        EpisodeSampler(None, 1, 1).sample(["a", "a", "b", "b"], ["x", None, "y", "z"])
    with pytest.raises(ArgumentError, match="got 4 and 3"):
        EpisodeSampler(None, 1, 1).sample(["a", "a", "b", "b"], ["x", "y", "z"])
