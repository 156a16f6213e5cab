"""The fine-tuned head keeps nothing, draws nothing, and finds what the embeddings do not show."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from embedlearn.encoders.checkpoints import copy_weights
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.finetuning import FrozenTrunk, freeze_trunk
from embedlearn.encoders.settings import Architecture
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError, MismatchError
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.tasks.fewshot.finetuning import FineTuneClassifier

FILMS, CHANNELS = 90, 6
CLASSES = np.array(["covid-19", "normal", "pneumonia"] * (FILMS // 3), dtype=object)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def trunk():
    """Activations whose first three channels say the class, and a tail whose kernels do not look at them."""
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(FILMS, CHANNELS, 2, 2)).astype(np.float32)
    activations[np.arange(FILMS), np.arange(FILMS) % 3] += 2
    tail = Encoder(Architecture(dimension=8))
    tail.backbone = nn.Sequential(nn.Conv2d(CHANNELS, tail.channels, 1), nn.ReLU(inplace=True))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in tail.backbone.parameters():
            weight.normal_(std=0.1, generator=generator)
        tail.backbone[0].weight[:, :3] = 0
    return FrozenTrunk(activations, tail.eval())


def sample(episodes=4, **options):
    sizes = {"n_way": None, "n_shot": 5, "n_query": 10, **options}
    return EpisodeSampler(**sizes, episodes=episodes, seed=3).sample(CLASSES, np.arange(FILMS))


def space_of(trunk):
    """Embeddings by the frozen tail, float32 [N, 8]."""
    with torch.no_grad():
        return Space(trunk.tail(torch.from_numpy(trunk.activations)).numpy())


def prototype_cosines(space, episodes):
    """The cosine of every query to the mean of every class, by loops, [E, T, W]."""
    cosines = np.empty((*episodes.query.shape, 3))
    for episode in range(len(episodes)):
        for way in range(3):
            mean = space.rows[episodes.support[episode, episodes.support_label == way]].mean(axis=0)
            cosines[episode, :, way] = space.rows[episodes.query[episode]] @ (mean / np.linalg.norm(mean))
    return cosines


def accuracy(scores, episodes):
    return (scores.argmax(axis=2) == episodes.query_label).mean()


def test_what_the_embeddings_do_not_show_is_learnt(trunk):
    episodes = sample()
    before = accuracy(prototype_cosines(space_of(trunk), episodes), episodes)
    scores = FineTuneClassifier(trunk, learning_rate=0.01).episode_scores(space_of(trunk), episodes)
    assert before < 0.5 and accuracy(scores, episodes) > 0.9


def test_before_it_learns_anything_it_is_the_cosine_to_the_class_means(trunk):
    episodes, space = sample(), space_of(trunk)
    scores = FineTuneClassifier(trunk, steps=1, learning_rate=1e-12, scale=7.0).episode_scores(space, episodes)
    np.testing.assert_allclose(scores, 7 * prototype_cosines(space, episodes), atol=1e-5)


def test_an_episode_gets_what_fit_and_predict_give_whatever_the_labels_and_asked_twice(trunk):
    episodes, head = sample(), FineTuneClassifier(trunk, steps=5)
    weights, rows = copy_weights(trunk.tail), trunk.activations.reshape(FILMS, -1)
    scores = head.episode_scores(space_of(trunk), episodes)
    for kind in (np.array(["a", "b", "c"]), np.array([-2, 3, 5]), np.array([1.0, 2.0, 7.0])):
        for episode in (0, 3):
            head.fit(rows[episodes.support[episode]], kind[episodes.support_label])
            query = rows[episodes.query[episode]]
            assert head.class_scores(query).tobytes() == scores[episode].tobytes()
            assert (head.predict(query) == kind[scores[episode].argmax(axis=1)]).all()
            np.testing.assert_allclose(head.predict_proba(query).sum(axis=1), 1)
    assert head.episode_scores(space_of(trunk), episodes).tobytes() == scores.tobytes()
    assert head.episode_scores(space_of(trunk), episodes[2:3]).tobytes() == scores[2:3].tobytes()
    assert all(torch.equal(weight, weights[name]) for name, weight in trunk.tail.state_dict().items())


def test_a_query_gets_the_same_answer_alone_and_the_order_of_the_support_does_not_matter(trunk):
    rows, head = trunk.activations.reshape(FILMS, -1), FineTuneClassifier(trunk)
    together = head.fit(rows[:12], CLASSES[:12]).class_scores(rows)
    alone = np.concatenate([head.class_scores(row[None]) for row in rows[:5]])
    np.testing.assert_allclose(alone, together[:5], atol=1e-4)
    order = np.random.default_rng(1).permutation(12)
    np.testing.assert_allclose(head.fit(rows[order], CLASSES[order]).class_scores(rows), together, atol=1e-3)


def test_renaming_the_classes_moves_their_columns(trunk):
    rows, head = trunk.activations.reshape(FILMS, -1), FineTuneClassifier(trunk)
    scores = head.fit(rows[:12], CLASSES[:12]).class_scores(rows)
    renamed = np.array([{"covid-19": "z", "normal": "a", "pneumonia": "b"}[name] for name in CLASSES[:12]])
    moved = head.fit(rows[:12], renamed).class_scores(rows)
    np.testing.assert_allclose(moved[:, [2, 0, 1]], scores, atol=1e-3)


def test_classes_may_be_of_unequal_size_and_queries_fewer_than_classes(trunk):
    rows, support = trunk.activations.reshape(FILMS, -1), [0, 1, 2, 3, 4, 6, 9]
    head = FineTuneClassifier(trunk).fit(rows[support], CLASSES[support])
    assert head.class_scores(rows[:1]).shape == (1, 3) and np.isfinite(head.class_scores(rows[:1])).all()
    assert head.fit(rows[:2], [True, False]).class_scores(rows[:4]).shape == (4, 2)


def test_a_copy_made_by_scikit_learn_answers_the_same(trunk):
    episodes, head = sample(1), FineTuneClassifier(trunk, steps=3, learning_rate=0.01)
    assert clone(head).get_params()["steps"] == 3
    again = clone(head).episode_scores(space_of(trunk), episodes)
    assert again.tobytes() == head.episode_scores(space_of(trunk), episodes).tobytes()


def test_from_films_to_scores_the_encoder_keeps_its_bytes():
    pixels = np.random.default_rng(0).integers(0, 120, (FILMS, 32, 32), dtype=np.uint8)
    for film, place in zip(pixels, np.arange(FILMS) % 3, strict=True):
        film[10 * place : 10 * place + 8] += 130
    films = Films(pixels, np.arange(FILMS), tuple(map(str, range(FILMS))))
    encoder = Encoder(Architecture(dimension=8))
    before = copy.deepcopy(encoder.state_dict())
    trunk, episodes = freeze_trunk(encoder, films, Preprocessing(size=32)), sample(2)
    scores = FineTuneClassifier(trunk, learning_rate=1e-3).episode_scores(space_of(trunk), episodes)
    assert accuracy(scores, episodes) > 0.9
    assert all(
        weight.numpy().tobytes() == before[name].numpy().tobytes() for name, weight in encoder.state_dict().items()
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps: wanted 1 or more, got 0"),
        ({"learning_rate": 0}, "learning_rate: wanted a number above 0, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate: wanted a number above 0, got nan"),
        ({"scale": -1.0}, "scale: wanted a number above 0, got -1.0"),
    ],
)
def test_settings_of_no_use_are_refused_when_they_are_used(trunk, options, message):
    head = FineTuneClassifier(trunk, **options)
    with pytest.raises(ArgumentError, match=message):
        head.fit(trunk.activations.reshape(FILMS, -1), CLASSES)
    with pytest.raises(ArgumentError, match=message):
        head.episode_scores(space_of(trunk), sample())


def test_what_does_not_belong_together_is_refused(trunk):
    rows, head = trunk.activations.reshape(FILMS, -1), FineTuneClassifier(trunk)
    with pytest.raises(NotFittedError):
        head.predict(rows)
    with pytest.raises(ArgumentError, match=r"X: wanted the 24 activations \(6, 2, 2\) of a film, got 23"):
        head.fit(rows[:, :23], CLASSES)
    with pytest.raises(ArgumentError, match="two classes or more"):
        head.fit(rows[:2], ["a", "a"])
    with pytest.raises(ArgumentError, match="NaN"):
        head.fit(np.where(rows > 1, np.nan, rows), CLASSES)
    with pytest.raises(MismatchError, match="trunk: wanted the activations of the pool's 89 films, got 90"):
        head.episode_scores(Space(rows[1:]), sample())
