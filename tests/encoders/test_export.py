"""An exported encoder answers as the one in torch does, in a file that says what it is."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch
from amounts import slow

from embedlearn.encoders import export
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.export import export_onnx
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError, MismatchError, StorageError
from embedlearn.radiographs.preprocessing import Preprocessing


@pytest.fixture(autouse=True)
def packages():
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package, reason=f"needs {package}")


def make_saved(backbone="resdense", pooling="mean", size=32, standardise="fixed"):
    """An encoder with running means of its own, as it would be loaded."""
    encoder = Encoder(Architecture(backbone, pooling, dimension=8), seed=3).train()
    encoder(torch.rand(4, 1, size, size, generator=torch.Generator().manual_seed(0)))
    return SavedEncoder(encoder.eval(), Preprocessing(size, standardise=standardise), torch.zeros(8), "ab" * 32)


def open_session(path):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("backbone", "pooling", "size", "standardise"),
    [
        ("resdense", "gem", 48, "film"),
        ("resnet18", "mean", 32, "fixed"),
        slow("resdense", "mean", 32, "fixed"),
        slow("resnet18", "mean", 32, "film"),
        slow("resnet18", "gem", 40, "fixed"),
        slow("densenet121", "gem", 32, "film"),
    ],
)
def test_the_file_answers_for_films_in_any_number_as_embed_films_does(
    tmp_path, toy_films, backbone, pooling, size, standardise
):
    saved = make_saved(backbone, pooling, size, standardise)
    path = tmp_path / "encoder.onnx"
    assert 0 <= export_onnx(saved, path) < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.onnx"]
    films = dataclasses.replace(
        toy_films, pixels=np.kron(toy_films.pixels, np.ones((1, 2, 2), np.uint8))[:, :size, :size]
    )
    expected = embed_films(saved.encoder, films, saved.preprocessing)
    session = open_session(path)
    for count in (1, 2, len(films)):
        greys = films[slice(0, count)][:, None].astype(np.float32) / 255
        (embeddings,) = session.run(None, {"films": greys})
        assert embeddings.dtype == np.float32 and embeddings.shape == (count, 8)
        np.testing.assert_allclose(embeddings, expected[:count], atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_the_file_says_what_it_reads_and_what_it_is(tmp_path):
    import onnx

    saved = make_saved(pooling="gem", standardise="film")
    export_onnx(saved, tmp_path / "encoder.onnx")
    session = open_session(tmp_path / "encoder.onnx")
    (films,), (embeddings,) = session.get_inputs(), session.get_outputs()
    assert (films.name, films.type, films.shape) == ("films", "tensor(float)", ["N", 1, 32, 32])
    assert (embeddings.name, embeddings.type, embeddings.shape) == ("embeddings", "tensor(float)", ["N", 8])
    notes = session.get_modelmeta().custom_metadata_map
    assert Architecture(**json.loads(notes["architecture"])) == saved.encoder.architecture
    assert Preprocessing(**json.loads(notes["preprocessing"])) == saved.preprocessing
    assert notes["encoder"] == saved.digest
    assert json.loads(notes["packages"])["torch"] == torch.__version__.partition("+")[0]
    model = onnx.load(tmp_path / "encoder.onnx")
    assert model.producer_name == "embedlearn"
    assert not any(holder.metadata_props or holder.doc_string for holder in (*model.graph.node, model.graph))


def test_equal_encoders_give_equal_bytes(tmp_path, toy_films):
    saved, moved = make_saved(), make_saved()
    embed_films(moved.encoder, toy_films, moved.preprocessing)  # which lays the weights out anew
    moved.encoder.train()
    for name, encoder in (("a", saved), ("b", moved), ("c", moved)):
        export_onnx(encoder, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    assert moved.encoder.training and next(moved.encoder.parameters()).requires_grad


@torch.no_grad()
def test_a_film_with_little_or_no_contrast_is_divided_by_a_thousandth(tmp_path):
    saved = make_saved(standardise="film")
    export_onnx(saved, tmp_path / "encoder.onnx")
    noise = np.random.default_rng(0).standard_normal((3, 1, 32, 32))
    films = (0.4 + np.array([0, 1e-4, 0.1])[:, None, None, None] * noise).astype(np.float32)
    wide = films.astype(np.float64)
    deviations = wide.std((2, 3), keepdims=True)
    assert (deviations.ravel() < 1e-3).tolist() == [True, True, False]
    standard = (wide - wide.mean((2, 3), keepdims=True)) / np.maximum(deviations, 1e-3)
    expected = saved.encoder(torch.from_numpy(standard.astype(np.float32))).numpy()
    (embeddings,) = open_session(tmp_path / "encoder.onnx").run(None, {"films": films})
    np.testing.assert_allclose(embeddings, expected, atol=5e-4)  # the blank film's mean is not exact, times a thousand
    assert np.abs(expected[0] - expected[1]).max() > 5e-3


@pytest.mark.parametrize("tolerance", [-1.0, slow(float("nan"))])
def test_an_export_that_answers_otherwise_is_refused_and_leaves_the_old_file(tmp_path, monkeypatch, tolerance):
    path = tmp_path / "encoder.onnx"
    path.write_text("old")
    monkeypatch.setattr(export, "TOLERANCE", tolerance)
    with pytest.raises(MismatchError, match="encoder.onnx: the exported encoder's embeddings are .* from torch's"):
        export_onnx(make_saved(), path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_an_export_with_other_weights_is_refused(tmp_path, monkeypatch):
    write = export._write

    def write_another(reader, digest, path):
        reader.encoder.projection.weight.mul_(torch.linspace(1, 1.01, 8)[:, None])
        write(reader, digest, path)
        reader.encoder.projection.weight.div_(torch.linspace(1, 1.01, 8)[:, None])

    monkeypatch.setattr(export, "_write", write_another)
    with pytest.raises(MismatchError, match="wanted 0.0001 at the most"):
        export_onnx(make_saved(), tmp_path / "encoder.onnx")


def test_an_encoder_of_nothing_but_nan_is_refused(tmp_path):
    saved = make_saved()
    saved.encoder.projection.weight.data.fill_(float("nan"))
    with pytest.raises(MismatchError, match="embeddings are nan from torch's"):
        export_onnx(saved, tmp_path / "encoder.onnx")


class Moody(torch.nn.Module):
    """What no graph can hold: a branch on what the film shows."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_a_network_that_is_no_graph_is_one_line(tmp_path):
    saved = make_saved()
    saved.encoder.backbone = torch.nn.Sequential(saved.encoder.backbone, Moody())
    with pytest.raises(ArgumentError, match=r"^--export onnx: resdense cannot be exported \([^\n]*\)$"):
        export_onnx(saved, tmp_path / "encoder.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_one_line_with_the_remedy(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ArgumentError) as caught:
        export_onnx(make_saved(), tmp_path / "encoder.onnx")
    assert str(caught.value) == f"--export onnx: {package} is not installed; pip install 'embedlearn[onnx]'"


def test_where_nothing_can_be_written_the_path_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="encoder.onnx: cannot be written"):
        export_onnx(make_saved(), tmp_path / "file" / "encoder.onnx")
