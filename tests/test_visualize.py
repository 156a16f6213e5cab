"""`embedlearn visualize`: from films to maps, figures and a page, and new films on a map that is there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from embedlearn import embed, visualize
from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.files import file_digest
from embedlearn.maps.figures import PALE
from embedlearn.maps.latent import load_map
from embedlearn.maps.projections import KINDS
from embedlearn.maps.quality import map_quality
from embedlearn.radiographs.layouts import read_data
from embedlearn.tasks.maps.fitting import TITLES
from embedlearn.tasks.maps.flags import Kind, Visualize


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
    assert "the encoder was trained on, or chosen by" in said and "by chance: labels .333" in said


def test_embeddings_with_their_run_have_the_untrained_network_beside_them(stored, place, tmp_path, capsys):
    words = ["--embeddings", str(stored), "--run", str(place / "runs" / "base"), "--maps", "pca", "--explain"]
    visualize.main([*words, "--thumbnails", "9", "--out", str(tmp_path)])
    record = json.loads((tmp_path / "visualize.json").read_text())
    assert list(record["quality"]["pca"]) == ["untrained", "trained"] and record["films"] == 90
    latent = load_map(tmp_path / "map-pca")
    assert latent.vectors.tobytes() == load_embeddings(stored).vectors.tobytes()
    assert record["encoders"]["trained"] == latent.encoder != record["encoders"]["untrained"]
    assert "9 of the 90 films" in (tmp_path / "latent.html").read_text()


def test_of_few_films_fewer_are_asked(stored, tmp_path):
    visualize.main(["--embeddings", str(stored), "--maps", "pca", "--at-most", "20", "--out", str(tmp_path)])
    assert "most of the 9 nearest films of other cases" in (tmp_path / "latent.html").read_text()


def test_findings_behind_a_slash_are_joined(mapped, stored, place, tmp_path):
    visualize.main(["--embeddings", str(stored), "--maps", "pca", "--out", str(tmp_path)])
    for folder in (mapped, tmp_path):
        record, frame = json.loads((folder / "visualize.json").read_text()), load_map(folder / "map-pca").frame
        assert set(record["labels"]) == set(frame["label"]) == {"covid-19", "healthy", "pneumonia"}
        assert {"pneumonia/bacterial", "pneumonia/viral"} < set(frame["finding"])
        assert (frame["finding"].str.split("/").str[0] == frame["label"]).all()
        quality = next(iter(record["quality"]["pca"].values()))
        assert quality["label_chance"] == pytest.approx(1 / 3)
        assert '"name":"finding"' in (folder / "latent.html").read_text()
    assert "bacterial" not in (tmp_path / "pca.svg").read_text()


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
    said = "Training has seen"
    assert said in (tmp_path / "maps" / "placed" / "pca.svg").read_text()
    assert said in (tmp_path / "maps" / "placed" / "latent.html").read_text()
    placed = json.loads((tmp_path / "maps" / "placed" / "visualize.json").read_text())
    assert [one["strange"] for one in placed["new"]] == [False, True]
    assert placed["new"][0]["distance"] < placed["bound"] < placed["new"][1]["distance"]
    latent = load_map(tmp_path / "maps" / "map-pca")
    row = latent.frame["sha256"].tolist().index(file_digest(own))
    np.testing.assert_allclose(placed["new"][0]["position"], latent.positions[row], atol=1e-3)
    assert (tmp_path / "maps" / "placed" / "pca.png").exists() and (
        tmp_path / "maps" / "placed" / "latent.html"
    ).exists()


def test_a_sample_is_drawn_by_the_seed(stored, tmp_path, capsys):
    rows = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        visualize.main(["--embeddings", str(stored), "--maps", "pca", "--no-page", "--at-most", "50", "--seed",
                        str(seed), "--out", str(tmp_path / name)])  # fmt: skip
        rows[name] = load_map(tmp_path / name / "map-pca").frame["sha256"].tolist()
    assert len(set(rows["a"])) == 50 and rows["a"] == rows["b"] != rows["c"]
    assert "50 of" in capsys.readouterr().out


@pytest.fixture(scope="module")
def bare(_built_place, tmp_path_factory):
    """The page of a map without anything that must be asked for, and the maps' folder."""
    out = tmp_path_factory.mktemp("bare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        call(_built_place, out, "--maps", "pca", "--at-most", "60")
    return out


def test_films_are_in_the_page_as_many_as_asked_for(bare, place, tmp_path):
    call(place, tmp_path, "--maps", "pca", "--at-most", "60", "--thumbnails", "20")
    assert "image/jpeg" not in (bare / "latent.html").read_text()
    page = (tmp_path / "latent.html").read_text()
    assert "image/jpeg" in page and "20 of the 60 films" in page


def test_names_are_in_the_page_when_asked_for(bare, place, tmp_path):
    call(place, tmp_path, "--maps", "pca", "--at-most", "60", "--show-names")
    name = Path(load_map(bare / "map-pca").frame["path"].iloc[0]).name
    assert name in (tmp_path / "latent.html").read_text() and name not in (bare / "latent.html").read_text()


def test_reasons_are_in_the_page_when_asked_for(bare, place, tmp_path):
    call(place, tmp_path, "--maps", "pca", "--at-most", "60", "--explain")
    said = "adds to (orange) or takes from (blue) the score by which the trained encoder puts a film nearer"
    assert said in (tmp_path / "latent.html").read_text() and said not in (bare / "latent.html").read_text()
    assert '"explanations":null' in (bare / "latent.html").read_text()
    assert '"explanations":null' not in (tmp_path / "latent.html").read_text()


def test_pale_is_said_below_the_figure(bare, place, tmp_path):
    call(place, tmp_path, "--maps", "pca", "--at-most", "60", "--pale", "--no-page")
    words = PALE.split(":")[0]
    assert words in (tmp_path / "pca.svg").read_text() and words not in (bare / "pca.svg").read_text()
    assert (tmp_path / "pca.png").read_bytes() != (bare / "pca.png").read_bytes()


def test_the_flags_name_every_kind_of_map():
    assert get_args(Kind) == KINDS == tuple(TITLES) == Visualize.maps
