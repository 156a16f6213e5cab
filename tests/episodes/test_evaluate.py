"""The evaluation as a whole against a loop written plainly, and its promises."""

import numpy as np
import pytest

from embedlearn.episodes.evaluate import BaseFilms, evaluate_episodes
from embedlearn.episodes.heads import INDUCTIVE, build_head
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError, EpisodeError, MismatchError

METRICS = {"accuracy", "balanced_accuracy", "auc", "sensitivity", "specificity"}


@pytest.fixture(scope="module")
def spaces_of():
    def build(pool):
        noise = np.random.default_rng(9).normal(size=pool.X.shape)
        return {"trained": pool.X, "untrained": (0.3 * pool.X + noise).astype(np.float32)}

    return build


@pytest.fixture
def evaluate(pool, spaces_of):
    spaces = spaces_of(pool)
    center = {name: X.mean(axis=0) for name, X in spaces.items()}

    def run(**settings):
        chosen = {"heads": list(INDUCTIVE), "shots": [1, 5], "n_query": 6, "episodes": 60, "bootstrap": 12}
        chosen |= {"bootstrap_each": 5, "center": center, "positive": "covid-19"} | settings
        return evaluate_episodes(spaces, pool.classes, pool.groups, **chosen)

    return run


def test_every_setting_has_every_metric_and_both_intervals(evaluate):
    result = evaluate()
    assert len(result.scores) == 2 * 10 * 2
    assert set(result.metrics) == METRICS
    assert not result.notes
    for setting, scores in result.scores.items():
        assert scores.confusion.sum() == 60 * 3 * 6
        assert scores.curve is not None
        for metric in METRICS:
            found = result.estimate(*setting, metric)
            assert found.episode.low <= found.mean <= found.episode.high
            assert found.patient.low <= found.patient.high
            assert len(scores.values[metric]) == 60
            assert len(scores.replicates[metric]) == 12
    assert len(result.to_frame()) == 40 * 5
    assert not result.to_frame().isna().any(axis=None)


def test_a_loop_of_fit_and_predict_scores_the_same(evaluate, pool, spaces_of):
    result = evaluate(bootstrap=0)
    for (space, name, shots), scores in result.scores.items():
        X, episodes = spaces_of(pool)[space], result.episodes[shots]
        for e in range(0, 60, 7):
            head = build_head(name, (shots,) * 3, center=X.mean(axis=0))
            head.fit(X[episodes.support[e]], pool.classes[episodes.support[e]].astype(str))
            accuracy = head.score(X[episodes.query[e]], pool.classes[episodes.query[e]].astype(str))
            assert scores.values["accuracy"][e] == pytest.approx(accuracy), (space, name, shots)


def test_same_seed_same_numbers(evaluate):
    settings = {"heads": ["prototype"], "shots": [5]}
    first, again, other = evaluate(**settings), evaluate(**settings), evaluate(**settings, seed=1)
    assert first.to_frame().equals(again.to_frame())
    assert not first.to_frame().equals(other.to_frame())


def test_heads_and_shots_do_not_disturb_each_other(evaluate):
    alone = evaluate(heads=["knn"], shots=[5]).to_frame()
    table = evaluate().to_frame()
    beside = table[(table["head"] == "knn") & (table["shots"] == 5)].reset_index(drop=True)
    assert alone.equals(beside)


def test_a_difference_is_paired(evaluate):
    result = evaluate(heads=["prototype", "logistic"], shots=[5])
    found = result.difference("trained", "untrained")
    assert set(found) == {("prototype", 5), ("logistic", 5)}
    accuracy = found["prototype", 5]["accuracy"]
    sides = [result.estimate(space, "prototype", 5, "accuracy").mean for space in ("trained", "untrained")]
    assert accuracy.mean == pytest.approx(sides[0] - sides[1])
    assert accuracy.episode.low > 0
    assert accuracy.patient.low > 0
    swapped = result.difference("untrained", "trained")["prototype", 5]["accuracy"]
    assert swapped.mean == pytest.approx(-accuracy.mean)
    assert swapped.patient.low == pytest.approx(-accuracy.patient.high)
    none = result.difference("trained", "trained")["logistic", 5]["auc"]
    assert (none.mean, *none.episode, *none.patient) == (0,) * 7
    assert (none.episode_p, none.patient_p) == (1, 1)
    assert max(accuracy.episode_p, accuracy.patient_p) < 0.2
    with pytest.raises(ArgumentError, match="spaces: wanted one of trained, untrained, got 'other'"):
        result.difference("trained", "other")


def test_without_a_positive_class_or_a_bootstrap(evaluate):
    result = evaluate(positive=None, bootstrap=0, heads=["knn"], shots=[1])
    assert result.metrics == ("accuracy", "balanced_accuracy")
    found = result.estimate("trained", "knn", 1, "accuracy")
    assert found.patient is None
    assert next(iter(result.scores.values())).curve is None
    assert result.to_frame()["patient_low"].isna().all()


def test_fewer_ways_than_classes(evaluate):
    result = evaluate(n_way=2, heads=["prototype"], shots=[5])
    scores = next(iter(result.scores.values()))
    assert 0 < np.isnan(scores.values["auc"]).sum() < 60
    assert np.isfinite(result.estimate("trained", "prototype", 5, "auc").mean)


def test_a_pool_too_small_to_resample_has_a_note_instead_of_the_interval():
    rng = np.random.default_rng(0)
    classes = np.repeat(["a", "b"], 12)
    result = evaluate_episodes(
        {"one": rng.normal(size=(24, 4))},
        classes,
        range(24),
        heads=["knn"],
        shots=[2, 10],
        n_query=1,
        episodes=5,
        bootstrap=3,
    )
    assert result.estimate("one", "knn", 2, "accuracy").patient is not None
    assert result.estimate("one", "knn", 10, "accuracy").patient is None
    assert len(result.notes) == 1
    assert result.notes[0].startswith("10 shots: no patient interval: 20 resampled pools")


@pytest.mark.parametrize("n_way", [None, 2])
def test_replayed_episodes_score_the_same(evaluate, pool, n_way):
    first = evaluate(heads=["prototype"], shots=[5], n_way=n_way)
    again = evaluate(heads=["prototype"], shots=[5], seed=0, replay=first.episodes)
    assert first.to_frame().equals(again.to_frame())
    with pytest.raises(MismatchError, match="replay: wanted episodes of 1 shots, got 5"):
        evaluate(heads=["prototype"], shots=[1], replay={1: first.episodes[5]})
    with pytest.raises(MismatchError, match="other films or classes"):
        evaluate_episodes(
            {"x": pool.X}, pool.classes[::-1], pool.groups, heads=["knn"], shots=[5], replay=first.episodes, bootstrap=0
        )


def test_progress_ends_at_the_total(evaluate):
    calls = []
    evaluate(heads=["prototype"], progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (480, 480)
    assert calls == sorted(calls)


def test_arguments_that_do_not_fit(evaluate, pool):
    with pytest.raises(ArgumentError, match=r"wanted some of prototype, .* got 'svm'"):
        evaluate(heads=["svm"])
    with pytest.raises(ArgumentError, match="simpleshot needs the mean"):
        evaluate(center=None)
    with pytest.raises(ArgumentError, match="space 'trained': center: wanted 24 numbers, got 2"):
        evaluate(center={"trained": [0.0, 1.0]})
    with pytest.raises(ArgumentError, match="positive: wanted one of covid-19, normal, pneumonia, got 'flu'"):
        evaluate(positive="flu")
    with pytest.raises(ArgumentError, match="bootstrap: wanted 0"):
        evaluate(bootstrap=-1)
    with pytest.raises(ArgumentError, match="heads and shots: wanted at least one of each"):
        evaluate(shots=[])
    with pytest.raises(EpisodeError, match="400 shots of 400 different patients wanted"):
        evaluate(shots=[400])
    settings = {"heads": ["knn"], "shots": [1]}
    with pytest.raises(ArgumentError, match="spaces: wanted embeddings of at least one encoder"):
        evaluate_episodes({}, pool.classes, pool.groups, **settings)
    with pytest.raises(ArgumentError, match="space 'x': wanted a row for each of the 240 films, got 239"):
        evaluate_episodes({"x": pool.X[1:]}, pool.classes, pool.groups, **settings)
    with pytest.raises(ArgumentError, match="space 'x': X: row 0 holds NaN"):
        evaluate_episodes({"x": pool.X * np.nan}, pool.classes, pool.groups, **settings)


def test_heads_are_compared_on_the_same_episodes(evaluate):
    result = evaluate(heads=["prototype", "knn", "lda"], shots=[1, 5])
    found = result.against("prototype", "trained", "accuracy")
    assert set(found) == {(head, shots) for head in ("knn", "lda") for shots in (1, 5)}
    means = [result.estimate("trained", head, 5, "accuracy").mean for head in ("knn", "prototype")]
    assert found["knn", 5].mean == pytest.approx(means[0] - means[1])
    same = found["lda", 1]  # with one film a class both take the nearest
    assert (same.mean, same.episode_p, same.patient_p) == (0, 1, 1)
    with pytest.raises(ArgumentError, match="head: wanted one of prototype, knn, lda in trained, got 'svm'"):
        result.against("svm", "trained", "accuracy")


def test_a_temperature_from_base_films_mends_probabilities(evaluate, pool):
    rng = np.random.default_rng(1)
    classes, X = rng.choice(["a", "b"], 300), rng.normal(size=(300, 24))
    X[:, 0] += np.where(classes == "a", 1.5, 0)
    X = (X * 0.6 + 0.3).astype(np.float32)
    base = BaseFilms({"trained": Space(20 * X, 20 * X.mean(axis=0))}, classes, np.arange(300))
    settings = {"heads": ["prototype", "simpleshot"], "shots": [5], "bootstrap": 0}
    large = {"trained": 20 * pool.X}  # so far apart that every softmax is sure of itself
    result = evaluate_episodes(
        large, pool.classes, pool.groups, base=base, center={"trained": 20 * pool.X.mean(axis=0)}, **settings
    )
    found = result.scores["trained", "prototype", 5].calibration
    assert found.temperature > 50
    assert found.raw.ece > 0.2 > 0.15 > found.mended.ece
    assert found.mended.nll < found.raw.nll
    assert result.scores["trained", "simpleshot", 5].calibration.temperature < 1
    bare = evaluate(**settings).scores["trained", "prototype", 5].calibration
    assert (bare.temperature, bare.mended) == (None, None)
    few = base._replace(spaces={"trained": Space(X[:8])}, classes=classes[:8], groups=np.arange(8))
    noted = evaluate(**settings, base=few)
    assert noted.notes[0].startswith("5 shots: no temperature fitted on base films (class 'a'")


def test_shots_queries_and_roles_by_class(evaluate, pool):
    roles = np.ones((len(pool.classes), 2), bool)
    roles[::3, 0] = False
    settings = {"heads": ["prototype"], "shots": [1, 2], "shots_of": {"normal": 9}, "prevalence": "natural"}
    result = evaluate(**settings, roles=roles)
    assert result.episodes[1].shots == (1, 9, 1)
    assert roles[result.episodes[2].support, 0].all()
    assert np.ptp((result.episodes[2].query_label == 0).sum(axis=1)) > 0
    again = evaluate(heads=["prototype"], shots=[2], prevalence="natural", roles=roles, replay=result.episodes)
    first = result.to_frame().query("shots == 2").reset_index(drop=True)
    assert again.to_frame().equals(first)


def test_a_replay_with_a_patient_on_both_sides_is_refused(evaluate, pool):
    first = evaluate(heads=["prototype"], shots=[5])
    torn = first.episodes[5]
    torn.query[3, 0] = torn.support[3, 0]
    with pytest.raises(MismatchError, match="replay: case patient .* is on both sides of an episode"):
        evaluate(heads=["prototype"], shots=[5], replay={5: torn})
