"""A run's validation films: embedded once, kept with the run, and used where the films are gone."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import VALIDATION, open_run
from embedlearn.radiographs.cache import open_films
from embedlearn.tasks.base import base_embeddings, base_manifest, trained_base

CPU = torch.device("cpu")


@pytest.fixture
def run(place, tmp_path):
    """A copy of the run, which may be changed."""
    shutil.copytree(place / "runs" / "base", tmp_path / "run", ignore=shutil.ignore_patterns(VALIDATION))
    return open_run(tmp_path / "run")


def test_they_are_the_encoders_embeddings_of_the_validation_films(run):
    saved = load_encoder(run.encoder)
    found = base_embeddings(run, saved, CPU)
    rows = pd.read_csv(run.folder / "manifest.csv", dtype=str)
    rows = rows[rows["split"] == "val"]
    assert found.frame["path"].tolist() == rows["path"].tolist() == [str(path) for path in base_manifest(run).paths]
    films = open_films(base_manifest(run).paths, saved.preprocessing)
    assert np.array_equal(found.vectors, embed_films(saved.encoder, films, saved.preprocessing))


def test_they_are_kept_and_used_where_the_films_are_gone(run, monkeypatch):
    saved = load_encoder(run.encoder)
    first = base_embeddings(run, saved, CPU)
    assert np.array_equal(load_embeddings(run.folder / VALIDATION).vectors, first.vectors)
    monkeypatch.setattr("embedlearn.tasks.base.decode", None)  # no film is asked for
    assert np.array_equal(base_embeddings(run, saved, CPU).vectors, first.vectors)
    assert trained_base(run, saved, CPU) is not None


def test_what_another_encoder_made_is_made_again(run, place):
    saved = load_encoder(run.encoder)
    first = base_embeddings(run, saved, CPU)
    other = load_encoder(run.untrained)
    again = base_embeddings(run, other, CPU)
    assert again.encoder == other.digest and not np.allclose(again.vectors, first.vectors)
    assert load_embeddings(run.folder / VALIDATION).encoder == other.digest


def test_a_torn_file_is_made_again(run):
    saved = load_encoder(run.encoder)
    first = base_embeddings(run, saved, CPU)
    whole = (run.folder / VALIDATION).read_bytes()
    (run.folder / VALIDATION).write_bytes(whole[: len(whole) // 2])
    assert np.array_equal(base_embeddings(run, saved, CPU).vectors, first.vectors)
    assert (run.folder / VALIDATION).read_bytes() == whole


def test_without_films_and_without_the_file_nothing_is_fitted(run, capsys, monkeypatch):
    monkeypatch.setattr("embedlearn.radiographs.manifest.Manifest.paths", [run.folder / "gone.png"])
    assert trained_base(run, load_encoder(run.encoder), CPU) is None
    assert "nothing is fitted on base films" in capsys.readouterr().out
