"""`embedlearn visualize`: from films to maps, figures and a page, and new films on a map that is there."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import embed, visualize
from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.checkpoints import load_encoder, save_encoder
from embedlearn.files import file_digest
from embedlearn.maps.latent import load_map
from embedlearn.maps.quality import map_quality
from embedlearn.radiographs.layouts import read_data


def call(place, out, *words):
    visualize.main(["--run", str(place / "runs" / "base"), "--out", str(out), *map(str, words)])
    return json.loads((out / "visualize.json").read_text())


@pytest.fixture(scope="module")
def stored(_built_place, tmp_path_factory):
    """Embeddings of the run's films in a file."""
    path = tmp_path_factory.mktemp("visualize") / "films.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        embed.main(["--run", str(_built_place / "runs" / "base"), "--out", str(path)])
    every = load_embeddings(path)
    every.where(np.arange(len(every)) < 90).save(path)
    return path


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


@pytest.fixture(scope="module")
def mapped(_built_place, tmp_path_factory):
    """The maps of the newest run, of some of its films, made once."""
    out = tmp_path_factory.mktemp("maps") / "here"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        visualize.main(["--runs", str(_built_place / "runs"), "--out", str(out), "--at-most", "120"])
    return out


def test_all_kinds_are_drawn_with_what_they_are_worth(mapped, place):
    kinds = ["umap", "tsne", "pca", "som"]
    record = json.loads((mapped / "visualize.json").read_text())
    files = {f"{kind}.{form}" for kind in kinds for form in ("png", "svg")}
    assert {path.name for path in mapped.iterdir()} == {
        *files, *(f"map-{kind}" for kind in kinds), "latent.html", "visualize.json"
    } == {*record["written"], "visualize.json"}  # fmt: skip
    assert list(record["quality"]) == kinds and all(
        list(found) == ["untrained", "trained"] for found in record["quality"].values()
    )
    saved = load_encoder(place / "runs" / "base" / "encoder.safetensors")
    assert record["encoders"]["trained"] == saved.digest != record["encoders"]["untrained"]
    for kind in kinds:
        latent = load_map(mapped / f"map-{kind}")
        assert (latent.projection.kind, latent.encoder, len(latent.frame)) == (kind, saved.digest, record["films"])
        assert latent.quality == record["quality"][kind]["trained"]
    frame = latent.frame
    assert record["films_in_training"] == frame["split"].isin(["train", "val"]).sum()
    latent = load_map(mapped / "map-umap")
    own = map_quality(latent.vectors, latent.positions, frame["label"], frame["source"], frame["case"])
    assert own.plain() == record["quality"]["umap"]["trained"]


def test_the_page_names_nobody_unless_asked(mapped, place, tmp_path):
    films = read_data(str(place / "films")).frame
    names = [Path(path).name for path in films["path"]]
    page = (mapped / "latent.html").read_text()
    assert str(place) not in page and not any(name in page for name in [*names, *films["patient"]])


def test_a_table_says_what_each_map_is_worth(place, tmp_path, capsys):
    call(place, tmp_path / "maps", "--maps", "pca")
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith("PCA")]
    assert [row[1] for row in rows] == ["untrained", "trained"] and all(len(row) == 9 for row in rows)
    assert "the encoder was trained on, or chosen by" in said and "by chance: labels .250" in said


def test_the_same_call_makes_the_same_bytes(stored, tmp_path):
    for name in "ab":
        visualize.main(["--embeddings", str(stored), "--maps", "pca", "som", "--out", str(tmp_path / name)])
    for path in (tmp_path / "a").iterdir():
        if path.is_file() and path.suffix != ".json":
            assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    figure = (tmp_path / "a" / "pca.png").read_bytes()
    visualize.main(["--embeddings", str(stored), "--maps", "pca", "--out", str(tmp_path / "a"), "--theme", "dark"])
    assert (tmp_path / "a" / "pca.png").read_bytes() == figure != (tmp_path / "a" / "pca-dark.png").read_bytes()


def test_embeddings_need_neither_torch_nor_films(stored, tmp_path):
    code = f"""
import sys
from embedlearn.visualize import main
main(["--embeddings", {str(stored)!r}, "--maps", "pca", "--no-page", "--out", {str(tmp_path)!r}])
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_map(tmp_path / "map-pca").vectors.tobytes() == load_embeddings(stored).vectors.tobytes()
    assert not (tmp_path / "latent.html").exists()


def test_untrained_and_trained_side_by_side(place, tmp_path):
    few = ["--maps", "pca", "som", "--at-most", "60"]
    words = [*few, "--compare", "untrained", place / "runs" / "base"]
    visualize.main([*map(str, words), "--out", str(tmp_path / "two")])
    record = json.loads((tmp_path / "two" / "visualize.json").read_text())
    assert list(record["quality"]["pca"]) == ["untrained", "base"]
    one = call(place, tmp_path / "one", *few, "--no-page")
    assert list(one["quality"]["pca"].values()) == list(record["quality"]["pca"].values())
    for kind in ("pca", "som"):
        with Image.open(tmp_path / "two" / f"{kind}.png") as both:
            assert both.size[0] == 2100
    assert "untrained" in (tmp_path / "two" / "latent.html").read_text()


def test_new_films_are_placed_and_strange_ones_are_said_to_be(place, tmp_path, capsys):
    own = read_data(str(place / "films")).paths[3]
    Image.new("L", (64, 64), 255).save(tmp_path / "blank.png")
    films = ["--place", str(own), str(tmp_path / "blank.png")]
    call(place, tmp_path / "maps", "--maps", "pca", *films)
    first = capsys.readouterr().out
    visualize.main(["--on", str(tmp_path / "maps" / "map-pca"), "--runs", str(place / "runs"), *films])
    again = capsys.readouterr().out
    lines = [line for line in first.splitlines() if line.startswith("  PCA:")]
    assert lines == [line for line in again.splitlines() if line.startswith("  PCA:")]
    assert own.name in lines[0] and "unlike" not in lines[0]
    assert "blank.png" in lines[1] and "unlike any film" in lines[1]
    placed = json.loads((tmp_path / "maps" / "placed" / "visualize.json").read_text())
    assert [one["strange"] for one in placed["new"]] == [False, True]
    assert placed["new"][0]["distance"] < placed["bound"] < placed["new"][1]["distance"]
    latent = load_map(tmp_path / "maps" / "map-pca")
    row = latent.frame["sha256"].tolist().index(file_digest(own))
    np.testing.assert_allclose(placed["new"][0]["position"], latent.positions[row], atol=1e-3)
    assert (tmp_path / "maps" / "placed" / "pca.png").exists() and (
        tmp_path / "maps" / "placed" / "latent.html"
    ).exists()


def test_a_map_by_another_encoder_is_refused(mapped, place, tmp_path, refused):
    film = read_data(str(place / "films")).paths[0]
    another_run(place, tmp_path / "other")
    words = ["--on", mapped / "map-pca", "--place", film, "--out", tmp_path / "out"]
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


def test_a_sample_is_drawn_by_the_seed(stored, tmp_path, capsys):
    rows = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        visualize.main(["--embeddings", str(stored), "--maps", "pca", "--no-page", "--at-most", "50", "--seed",
                        str(seed), "--out", str(tmp_path / name)])  # fmt: skip
        rows[name] = load_map(tmp_path / name / "map-pca").frame["sha256"].tolist()
    assert len(set(rows["a"])) == 50 and rows["a"] == rows["b"] != rows["c"]
    assert "50 of" in capsys.readouterr().out


def test_films_names_and_reasons_are_shown_when_asked_for(place, tmp_path):
    bare = ["--maps", "pca", "--at-most", "60"]
    shown = ["--thumbnails", "20", "--show-names", "--explain", "--pale"]
    call(place, tmp_path / "bare", *bare)
    call(place, tmp_path / "shown", *bare, *shown)
    small, large = ((tmp_path / name / "latent.html").read_text() for name in ("bare", "shown"))
    assert len(large) > len(small) + 5_000
    name = Path(load_map(tmp_path / "shown" / "map-pca").frame["path"].iloc[0]).name
    assert name in large and name not in small


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
