"""What the tests of the encoders share."""

from collections.abc import Callable, Iterator

import pytest
import torch
from toys import build_trainer, make_toy

from embedlearn.encoders.training import Trainer
from embedlearn.radiographs.cache import Films


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums on one thread, so that equal computations give equal bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def toy_films() -> Films:
    return make_toy([0, 1, 2] * 4, seed=3).films


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    return build_trainer
