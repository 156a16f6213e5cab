"""What `embedlearn visualize` refuses, before anything is embedded or written."""

import shutil

import numpy as np
import pandas as pd
import pytest

from embedlearn import visualize
from embedlearn.embeddings import Embeddings, load_embeddings


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--neighbours", "5", "--maps", "pca"], "--neighbours: is for umap"),
        (["--perplexity", "5", "--maps", "umap"], "--perplexity: is for tsne"),
        (["--maps", "pca", "pca"], "--maps: wanted each kind once"),
        (["--maps", "mds"], "invalid choice"),
        (["--compare", "untrained", "x"], "--run: the runs are those that --compare names"),
        (["--embeddings", "x.parquet", "--data", "y"], "--data: embeddings bring"),
        (["--no-page", "--explain"], "--explain: is for the page"),
        (["--no-page", "--show-names"], "--show-names: is for the page"),
        (["--on", "x"], "--on: wanted films to place"),
        (["--on", "nowhere", "--place", "a.png"], "no map here"),
        (["--on", "x", "--place", "a.png", "--maps", "pca"], "--maps: the map of --on is made already"),
        (["--on", "x", "--place", "a.png", "--skip-bad"], "--skip-bad: the map of --on is made already"),
        (["--on", "x", "--place", "a.png", "--map", "a=b"], "--map: the map of --on is made already"),
        (["--on", "x", "--place", "a.png", "--columns", "a=b"], "--columns: the map of --on is made already"),
        (["--on", "x", "--place", "a.png", "--seed", "3"], "--seed: the map of --on is made already"),
        (["--maps", "som", "--pale"], "--pale: a self-organising map draws no single films"),
        (["--maps", "pca", "--no-page", "--thumbnails", "3"], "--thumbnails: is for the page"),
        (["--place", "nowhere.png"], "--place nowhere.png"),
        (["--at-most", "2"], "--at-most: wanted a number from 5"),
        (["--embeddings", "nowhere.parquet"], "nowhere.parquet"),
        (["--out", __file__ + "/maps"], "is no folder that can be written to"),
        (["--theme", "sepia"], "--theme"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_is_named_and_nothing_is_written(words, said, place, tmp_path, refused):
    assert said in refused(visualize.main, "--run", place / "runs" / "base", "--out", tmp_path / "maps", *words)
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--compare", "untrained"], "--compare: wanted two run folders"),
        (["--compare", "untrained", "untrained"], "--compare: wanted a run folder beside untrained"),
        (["--compare", "nowhere", "untrained"], "nowhere: not a run folder"),
        (["--embeddings", "x.parquet", "--place", "a.png"], "--place: wanted the encoder too"),
        (["--embeddings", "x.parquet", "--explain"], "--explain: wanted the encoder too"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_without_a_run(words, said, tmp_path, refused):
    assert said in refused(visualize.main, "--out", tmp_path / "maps", *words)


def test_the_same_run_twice_is_refused(place, tmp_path, refused):
    base = place / "runs" / "base"
    assert "the same one twice" in refused(visualize.main, "--compare", base, base, "--out", tmp_path / "maps")


def test_a_folder_that_holds_something_else_is_refused_before_films_are_embedded(place, tmp_path, refused, monkeypatch):
    """Under --out, and where the maps go by themselves."""
    monkeypatch.setattr("embedlearn.tasks.maps.encoded.collect_for_run", lambda *arguments: pytest.fail("too late"))
    shutil.copytree(place / "runs" / "base", tmp_path / "run")
    for out, words in ((tmp_path / "maps", ["--out", tmp_path / "maps"]), (tmp_path / "run" / "maps", [])):
        (out / "map-som").mkdir(parents=True)
        (out / "map-som" / "diary.txt").write_text("mine")
        assert "one that holds a map alone" in refused(visualize.main, "--run", tmp_path / "run", *words)
        assert [path.name for path in out.iterdir()] == ["map-som"]


def test_films_that_were_all_seen_are_told_what_can_be_given(stored_seen, tmp_path, refused):
    said = refused(visualize.main, "--embeddings", stored_seen, "--split", "unseen", "--out", tmp_path / "maps")
    assert "embed others" in said and "--data" not in said


def test_too_few_embeddings_are_not_told_of_data(stored_seen, tmp_path, refused):
    few = tmp_path / "few.parquet"
    load_embeddings(stored_seen).where(np.arange(len(load_embeddings(stored_seen))) < 3).save(few)
    said = refused(visualize.main, "--embeddings", few, "--out", tmp_path / "maps")
    assert "5 films or more" in said and "--data" not in said


@pytest.fixture
def stored_seen(tmp_path):
    """Embeddings of films that were all in training."""
    frame = pd.DataFrame({"path": [f"/{row}.png" for row in range(9)], "label": "a", "patient": None, "source": "b",
                          "view": None, "split": "train", "case": range(9), "sha256": "0"})  # fmt: skip
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    Embeddings(vectors, frame, "0", "0", vectors.mean(0)).save(tmp_path / "seen.parquet")
    return tmp_path / "seen.parquet"
