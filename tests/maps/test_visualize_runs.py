"""`embedlearn visualize` on two encoders: side by side, what either has seen, and maps by another one."""

import dataclasses
import json
import shutil

import pandas as pd
from PIL import Image

from embedlearn import visualize
from embedlearn.encoders.checkpoints import load_encoder, save_encoder
from embedlearn.files import file_digest
from embedlearn.maps.latent import load_map
from embedlearn.radiographs.layouts import read_data


def another_run(place, folder):
    """A run that differs: its network is the untrained one, sees larger films, and has learnt from some more cases."""
    shutil.copytree(place / "runs" / "base", folder)
    saved = load_encoder(folder / "untrained.safetensors")
    larger = dataclasses.replace(saved.preprocessing, size=48)
    save_encoder(folder / "encoder.safetensors", saved.encoder, larger, saved.center)
    frame = pd.read_csv(folder / "manifest.csv", dtype="string", keep_default_na=False)
    more = frame["case"].isin(frame["case"][frame["split"] == "test"].unique()[:20])
    frame.assign(split=frame["split"].where(~more, "train")).to_csv(folder / "manifest.csv", index=False)
    config = json.loads((folder / "config.json").read_text())
    config["result"]["encoder"] = file_digest(folder / "encoder.safetensors")
    config["data"]["manifest_csv"] = file_digest(folder / "manifest.csv")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_untrained_and_trained_side_by_side(place, tmp_path):
    few = ["--maps", "pca", "som", "--at-most", "60"]
    words = [*few, "--compare", "untrained", place / "runs" / "base"]
    visualize.main([*map(str, words), "--out", str(tmp_path / "two")])
    record = json.loads((tmp_path / "two" / "visualize.json").read_text())
    assert list(record["quality"]["pca"]) == ["untrained", "base"]
    visualize.main(["--run", str(place / "runs" / "base"), *few, "--no-page", "--out", str(tmp_path / "one")])
    one = json.loads((tmp_path / "one" / "visualize.json").read_text())
    assert list(one["quality"]["pca"].values()) == list(record["quality"]["pca"].values())
    for kind in ("pca", "som", "som-sheet"):
        with Image.open(tmp_path / "two" / f"{kind}.png") as both:
            assert both.size[0] == 2100
    words = {name: (tmp_path / "two" / f"{name}.svg").read_text() for name in ("som", "som-sheet")}
    assert {name: "Component planes" in text for name, text in words.items()} == {"som": False, "som-sheet": True}
    assert {"som-sheet.png", "som-sheet.svg"} < set(record["written"])
    assert "untrained" in (tmp_path / "two" / "latent.html").read_text()


def test_the_untrained_network_is_never_the_main_one(place, tmp_path):
    """In whatever order they are named, and whatever a run is called."""
    base = load_encoder(place / "runs" / "base" / "encoder.safetensors").digest
    shutil.copytree(place / "runs" / "base", tmp_path / "untrained")
    for number, folder in enumerate((place / "runs" / "base", tmp_path / "untrained")):
        for turn, words in enumerate(([str(folder), "untrained"], ["untrained", str(folder)])):
            out = tmp_path / f"{number}-{turn}"
            few = ["--maps", "pca", "--at-most", "60", "--no-page", "--out", str(out)]
            visualize.main(["--compare", *words, *few])
            name = str(folder) if number else "base"
            assert list(json.loads((out / "visualize.json").read_text())["quality"]["pca"]) == ["untrained", name]
            assert load_map(out / "map-pca").encoder == base


def test_a_map_by_another_encoder_is_refused(place, tmp_path, refused):
    film = read_data(str(place / "films")).paths[0]
    another_run(place, tmp_path / "other")
    few = ["--maps", "pca", "--at-most", "60", "--no-page", "--out", str(tmp_path / "maps")]
    visualize.main(["--run", str(place / "runs" / "base"), *few])
    words = ["--on", tmp_path / "maps" / "map-pca", "--place", film, "--out", tmp_path / "out"]
    assert "name its run with --run" in refused(visualize.main, *words, "--run", tmp_path / "other")
    assert "no run here made" in refused(visualize.main, *words, "--runs", tmp_path)
    assert not (tmp_path / "out").exists()


def test_two_runs_share_what_either_has_seen(place, tmp_path):
    another_run(place, tmp_path / "other")
    words = ["--maps", "pca", "--no-page", "--compare", str(tmp_path / "other"), str(place / "runs" / "base")]
    visualize.main([*words, "--out", str(tmp_path / "all")])
    visualize.main([*words, "--out", str(tmp_path / "unseen"), "--split", "unseen"])
    every, unseen = (json.loads((tmp_path / name / "visualize.json").read_text()) for name in ("all", "unseen"))
    seen = [
        set(frame.loc[frame["split"].isin(["train", "val"]), "case"].astype(int))
        for frame in (pd.read_csv(path / "manifest.csv") for path in (tmp_path / "other", place / "runs" / "base"))
    ]
    frame = load_map(tmp_path / "unseen" / "map-pca").frame
    assert list(every["quality"]["pca"]) == ["other", "base"]
    assert every["films"] - every["films_in_training"] == unseen["films"] == len(frame)
    assert seen[0] > seen[1] and unseen["films_in_training"] == 0 and not set(frame["case"]) & (seen[0] | seen[1])
