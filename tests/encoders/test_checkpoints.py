"""What is saved comes back bit for bit, and no damage to a file gets past in another way than as a clear error."""

import os
import stat

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from embedlearn.encoders.checkpoints import load_encoder, load_tensors, save_encoder, save_tensors, start_weights
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import CheckpointError, StorageError
from embedlearn.files import file_digest
from embedlearn.radiographs.preprocessing import Preprocessing

SETTINGS = Preprocessing(size=32, fit="pad", standardise="film")


def make_encoder(dimension=8, pooling="gem", seed=3):
    """An encoder with running means of its own."""
    encoder = Encoder(Architecture(dimension=dimension, pooling=pooling), seed=seed).train()
    encoder(torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    return encoder


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_encoder(path, make_encoder(), SETTINGS, torch.arange(8.0))
    return path


@torch.no_grad()
def test_an_encoder_comes_back_as_it_was(saved):
    loaded = load_encoder(saved)
    films = torch.rand(3, 1, 32, 32)
    assert not loaded.encoder.training
    assert torch.equal(loaded.encoder(films), make_encoder().eval()(films))
    assert loaded.encoder.architecture == Architecture(dimension=8, pooling="gem")
    assert loaded.preprocessing == SETTINGS
    assert torch.equal(loaded.center, torch.arange(8.0))
    assert loaded.digest == file_digest(saved)


def test_equal_encoders_give_equal_bytes(tmp_path):
    paths = [tmp_path / f"{number}.safetensors" for number in range(12)]
    encoder = make_encoder()
    for path in paths:
        save_encoder(path, encoder, SETTINGS, torch.zeros(8))
    save_encoder(tmp_path / "other", make_encoder(seed=4), SETTINGS, torch.zeros(8))
    assert len({file_digest(path) for path in paths}) == 1
    assert file_digest(tmp_path / "other") != file_digest(paths[0])


def test_the_file_is_as_readable_as_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        save_tensors(tmp_path / "file", {"x": torch.zeros(1)}, "form", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_channels_last_weights_and_views_are_saved_by_their_values(tmp_path):
    x = torch.rand(2, 3, 4, 5)
    save_tensors(tmp_path / "file", {"x": x.contiguous(memory_format=torch.channels_last), "y": x[:, 1]}, "form", {})
    tensors, _ = load_tensors(tmp_path / "file", "form")
    assert torch.equal(tensors["x"], x) and torch.equal(tensors["y"], x[:, 1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("a text, and no weights at all\n" * 20),
        lambda path: path.write_bytes(path.read_bytes().replace(b"embedlearn-encoder-1", b"embedlearn-encoder-9")),
        lambda path: path.write_bytes(path.read_bytes().replace(b"resdense", b"resbense")),
        lambda path: path.write_bytes(path.read_bytes().replace(b'dimension\\": 8', b'dimension\\": 9')),
        lambda path: path.write_bytes(path.read_bytes().replace(b"pooling", b"pulling")),
        lambda path: save_file({"x": torch.zeros(1)}, path),
        lambda path: save_tensors(path, {"x": torch.zeros(1)}, "embedlearn-training-1", {}),
        lambda path: save_tensors(path, {"x": torch.zeros(1)}, "embedlearn-encoder-1", {}),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["a byte short", "head only", "empty", "text", "other form", "other backbone", "other size", "other setting",
         "foreign safetensors", "a training", "no architecture", "missing", "a folder"],
)  # fmt: skip
def test_a_damaged_or_foreign_file_is_refused_by_name_in_one_line(saved, damage):
    damage(saved)
    with pytest.raises(CheckpointError) as error:
        load_encoder(saved)
    assert str(saved) in str(error.value) and "\n" not in str(error.value)


def test_a_flipped_bit_in_the_header_never_fails_in_another_way(saved):
    whole, rng = saved.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        flipped = bytearray(whole)
        flipped[rng.integers(0, 600)] ^= 1 << rng.integers(8)
        saved.write_bytes(flipped)
        try:
            load_encoder(saved)
        except CheckpointError:
            refused += 1
    assert refused > 30


def test_what_cannot_be_written_leaves_the_old_file(saved):
    before = file_digest(saved)
    with pytest.raises(StorageError, match="cannot be written"):
        save_encoder(saved / "below a file", make_encoder(), SETTINGS, torch.zeros(8))
    assert file_digest(saved) == before


def test_a_training_can_start_from_saved_weights(saved):
    encoder = make_encoder(seed=9)
    start_weights(encoder, saved)
    expected = make_encoder().state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize("other", [{"dimension": 9}, {"pooling": "mean"}], ids=str)
def test_weights_of_another_architecture_are_refused(saved, other):
    with pytest.raises(CheckpointError, match=r"--weights .*: wanted weights of .*, got .*change --backbone"):
        start_weights(make_encoder(**other), saved)
