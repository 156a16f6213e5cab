"""A map is saved whole or not at all, comes back as it was, and nothing damaged is taken for a map."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import value_digest
from embedlearn.maps.gate import Gate
from embedlearn.maps.latent import LatentMap, load_map
from embedlearn.maps.projections import KINDS, create_projection
from embedlearn.maps.quality import map_quality

RNG = np.random.default_rng(0)
FILMS = RNG.normal(size=(80, 6)).astype(np.float32)
NEW = RNG.normal(size=(7, 6)).astype(np.float32) * np.linspace(0.5, 20, 7, dtype=np.float32)[:, None]
FRAME = pd.DataFrame(
    {
        "path": [f"/films/{number}.png" for number in range(80)],
        "label": np.where(FILMS[:, 0] > 0, "healthy", "pneumonia"),
        "patient": [None, *[f"p{number // 2}" for number in range(1, 80)]],
        "source": "here",
        "age": np.arange(80.0),
        "case": np.arange(80) // 2,
        "beyond": pd.to_datetime("2020-01-01"),
    }
)
QUICK = {"umap": {"epochs": 20}, "tsne": {"steps": 20}, "som": {"rows": 3, "columns": 4}, "pca": {}}


def make(kind="pca"):
    projection = create_projection(kind, **QUICK[kind]).fit(FILMS)
    quality = map_quality(FILMS, projection.embedding_, FRAME["label"], FRAME["source"], FRAME["case"]).plain()
    return LatentMap(projection, Gate().fit(FILMS), FILMS, FRAME, "e" * 64, "p" * 64, quality)


@pytest.fixture
def folder(tmp_path):
    make().save(tmp_path / "map")
    return tmp_path / "map"


def held(folder):
    """Every name below a folder, and the bytes of its files."""
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_comes_back_as_it_was(tmp_path, kind):
    made = make(kind)
    made.save(tmp_path / "deep" / "map")
    again = load_map(tmp_path / "deep" / "map")
    assert type(again.projection) is type(made.projection) and again.projection.settings() == made.projection.settings()
    assert again.positions.tobytes() == made.positions.tobytes() and again.positions.dtype == np.float32
    assert (again.vectors == FILMS).all()
    pd.testing.assert_frame_equal(again.frame, FRAME)
    assert (again.encoder, again.preprocessing, again.quality) == (made.encoder, made.preprocessing, made.quality)
    for before, after in zip(made.place(NEW), again.place(NEW), strict=True):
        assert before.tobytes() == after.tobytes()


def test_films_are_placed_by_the_projection_and_judged_by_the_gate():
    made = make()
    placed = made.place(NEW)
    assert (placed.positions == made.projection.transform(NEW)).all()
    assert (placed.distances == made.gate.distances(NEW)).all()
    assert (placed.strange == made.gate.strange(NEW)).all() and placed.strange.any() and not placed.strange.all()
    with pytest.raises(ArgumentError, match="wanted vectors of 6 numbers.*got 5"):
        made.place(NEW[:, :5])


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_lie_in_the_folder_once(tmp_path, kind):
    make(kind).save(tmp_path / "map")
    assert {path.name for path in (tmp_path / "map").iterdir()} == {"map.json", "map.safetensors", "points.parquet"}
    arrays = load_file(tmp_path / "map" / "map.safetensors")
    assert [name for name, array in arrays.items() if array.shape == FILMS.shape] == ["vectors"]


def test_the_same_map_has_the_same_bytes_and_replaces_the_one_that_was_there(folder):
    before = held(folder)
    make().save(folder)
    assert held(folder) == before
    make("som").save(folder)
    assert held(folder) != before and load_map(folder).projection.kind == "som"
    assert [path.name for path in folder.parent.iterdir()] == ["map"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "map").mkdir()
    make().save(tmp_path / "map")
    assert len(load_map(tmp_path / "map").frame) == 80


@pytest.mark.parametrize("what", ["a file", "films", "a map and more", "another map.json", "a link"])
def test_what_is_not_a_map_is_never_replaced(tmp_path, what):
    place = tmp_path / "map"
    if what == "a file":
        place.write_text("mine")
    elif what == "a link":
        make().save(tmp_path / "elsewhere")
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.mkdir()
        (place / "map.json").write_text(json.dumps({"format": "a game"}))
        if what == "films":
            (place / "map.json").rename(place / "film.png")
        if what == "a map and more":
            (place / "map.json").unlink()
            make().save(place)
            (place / "notes.txt").write_text("mine")
    before = held(tmp_path)
    with pytest.raises(StorageError, match=r"wanted a new or empty folder.*name another"):
        make().save(place)
    assert held(tmp_path) == before


def reads_alike(one, other):
    """Whether two JSON files hold the same values: a flipped bit can make a blank of another kind."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["map.json", "map.safetensors", "points.parquet"])
def test_damage_is_found(folder, name):
    path = folder / name
    whole = path.read_bytes()
    for at in range(3, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        if name == "map.json" and reads_alike(path.read_bytes(), whole):
            continue
        with pytest.raises(StorageError, match=str(folder)):
            load_map(folder)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StorageError, match="torn"):
        load_map(folder)
    path.unlink()
    with pytest.raises(StorageError, match=r"no map here|cannot be read"):
        load_map(folder)


def forge(folder, **changes):
    """The map.json with other values, and the digest that belongs to them."""
    about = json.loads((folder / "map.json").read_text())
    del about["digest"]
    about |= changes
    (folder / "map.json").write_text(json.dumps({**about, "digest": value_digest(about)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "pacmap"}, {"kind": "som"}, {"kind": None}, {"settings": {"rows": 3}}, {"settings": 3}, {"gate": {}},
        {"files": {}}, {"files": 3},
    ],
    ids=str,
)  # fmt: skip
def test_words_that_do_not_fit_the_files_are_refused(folder, changes):
    forge(folder, **changes)
    with pytest.raises(StorageError, match=r"do not fit what map\.json says"):
        load_map(folder)


def test_a_map_of_another_version_says_so(folder):
    forge(folder, format="embedlearn-map-9")
    with pytest.raises(StorageError, match="wanted embedlearn-map-1, got embedlearn-map-9"):
        load_map(folder)
    make().save(folder)
    assert load_map(folder).projection.kind == "pca"


def test_a_write_that_fails_leaves_what_was_there(folder, monkeypatch):
    before = held(folder.parent)
    monkeypatch.setattr("embedlearn.maps.latent.pq.write_table", refuse)
    with pytest.raises(StorageError, match=r"cannot be written \(no space\); nothing was changed"):
        make("som").save(folder)
    assert held(folder.parent) == before
    monkeypatch.undo()
    renamed = []

    def rename(self, target):
        renamed.append(target)
        if len(renamed) == 2:
            refuse()
        return os.rename(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StorageError, match="nothing was changed"):
        make("som").save(folder)
    assert len(renamed) == 3 and held(folder.parent) == before


def refuse(*_, **__):
    raise OSError(28, "no space")


def test_parts_of_different_films_are_refused():
    made = make()
    for parts in (
        (made.projection, made.gate, FILMS[:79], FRAME),
        (made.projection, made.gate, FILMS, FRAME[:79]),
        (made.projection, Gate().fit(FILMS[:79]), FILMS, FRAME),
    ):
        with pytest.raises(ArgumentError, match="of the same films"):
            LatentMap(*parts, "", "", {})
    made.projection.embedding_ = made.projection.embedding_[:, :1]
    with pytest.raises(ArgumentError, match=r"got shape \(80, 1\)"):
        LatentMap(made.projection, made.gate, FILMS, FRAME, "", "", {})


def test_placing_on_a_saved_umap_needs_neither_torch_nor_umap_learn(tmp_path):
    make("umap").save(tmp_path / "map")
    code = "import sys; from pathlib import Path; from embedlearn.maps.latent import load_map; "
    code += "made = load_map(Path(sys.argv[1])); made.place(made.vectors[:3]); "
    code += "print([name for name in ('torch', 'umap', 'openTSNE', 'bokeh', 'matplotlib') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "map")], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
