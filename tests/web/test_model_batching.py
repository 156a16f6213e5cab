"""Whoever asks the encoder gets the answer to the own film, however films are put together and whoever else leaves."""

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.settings import Architecture
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.engine.model import Model
from embedlearn.web.face import BusyError

SIDE = 32
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def saved():
    encoder = Encoder(Architecture(dimension=16), seed=0).eval()
    return SavedEncoder(encoder, Preprocessing(size=SIDE), torch.zeros(16), "made up")


@pytest.fixture(scope="module")
def films():
    return np.random.default_rng(0).integers(0, 256, (60, SIDE, SIDE), dtype=np.uint8)


class Gated(nn.Module):
    """The mean grey of each film, twice; it works while `gate` is open, and fails on a film that is white all over.

    `batches`: how many films it was given each time. `busy` is set while it works.
    """

    def __init__(self):
        super().__init__()
        self.gate, self.busy = threading.Event(), threading.Event()
        self.batches = []

    def backbone(self, inputs):
        self.busy.set()
        self.batches.append(len(inputs))
        assert self.gate.wait(10)
        if (inputs.mean((1, 2, 3)) > 1.99).any():  # 255 is 2 as the network reads it
            raise ArithmeticError("too white")
        return inputs

    def pool(self, features):
        return features.mean((2, 3))

    def project(self, pooled):
        return pooled.repeat(1, 2)


@contextlib.contextmanager
def gated(**settings):
    encoder = Gated()
    model = Model(SimpleNamespace(encoder=encoder, preprocessing=Preprocessing(size=SIDE)), CPU, **settings)
    try:
        yield model, encoder
    finally:
        encoder.gate.set()
        model.close()


def grey(shade):
    return np.full((SIDE, SIDE), shade, np.uint8)


def read(shade):
    """What a gated encoder makes of a film of one grey."""
    return pytest.approx([(shade / 255 - 0.5) / 0.25] * 2, abs=1e-5)


async def until_busy(encoder):
    assert await asyncio.to_thread(encoder.busy.wait, 10)


@pytest.mark.parametrize("most", [1, 7, 32])
def test_embeddings_are_those_of_embed_films_whatever_the_batches(saved, films, most):
    whole = Films(films, np.arange(len(films)), ("",) * len(films))
    expected = embed_films(saved.encoder, whole, saved.preprocessing)
    seen_together = []

    async def ask():
        model = Model(saved, CPU, most=most, observe=lambda count, _: seen_together.append(count))
        try:
            return await asyncio.gather(*(model.see(film) for film in films))
        finally:
            model.close()

    found = asyncio.run(ask())
    np.testing.assert_allclose([one.embedding for one in found], expected, atol=2e-6)
    assert sum(seen_together) == len(films)
    assert max(seen_together) <= most


def test_features_are_given_to_those_alone_who_want_them(saved, films):
    async def ask():
        model = Model(saved, CPU)
        try:
            return await asyncio.gather(*(model.see(film, features=row % 2 == 0) for row, film in enumerate(films[:9])))
        finally:
            model.close()

    for row, one in enumerate(asyncio.run(ask())):
        assert (one.features is not None) == (row % 2 == 0)
        if one.features is not None:
            with torch.inference_mode():
                again = saved.encoder.project(saved.encoder.pool(one.features[None]))[0]
            np.testing.assert_allclose(one.embedding, again.numpy(), atol=2e-6)


def test_films_that_come_while_the_encoder_works_are_answered_together():
    async def ask():
        with gated(most=4) as (model, encoder):
            first = asyncio.create_task(model.see(grey(10)))
            await until_busy(encoder)
            others = [asyncio.create_task(model.see(grey(shade))) for shade in range(20, 27)]
            await asyncio.sleep(0)
            assert model.waiting == 7
            encoder.gate.set()
            found = await asyncio.gather(first, *others)
            return encoder.batches, [one.embedding.tolist() for one in found]

    batches, found = asyncio.run(ask())
    assert batches == [1, 4, 3]
    assert found == [read(shade) for shade in (10, *range(20, 27))]


def test_a_full_queue_is_refused_and_those_in_it_are_answered():
    async def ask():
        with gated(queue=2) as (model, encoder):
            first = asyncio.create_task(model.see(grey(1)))
            await until_busy(encoder)
            others = [asyncio.create_task(model.see(grey(shade))) for shade in (2, 3)]
            await asyncio.sleep(0)
            with pytest.raises(BusyError, match="2 films are waiting already"):
                await model.see(grey(4))
            encoder.gate.set()
            found = await asyncio.gather(first, *others)
            assert (await model.see(grey(5))).embedding.tolist() == read(5)
            return [one.embedding.tolist() for one in found]

    assert asyncio.run(ask()) == [read(shade) for shade in (1, 2, 3)]


def test_whoever_leaves_does_the_others_no_harm_and_is_not_computed():
    async def ask():
        with gated() as (model, encoder):
            first = asyncio.create_task(model.see(grey(1)))
            await until_busy(encoder)
            leaving, staying = (asyncio.create_task(model.see(grey(shade))) for shade in (2, 3))
            await asyncio.sleep(0)
            for task in (first, leaving):  # one is under way, one waits
                task.cancel()
            await asyncio.sleep(0)
            encoder.gate.set()
            found = (await staying).embedding.tolist()
            assert first.cancelled()
            assert leaving.cancelled()
            return encoder.batches, found

    assert asyncio.run(ask()) == ([1, 1], read(3))


def test_all_of_a_batch_hear_of_its_error_and_the_next_batch_is_answered():
    async def ask():
        with gated(most=2) as (model, encoder):
            first = asyncio.create_task(model.see(grey(1)))
            await until_busy(encoder)
            others = [asyncio.create_task(model.see(grey(shade))) for shade in (2, 255, 3)]
            await asyncio.sleep(0)
            encoder.gate.set()
            return encoder.batches, await asyncio.gather(first, *others, return_exceptions=True)

    batches, (first, *failed, last) = asyncio.run(ask())
    assert batches == [1, 2, 1]
    assert [type(one) for one in failed] == [ArithmeticError] * 2
    assert first.embedding.tolist() == read(1)
    assert last.embedding.tolist() == read(3)


def test_a_model_is_asked_again_after_all_was_quiet(saved, films):
    async def ask():
        model = Model(saved, CPU)
        try:
            return [(await model.see(films[0])).embedding for _ in range(20)]
        finally:
            model.close()

    found = asyncio.run(asyncio.wait_for(ask(), 20))
    np.testing.assert_array_equal(found, [found[0]] * 20)
