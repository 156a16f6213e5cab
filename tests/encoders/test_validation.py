"""The validation scores are those of a plain search; the epoch kept is the last that is as good as the best."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from embedlearn.encoders.validation import choose_epoch, score_neighbours, smooth


def unit_rows(rng, count):
    rows = torch.from_numpy(rng.normal(size=(count, 6)))
    return torch.nn.functional.normalize(rows, dim=1)


def make_films(seed, classes, gallery=40, queries=60):
    """Random embeddings of length 1, leaning towards a corner for each class; classes of unequal numbers."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (gallery, queries):
        labels = np.concatenate([np.arange(classes), rng.choice(classes, count - classes, p=share(classes))])
        corner = torch.nn.functional.one_hot(torch.from_numpy(labels), 6)
        parts += [torch.nn.functional.normalize(unit_rows(rng, count) + 0.5 * corner, dim=1), labels]
    return parts


def share(classes):
    weights = 0.4 ** np.arange(classes)
    return weights / weights.sum()


@pytest.mark.parametrize("gallery", [4, 5, 40])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_a_plain_search(seed, classes, gallery):
    """Votes are counted among the five nearest films, or among all where there are fewer; the lower label wins ties."""
    known, labels, asked, truth = make_films(seed, classes, gallery)
    first, voted = {label: [] for label in range(classes)}, {label: [] for label in range(classes)}
    for query, label in zip(asked.numpy(), truth, strict=True):
        nearest = sorted(range(gallery), key=lambda film, query=query: np.linalg.norm(known[film].numpy() - query))[:5]
        votes = [int(np.sum(labels[nearest] == each)) for each in range(classes)]
        first[label].append(labels[nearest[0]] == label)
        voted[label].append(votes.index(max(votes)) == label)
    wanted = [np.mean([np.mean(right) for right in answers.values()]) for answers in (first, voted)]
    assert score_neighbours(known, labels, asked, truth) == pytest.approx(wanted)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(seed, classes):
    known, labels, asked, truth = make_films(seed, classes)
    found = score_neighbours(known, labels, asked, truth)
    for neighbours, score in zip((1, 5), found, strict=True):
        model = KNeighborsClassifier(neighbours, algorithm="brute").fit(known.numpy(), labels)
        assert score == pytest.approx(balanced_accuracy_score(truth, model.predict(asked.numpy())))
        assert 0.4 < score < 0.95


def test_a_large_class_counts_no_more_than_a_small_one():
    known, labels, asked, truth = make_films(0, 2)
    more = np.concatenate([np.arange(len(truth)), *9 * [np.flatnonzero(truth == 0)]])
    assert score_neighbours(known, labels, asked[more], truth[more]) == pytest.approx(
        score_neighbours(known, labels, asked, truth)
    )
    assert score_neighbours(known, np.zeros(40, np.int64), asked, truth) == (0.5, 0.5)


def test_a_class_that_is_not_asked_for_is_still_answered():
    """The one query is nearest to a film of class 2, of which no film is asked for."""
    known, asked = torch.eye(3), torch.tensor([[0.0, 0.6, 0.8]])
    assert score_neighbours(known, np.array([0, 1, 2]), asked, np.array([1])) == (0, 0)
    assert score_neighbours(known, np.array([0, 1, 1]), asked, np.array([1])) == (1, 1)


def test_a_score_is_smoothed_with_the_two_before_it():
    scores = [0.1, 0.9, 0.2, 0.6, 0.4]
    rows = [{"val_knn": score} for score in scores]
    found = [smooth(rows[:epoch], score) for epoch, score in enumerate(scores)]
    assert found == pytest.approx([np.mean(scores[max(0, epoch - 2) : epoch + 1]) for epoch in range(5)])


def history(scores):
    return [{"score": score} for score in scores]


@pytest.mark.parametrize(
    ("scores", "films", "kept"),
    [
        ([], 10, -1),
        ([0.0], 10, 0),
        ([0.7, 0.7, 0.7], 10, 2),
        ([0.5, 0.8, 0.71, 0.69], 16, 2),  # the standard error of 0.8 among 16 films is 0.1
        ([0.5, 0.8, 0.71, 0.69], 1600, 1),
        ([0.9, 1.0, 0.99], 10, 1),  # of a perfect score there is no error
        ([0.5, 0.6, 0.9], 4, 2),
    ],
)
def test_the_last_epoch_within_a_standard_error_of_the_best_is_kept(scores, films, kept):
    assert choose_epoch(history(scores), films) == kept


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_is_a_plain_search_from_the_end_and_fewer_films_never_choose_an_earlier_epoch(seed):
    scores = np.random.default_rng(seed).uniform(0.4, 1, 12).round(2).tolist()
    chosen = []
    for films in (1000, 100, 10, 1):
        for epoch in range(len(scores) - 1, -1, -1):
            best = max(scores[: epoch + 1])
            if scores[epoch] >= best - math.sqrt(best * (1 - best) / films):
                break
        chosen.append(choose_epoch(history(scores), films))
        assert chosen[-1] == epoch
    assert chosen == sorted(chosen)
