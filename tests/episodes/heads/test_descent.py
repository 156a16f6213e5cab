"""The slope that the prototypes go down, and the steps."""

import numpy as np
import pytest
import torch
from gaussian_episodes import draw

from embedlearn.episodes.heads.descent import METRICS, descended, gradient, logits, objective, unit

AIMS = [
    (1, 0, 0, 1),
    (1, 1, 0, 1),
    (0.1, 0.1, 1, 1),
    (1, 0.7, 1.3, 2),
    (1, 1, 1, 7),
    (0, 1, 0.5, 0.5),
    (0, 1, 0.3, 1 + 1e-6),
]


def torch_logits(films, prototypes, metric, scale):
    if metric == "cosine":
        return scale * films @ torch.nn.functional.normalize(prototypes, dim=1).T
    squared = ((films[:, None] - prototypes) ** 2).sum(dim=2)
    return -scale * (squared / 2 if metric == "sqeuclidean" else squared.sqrt())


def torch_objective(films, label, prototypes, metric, scale, support, conditional, marginal, alpha):
    def entropy(proba):
        if alpha == 1:
            return -(proba * proba.log()).sum(dim=-1)
        return (1 - (proba**alpha).sum(dim=-1)) / (alpha - 1)

    answers = torch_logits(films, prototypes, metric, scale)
    proba = answers[len(label) :].softmax(dim=1)
    known = torch.nn.functional.cross_entropy(answers[: len(label)], label)
    return support * known + conditional * entropy(proba).mean() - marginal * entropy(proba.mean(dim=0))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", AIMS)
def test_the_slope_is_that_of_torch(metric, weights):
    drawn = draw(4, 3, 37, 1.5, episodes=1)
    films = unit(np.concatenate([drawn.support, drawn.query], axis=1))[0]
    prototypes = np.random.default_rng(1).normal(size=(4, 37)).astype(np.float32) * 0.3
    moving = torch.tensor(prototypes, dtype=torch.float64, requires_grad=True)
    films64, label = torch.from_numpy(films).double(), torch.from_numpy(drawn.label)
    torch_objective(films64, label, moving, metric, 6.0, *weights).backward()
    slope = np.empty_like(prototypes)
    work = np.empty((4, len(films), 4), np.float32)
    gradient(films, drawn.label, prototypes, objective(metric, 6.0, *weights), work, slope)
    np.testing.assert_allclose(slope, moving.grad, atol=2e-6 * float(moving.grad.abs().max()) + 2e-6)
    expected = torch_logits(films64, moving, metric, 6.0).detach()
    np.testing.assert_allclose(
        logits(films[None], prototypes[None], METRICS.index(metric), 6.0)[0], expected, atol=1e-5
    )


def test_the_steps_are_those_of_torch_adam():
    drawn = draw(3, 4, 20, 1.0, episodes=2)
    films = unit(drawn.support)
    ours = descended(films, drawn.label, 3, objective("cosine", 10.0), 60, 0.01)
    for rows, prototypes in zip(films, ours, strict=True):
        moving = torch.from_numpy(rows.reshape(3, 4, 20).mean(axis=1)).requires_grad_()
        optimizer = torch.optim.Adam([moving], lr=0.01)
        for _ in range(60):
            optimizer.zero_grad()
            films64, label = torch.from_numpy(rows), torch.from_numpy(drawn.label)
            answers = torch_logits(films64, moving, "cosine", 10.0)
            torch.nn.functional.cross_entropy(answers, label).backward()
            optimizer.step()
        np.testing.assert_allclose(prototypes, moving.detach(), atol=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_of_zeros_and_prototypes_on_a_film_give_numbers(metric):
    support = np.zeros((1, 2, 5), np.float32)
    support[0, 1] = 3
    query = np.zeros((1, 3, 5), np.float32)
    films = unit(np.concatenate([support, query], axis=1))
    aim = objective(metric, 1e4, 1, 1, 1)
    prototypes = descended(films, np.arange(2), 2, aim, 5, 0.01)
    assert np.isfinite(prototypes).all()
    assert np.isfinite(logits(films, prototypes, METRICS.index(metric), 1e4)).all()


@pytest.mark.parametrize("alpha", [0.1, 1, 7])
def test_a_class_that_no_query_could_be_of_gives_numbers(alpha):
    films = np.zeros((1, 6, 4), np.float32)
    films[0, 0, 0] = films[0, 1, 1] = films[0, 2:, 0] = 1
    prototypes = descended(films, np.arange(2), 2, objective("cosine", 1e3, 1, 1, 1, alpha), 20, 0.1)
    assert np.isfinite(prototypes).all()
