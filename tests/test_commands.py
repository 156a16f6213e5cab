"""The commands from end to end on small phantoms."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from small_runs import FEW, SMALL

from embedlearn import embed, fewshot, pretrain
from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.runs import VALIDATION, open_run
from embedlearn.files import file_digest
from embedlearn.flags import as_plain
from embedlearn.tasks.cards import DATA_CARD, MODEL_CARD


def test_a_run_folder_says_what_made_it_and_proves_what_was_never_seen(place):
    folder = place / "runs" / "base"
    names = {"encoder.safetensors", "untrained.safetensors", "config.json", "history.csv", "manifest.csv", "curves.png"}
    names |= {MODEL_CARD, DATA_CARD}
    kept = {VALIDATION}  # by the commands that came after
    assert {path.name for path in folder.iterdir() if path.is_file()} - kept == names
    config = open_run(folder).config
    assert config["settings"]["schedule"]["epochs"] == 2
    assert config["data"]["labels_never_seen"] == ["covid-19"]
    assert {"torch", "numpy"} <= set(config["software"]["packages"])
    rows = pd.read_csv(folder / "manifest.csv")
    assert set(rows["split"][rows["label"] == "covid-19"]) == {"held-out"}
    assert rows["sha256"].str.len().eq(64).all()
    assert (rows[rows["split"] != "held-out"].groupby("case")["split"].nunique() == 1).all()
    assert len(pd.read_csv(folder / "history.csv")) == 2


def test_films_named_again_are_known_as_seen(place, capsys):
    shutil.copytree(place / "films", place / "renamed")
    file = place / "renamed.parquet"
    embed.main(["--run", str(place / "runs" / "base"), "--data", str(place / "renamed"), "--out", str(file)])
    seen = load_embeddings(file).frame["split"].ne("held-out")
    own = pd.read_csv(place / "runs" / "base" / "manifest.csv")
    assert seen.sum() == own["split"].isin(["train", "val"]).sum()


def test_the_same_seed_gives_the_same_bytes(place):
    pretrain.main(["--data", str(place / "films"), "--runs", str(place / "again"), "--name", "base", *SMALL])
    runs = (place / "runs" / "base", place / "again" / "base")
    one, two = (file_digest(run / "encoder.safetensors") for run in runs)
    assert one == two
    for run in runs:
        fewshot.main(["--run", str(run), "--shots", "2", *FEW, "--out", str(run / "same")])
    results = [json.loads((run / "same" / "result.json").read_text()) for run in runs]
    for result in results:
        del result["settings"]  # names the two folders
    assert results[0] == results[1]


def test_settings_go_through_plain_data_and_back():
    settings = pretrain.Pretrain(data=("a", "b"), runs=Path("x"), objective=pretrain.Objective(loss_args=("margin=1",)))
    assert pretrain.settings_from(json.loads(json.dumps(as_plain(settings)))) == settings
    assert dataclasses.replace(settings, seed=1) != settings


def test_films_without_patients_are_not_taken_for_those_of_the_training(place, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    for name, seed in (("A", 0), ("B", 1000)):
        for label in ("normal", "pneumonia"):
            (tmp_path / name / "xrays" / label).mkdir(parents=True)
            for number in range(8):
                pixels = np.random.default_rng([seed, number, len(label)]).integers(0, 255, (48, 48), np.uint8)
                Image.fromarray(pixels).save(tmp_path / name / "xrays" / label / f"{name}{number}.png")
    pretrain.main(["--data", str(tmp_path / "A" / "xrays"), "--runs", str(tmp_path / "runs"), "--name", "a", *SMALL])
    embed.main(["--run", str(tmp_path / "runs" / "a"), "--data", str(tmp_path / "B" / "xrays"), "--out",
                str(tmp_path / "b.parquet")])  # fmt: skip
    assert set(load_embeddings(tmp_path / "b.parquet").frame["split"]) == {"held-out"}


def test_films_of_the_training_are_known_when_their_old_place_is_gone(place, tmp_path):
    shutil.copytree(place / "films", tmp_path / "old")
    pretrain.main(["--data", str(tmp_path / "old"), "--runs", str(tmp_path / "runs"), "--name", "moved", *SMALL])
    (tmp_path / "old").rename(tmp_path / "new")
    embed.main(["--run", str(tmp_path / "runs" / "moved"), "--data", str(tmp_path / "new"), "--out",
                str(tmp_path / "new.parquet")])  # fmt: skip
    frame = load_embeddings(tmp_path / "new.parquet").frame
    own = pd.read_csv(tmp_path / "runs" / "moved" / "manifest.csv").set_index("sha256")["split"]
    assert (frame["split"].ne("held-out") == own[frame["sha256"]].isin(["train", "val"]).to_numpy()).all()


def test_a_start_from_a_run_that_saw_the_test_films_is_refused(place, refused):
    words = ["--data", place / "films", "--runs", place / "started", *SMALL, "--weights", place / "runs" / "base"]
    assert "that are to stay unseen" in refused(pretrain.main, *words, "--seed", "8")
    pretrain.main([str(word) for word in [*words, "--name", "same-films"]])
    config = open_run(place / "started" / "same-films").config
    assert config["data"]["counts"] == open_run(place / "runs" / "base").config["data"]["counts"]
