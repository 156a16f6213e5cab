"""A network that sees nothing but a planted square, so that the right map of a film is known."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedlearn.encoders.devices import seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.explanations.checks.question import Asked, CheckedFilms, CheckedNetwork, Question, draw_question
from embedlearn.explanations.methods import Method
from embedlearn.radiographs.preprocessing import Preprocessing

CELL, GRID = 8, 6
SIZE = CELL * GRID
SETTINGS = Preprocessing(size=SIZE)


def squares(count: int = 96, seed: int = 0) -> tuple[CheckedFilms, NDArray[np.float32]]:
    """Grainy grey films, half with a bright square of one cell and half with a dark one, and where it is, [N, 6, 6]."""
    rng = np.random.default_rng(seed)
    films = rng.normal(128, 12, (count, SIZE, SIZE))
    where = np.zeros((count, GRID, GRID), np.float32)
    rows = rng.integers(0, GRID, count)
    columns = (rows + rng.integers(1, GRID, count)) % GRID  # off the diagonal, so that swapped axes are always wrong
    where[np.arange(count), rows, columns] = 1
    bright = np.arange(count) % 2 == 0
    films += np.kron(where, np.ones((CELL, CELL))) * np.where(bright, 100, -100)[:, None, None]
    labels = np.where(bright, "bright", "dark")
    return CheckedFilms(films.clip(0, 255).astype(np.uint8), labels, np.arange(count)), where


def seeing_squares() -> Encoder:
    """Channels that answer to a bright cell, to a dark one, and faintly to anything; as embeddings as they are."""
    encoder = _encoder()
    convolution = encoder.backbone[0]
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -1.0, 0.0])[:, None, None, None].expand_as(convolution.weight))
        convolution.weight /= CELL * CELL
        convolution.bias.copy_(torch.tensor([-0.5, -0.5, 0.01]))
        encoder.projection.weight.copy_(torch.eye(3))
    return encoder


def seeing_grain(seed: int) -> Encoder:
    """Random channels that no plain square moves, only the grain within a cell."""
    encoder = _encoder(seed)
    with torch.no_grad():
        weight = encoder.backbone[0].weight
        weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed)))
        weight -= weight.mean((-2, -1), keepdim=True)
    return encoder


def _encoder(seed: int = 0) -> Encoder:
    encoder = Encoder(Architecture(dimension=3), seed=seed)
    with seeded(seed):
        encoder.backbone = nn.Sequential(nn.Conv2d(1, 3, CELL, stride=CELL), nn.ReLU())
        encoder.projection = nn.Linear(3, 3, bias=False)
    return encoder.eval()


def asked_of_squares(count: int = 96) -> tuple[Question, Asked, NDArray[np.float32]]:
    """Why each film's square is bright and not dark, or the other way round; and where it is, [N, 6, 6]."""
    films, where = squares(count)
    network = CheckedNetwork(seeing_squares(), SETTINGS, fresh=seeing_grain)
    question = draw_question(network, films, queries=32, support=16)
    return question, question.put_to(network), where[question.cases]


def brightness(encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
    """A map that never looks at the network: how far each cell is from grey."""
    return nn.functional.avg_pool2d(inputs, CELL)[:, 0].abs()


def randomly_signed(encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
    """The same, bright or dark by the toss of a weight: all that the network gives to it is the sign."""
    return brightness(encoder, inputs, vectors) * encoder.backbone[0].weight.flatten()[0].sign()


def constant(encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
    return torch.ones(len(inputs), GRID, GRID)


def noise(encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
    return torch.rand(len(inputs), GRID, GRID, generator=torch.Generator().manual_seed(len(inputs)))


def random_maps(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    """Maps [N, h, w] of independent noise."""
    return np.random.default_rng(seed).random(shape, np.float32)


def turned(method: Method) -> Method:
    """The same map with rows for columns."""
    return lambda encoder, inputs, vectors: method(encoder, inputs, vectors).transpose(1, 2)


def negated(method: Method) -> Method:
    return lambda encoder, inputs, vectors: -method(encoder, inputs, vectors)
