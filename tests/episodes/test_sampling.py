"""Episodes hold what was asked for, and never a patient on both sides."""

import numpy as np
import pytest
from amounts import mostly_slow

from embedlearn.episodes.resampling import resample_patients
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError, EpisodeError


def random_pool(seed):
    """Unequal classes; patients of 1 to 9 films, many of them in two classes."""
    rng = np.random.default_rng(seed)
    films = int(rng.integers(90, 200))
    groups = rng.integers(0, films // int(rng.integers(1, 4)), films)
    classes = np.array(["a", "b", "c", "d"])[np.minimum(3, (rng.random(films) * 5).astype(int))]
    return classes, groups


def check_promises(episodes, sampler, classes, groups):
    """What holds of all episodes: so many films of each class, of different patients, none of them on both sides."""
    ways, n_shot, n_query = sampler.n_way or len(set(classes)), sampler.n_shot, sampler.n_query
    assert (len(episodes), episodes.shots) == (sampler.episodes, (n_shot,) * ways)
    assert episodes.support.shape == (sampler.episodes, ways * n_shot)
    assert episodes.query.shape == (sampler.episodes, ways * n_query)
    names = np.array(episodes.classes)
    assert (episodes.query_label == np.repeat(range(ways), n_query)).all()
    for way, support, query in zip(episodes.way, episodes.support, episodes.query, strict=True):
        assert len(set(way)) == ways
        assert (classes[support] == names[way][episodes.support_label]).all()
        assert (classes[query] == names[way][episodes.query_label[0]]).all()
        assert not set(groups[support]) & set(groups[query])
        assert len(set(query)) == len(query)
        for slot in range(ways):
            assert len(set(groups[support[episodes.support_label == slot]])) == n_shot


@pytest.mark.parametrize("seed", mostly_slow(list(range(12)), [0, 5, 11]))
@pytest.mark.parametrize("n_way", [None, 2, 3])
def test_each_episode_keeps_its_promises(seed, n_way):
    classes, groups = random_pool(seed)
    sampler = EpisodeSampler(n_way, 1 + seed % 4, 1 + seed % 5, episodes=40, seed=seed)
    check_promises(sampler.sample(classes, groups), sampler, classes, groups)


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


def test_unequal_shots_by_class():
    classes, groups = random_pool(3)
    drawn = EpisodeSampler(None, 1, 2, episodes=30, shots_of={"d": 6, "b": 2}).sample(classes, groups)
    assert drawn.shots == (1, 2, 1, 6)
    assert drawn.support.shape == (30, 10)
    assert (classes[drawn.support] == np.repeat(["a", "b", "c", "d"], drawn.shots)).all()
    for support, query in zip(drawn.support, drawn.query, strict=True):
        assert len(set(groups[support[-6:]])) == 6
        assert not set(groups[support]) & set(groups[query])
    with pytest.raises(ArgumentError, match="shots_of: wanted classes among a, b, c, d, got e"):
        EpisodeSampler(None, 1, 2, shots_of={"e": 6}).sample(classes, groups)
    with pytest.raises(ArgumentError, match="shots_of: wanted episodes of all 4 classes, got 2 ways"):
        EpisodeSampler(2, 1, 2, shots_of={"d": 6}).sample(classes, groups)
    with pytest.raises(ArgumentError, match="shots_of d: wanted 1 or more, got 0"):
        EpisodeSampler(None, 1, 2, shots_of={"d": 0})
    with pytest.raises(EpisodeError, match="class 'd': 999 shots of 999 different patients wanted"):
        EpisodeSampler(None, 1, 2, shots_of={"d": 999}).sample(classes, groups)


@pytest.mark.parametrize("prevalence", ["natural", "dirichlet", {"a": 1, "b": 1, "c": 2}])
def test_queries_may_fall_on_the_classes_in_unequal_parts(prevalence):
    classes = np.repeat(["a", "b", "c"], [100, 300, 600])
    drawn = EpisodeSampler(None, 2, 10, episodes=2000, prevalence=prevalence).sample(classes, np.arange(1000))
    names = np.array(drawn.classes)
    assert (classes[drawn.query] == names[np.take_along_axis(drawn.way, drawn.query_label, axis=1)]).all()
    counts = np.stack([(drawn.query_label == slot).sum(axis=1) for slot in range(3)], axis=1)
    assert (counts.sum(axis=1) == 30).all()
    for support, query in zip(drawn.support, drawn.query, strict=True):
        assert len({*support, *query}) == 6 + 30
    share = {"natural": (0.1, 0.3, 0.6), "dirichlet": (1 / 3,) * 3}.get(str(prevalence), (0.25, 0.25, 0.5))
    np.testing.assert_allclose(counts.mean(axis=0) / 30, share, atol=0.02)
    # a share of Dirichlet(2, 2, 2) has mean 1/3 and variance (1/3)(2/3)/7; of a fixed share only the drawing varies
    own = np.array(share) * (1 - np.array(share))
    expected = 30 * own + (30 * 29 * own / 7 if prevalence == "dirichlet" else 0)
    np.testing.assert_allclose(counts.var(axis=0), expected, rtol=0.15)


def test_prevalences_of_no_use():
    with pytest.raises(ArgumentError, match="prevalence: wanted balanced, natural, dirichlet or a share.* got 'even'"):
        EpisodeSampler(None, 1, 1, prevalence="even")
    for shares in ({"a": 1}, {"a": 1, "b": 0}, {"a": 1, "b": 1, "c": 1}):
        with pytest.raises(ArgumentError, match="prevalence: wanted a share above 0 for each of a, b, got"):
            EpisodeSampler(None, 1, 1, prevalence=shares).sample(list("aabb"), range(4))


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


# Roles: films that may be support, and films that may be queries.


@pytest.mark.parametrize("seed", mostly_slow(list(range(12)), [0, 5, 11]))
@pytest.mark.parametrize("n_way", [None, 2, 3])
def test_films_keep_to_their_roles_and_patients_to_one_side(seed, n_way):
    """A third of the films is for support, a third for queries, the rest for either; of patients no side is told."""
    classes, groups = random_pool(seed)
    part = np.random.default_rng(seed).integers(0, 3, len(classes))
    roles = np.stack([part != 0, part != 1], axis=1)
    assert set(groups[part == 0]) & set(groups[part == 1])
    sampler = EpisodeSampler(n_way, 1 + seed % 3, 1 + seed % 5, episodes=40, seed=seed)
    episodes = sampler.sample(classes, groups, roles=roles)
    check_promises(episodes, sampler, classes, groups)
    assert roles[episodes.support, 0].all() and roles[episodes.query, 1].all()
    assert (part[episodes.support] == 1).any() and (part[episodes.query] == 0).any()


@pytest.mark.parametrize("seed", range(6))
def test_where_every_film_may_be_both_roles_change_no_promise(seed):
    classes, groups = random_pool(seed)
    sampler = EpisodeSampler(2, 2, 3, episodes=40, seed=seed)
    check_promises(sampler.sample(classes, groups, roles=np.ones((len(classes), 2), bool)), sampler, classes, groups)


def test_no_roles_draw_as_if_they_were_not_named_and_the_seed_decides_with_them_too():
    classes, groups = random_pool(2)
    roles = np.random.default_rng(2).random((len(classes), 2)) < 0.7
    sampler, other = (EpisodeSampler(None, 2, 3, episodes=30, seed=seed) for seed in (4, 5))
    for named in (None, roles):
        first, again, unlike = (each.sample(classes, groups, roles=named) for each in (sampler, sampler, other))
        assert (first.support == again.support).all() and (first.query == again.query).all()
        assert (first.query != unlike.query).any()
    assert (sampler.sample(classes, groups).support == sampler.sample(classes, groups, None, None).support).all()


def test_a_patient_with_films_on_both_sides_is_on_one_as_often_as_chance_has_it():
    """Film 0 (support) and 1 (query) are of patient 0; the supports 0 and 2 are drawn evenly, then the queries left."""
    groups = np.array([0, 0, 1, 2, *range(3, 9)])
    classes = np.array(["a"] * 4 + ["b"] * 6)
    roles = np.array([[1, 0], [0, 1], [1, 0], [0, 1], *[[1, 1]] * 6], dtype=bool)
    episodes = EpisodeSampler(None, 1, 1, episodes=8000).sample(classes, groups, roles=roles)
    pairs, counts = np.unique(np.stack([episodes.support[:, 0], episodes.query[:, 0]]), axis=1, return_counts=True)
    assert pairs.T.tolist() == [[0, 3], [2, 1], [2, 3]]
    assert counts / 8000 == pytest.approx([1 / 2, 1 / 4, 1 / 4], abs=0.02)


def test_a_support_patient_of_one_class_is_no_query_of_another():
    """Patient 0 is all there is to support a, and has half of b's queries."""
    groups = np.array([0, 1, 2, 3, 0, 0, 4, 5])
    classes = np.array(["a"] * 3 + ["b"] * 5)
    roles = np.array([[1, 0], [0, 1], [0, 1], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]], dtype=bool)
    episodes = EpisodeSampler(None, 1, 2, episodes=50).sample(classes, groups, roles=roles)
    assert {tuple(sorted(query)) for query in episodes.query[:, 2:]} == {(6, 7)}


def test_queries_with_roles_are_of_different_patients_while_there_are_enough():
    groups, classes = np.repeat(np.arange(20), 5), np.repeat(["a", "b"], 50)
    roles = np.stack([np.arange(100) % 5 == 0, np.arange(100) % 5 > 0], axis=1)
    episodes = EpisodeSampler(None, 2, 8, episodes=50).sample(classes, groups, roles=roles)
    for query in episodes.query:
        assert len(set(groups[query])) == 16


@pytest.mark.parametrize("seed", range(6))
def test_roles_hold_in_resampled_pools(pool, seed):
    """Half of the patients lend support, the others queries, and a few both; a patient drawn twice is asked twice."""
    number = np.unique(pool.groups, return_inverse=True)[1]
    roles = np.stack([number % 2 == 0, (number % 2 == 1) | (number % 5 == 0)], axis=1)
    drawn = resample_patients(pool.classes, pool.groups, np.random.default_rng(seed))
    classes, groups = pool.classes[drawn.rows], pool.groups[drawn.rows]
    sampler = EpisodeSampler(None, 3, 10, episodes=40, seed=seed)
    episodes = sampler.sample(classes, groups, drawn.draws, roles[drawn.rows])
    check_promises(episodes, sampler, classes, groups)
    support, query = drawn.rows[episodes.support], drawn.rows[episodes.query]
    assert roles[support, 0].all() and roles[query, 1].all()
    assert any(len(set(films)) < len(films) for films in query)


def sample_with_roles(roles, n_shot=1, n_query=1):
    """Four films of a, four of b, each of a patient of their own."""
    return EpisodeSampler(None, n_shot, n_query).sample(["a"] * 4 + ["b"] * 4, range(8), roles=np.array(roles))


@pytest.mark.parametrize("shape", [(8,), (8, 1), (7, 2), (2, 8)])
def test_roles_of_another_shape(shape):
    with pytest.raises(ArgumentError, match=rf"roles: wanted bool \[8, 2\], got shape \[{str(shape).strip('(,)')}\]"):
        sample_with_roles(np.ones(shape, bool))


@pytest.mark.parametrize(("side", "roles"), [("support", [False, True]), ("query", [True, False])])
def test_a_class_without_a_film_for_one_side(side, roles):
    with pytest.raises(EpisodeError, match=f"class 'b': no film may be {side}; name other roles"):
        sample_with_roles([[True, True]] * 4 + [roles] * 4)


def test_too_few_patients_that_may_be_support():
    with pytest.raises(EpisodeError, match=r"class 'a': 3 shots of 3 different .* 2 patients found \(2 films\)"):
        sample_with_roles([[True, False]] * 2 + [[False, True]] * 2 + [[True, True]] * 4, n_shot=3)


def test_too_few_films_that_may_be_queries():
    with pytest.raises(EpisodeError, match=r"class 'b': 3 query films wanted, not found at most 2 left \(2 films"):
        sample_with_roles([[True, True]] * 4 + [[True, False]] * 2 + [[False, True]] * 2, n_query=3)


def test_queries_that_the_support_always_takes():
    """b has two patients, both on both sides: whichever is support, only one query is left."""
    roles = np.array([[True, True]] * 4 + [[True, False], [False, True]] * 2)
    with pytest.raises(EpisodeError, match="class 'b': 2 query films wanted .*, not found in 100 draws"):
        EpisodeSampler(None, 1, 2).sample(["a"] * 4 + ["b"] * 4, [0, 1, 2, 3, 4, 4, 5, 5], roles=roles)
