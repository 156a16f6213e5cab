"""The fine-tuned cosine classifier against easyfsl's Finetune."""

from functools import partial

import numpy as np
import pytest
import torch
from amounts import slow
from easyfsl.methods import Finetune
from gaussian_episodes import draw, easyfsl_scores

from embedlearn.episodes.heads.cosine import CosineClassifier
from embedlearn.errors import ArgumentError


def scores(head, drawn):
    return head.respond(head.learn(drawn.support, drawn.label, drawn.n_way), drawn.query)


@pytest.mark.parametrize(
    ("shape", "steps", "rate", "scale"),
    [
        ((5, 5, 512, 4.5), 100, 1e-3, 10.0),
        ((3, 1, 64, 1.5), 200, 1e-4, 1.0),
        slow((5, 5, 512, 4.5), 200, 1e-4, 1.0),
        slow((3, 1, 64, 1.5), 100, 1e-3, 10.0),
    ],
)
def test_the_same_settings_give_the_same_answers_as_easyfsl(shape, steps, rate, scale):
    drawn = draw(*shape, episodes=12)
    theirs = easyfsl_scores(partial(Finetune, fine_tuning_steps=steps, fine_tuning_lr=rate, temperature=scale), drawn)
    ours = scores(CosineClassifier(steps, rate, scale), drawn)
    np.testing.assert_allclose(ours / scale, theirs, atol=1e-4)
    assert (ours.argmax(axis=2) == theirs.argmax(axis=2)).mean() > 0.998


def test_easyfsl_answers_otherwise_when_asked_again_and_we_do_not():
    drawn = draw(3, 5, 64, 1.5, episodes=1)
    theirs = Finetune(fine_tuning_lr=1e-2)
    theirs.process_support_set(torch.from_numpy(drawn.support[0]), torch.from_numpy(drawn.label))
    query = torch.from_numpy(drawn.query[0])
    assert not torch.allclose(theirs(query), theirs(query), atol=1e-4)
    ours = CosineClassifier(learning_rate=1e-2).fit(drawn.support[0], drawn.label)
    np.testing.assert_array_equal(ours.decision_function(drawn.query[0]), ours.decision_function(drawn.query[0]))


def test_scores_are_scaled_cosines_to_what_is_learnt():
    drawn = draw(4, 3, 20, 1.0)
    head = CosineClassifier(scale=7.0)
    prototypes = head.learn(drawn.support, drawn.label, 4)
    expected = np.einsum("etd,ewd->etw", drawn.query.astype(np.float64), prototypes)
    expected /= np.linalg.norm(drawn.query, axis=2)[:, :, None] * np.linalg.norm(prototypes, axis=2)[:, None]
    np.testing.assert_allclose(head.respond(prototypes, drawn.query), 7 * expected, atol=1e-5)


def test_the_defaults_find_what_tells_classes_apart_where_easyfsls_hardly_move():
    drawn = draw(5, 5, 512, 2.2, decay=1.0)
    means = drawn.accuracy(drawn.by_means())
    tuned = drawn.accuracy(scores(CosineClassifier(), drawn))
    assert tuned > means + 0.05
    assert tuned > drawn.accuracy(scores(CosineClassifier(200, 1e-4, 1.0), drawn)) + 0.03


def test_the_length_of_an_embedding_does_not_matter():
    drawn = draw(3, 5, 32, 1.5)
    longer = drawn._replace(support=drawn.support * 64, query=drawn.query / 32)
    np.testing.assert_allclose(scores(CosineClassifier(), longer), scores(CosineClassifier(), drawn), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: wanted a whole number above 0, got 0"),
        ({"steps": 2.5}, "steps: wanted a whole number above 0, got 2.5"),
        ({"learning_rate": 0}, "learning_rate: wanted a number above 0, got 0"),
        ({"scale": np.inf}, "scale: wanted a number above 0, got inf"),
    ],
)
def test_settings_of_no_use_are_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        CosineClassifier(**settings).fit(np.eye(4), [0, 0, 1, 1])
