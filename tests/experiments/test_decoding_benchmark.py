"""The benchmark of decoding reads the same films on both sides, ours from files or from the cache."""

import numpy as np
import pytest
import torch

from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.benchmarks import decoding as benchmark
from experiments.benchmarks.film_scene import cached_batches, draw_films, plain_loader

SETTINGS = Preprocessing(size=32)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return draw_films(tmp_path_factory.mktemp("decoding") / "films", 4)


def test_batches_of_the_cache_are_the_films_standardised(paths, tmp_path):
    films = open_films(paths, SETTINGS, folder=tmp_path)
    batch = torch.cat(list(cached_batches(films, SETTINGS)))
    assert batch.shape == (4, 1, 32, 32) and batch.dtype == torch.float32
    np.testing.assert_allclose(batch[:, 0] * 0.25 + 0.5, films[slice(None)] / 255, atol=1e-6)


def test_the_loader_gives_nearly_the_same(paths, tmp_path):
    ours = torch.cat(list(cached_batches(open_films(paths, SETTINGS, folder=tmp_path), SETTINGS))).flatten(1)
    theirs = torch.cat([batch for batch, _ in plain_loader(paths[0].parents[1], 32)]).flatten(1)
    both = np.corrcoef(np.concatenate([ours, theirs]))
    assert (both[:4, 4:].diagonal() > 0.9).all()


def test_every_way_reads_all_films(paths, tmp_path):
    films = open_films(paths, SETTINGS, folder=tmp_path)
    assert benchmark.read_cold(paths, SETTINGS) == benchmark.read_again(paths, SETTINGS, tmp_path) == 4
    assert benchmark.read_cached(films, SETTINGS) == 4


@pytest.mark.slow
def test_each_epoch_is_compared(paths, tmp_path):
    found = list(benchmark.at_size(paths, tmp_path, 32, 1))
    assert len({each.metric for each in found}) == len(found) == 6
    later = [each for each in found if each.metric.startswith("later")]
    assert all(each.ratio > 1 for each in later)
