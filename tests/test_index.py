"""`embedlearn index` from films to a gallery and through its life."""

import hashlib
import json
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from embedlearn import embed, index
from embedlearn.gallery.changes import decode_change
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.store.shelf import Shelf
from embedlearn.gallery.where import parse_condition
from embedlearn.radiographs.layouts import read_data


def build(place, out, *words, run="base"):
    index.main(["--run", str(place / "runs" / run), "--out", str(out), *map(str, words)])
    return Gallery.open(out)


@pytest.fixture(scope="module")
def built(_built_place, tmp_path_factory):
    """A gallery of the run's own films, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        folder = tmp_path_factory.mktemp("index") / "gallery"
        build(_built_place, folder, "--data", _built_place / "films").close()
    return folder


def test_a_gallery_holds_the_embeddings_of_the_films(built, place, tmp_path):
    embed.main(["--run", str(place / "runs" / "base"), "--data", str(place / "films"), "--out",
                str(tmp_path / "e.parquet")])  # fmt: skip
    from embedlearn.embeddings import load_embeddings

    embeddings = load_embeddings(tmp_path / "e.parquet")
    with Gallery.open(built) as gallery:
        films = [gallery.names.film(digest) for digest in embeddings.frame["sha256"]]
        rows = gallery.find(films)
        assert (rows >= 0).all() and len(set(rows)) == len(gallery) == len(embeddings)
        assert np.array_equal(gallery.vectors_of(rows), embeddings.vectors)
        assert gallery.take(rows).column("label").to_pylist() == embeddings.frame["label"].tolist()
        assert gallery.about.encoder == embeddings.encoder


def words_in(folder):
    """All that is written in a gallery: the strings of its tables and its log, and its other files as they are."""
    words = []
    for path in filter(Path.is_file, folder.rglob("*")):
        words.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            words += [str(file.metadata.metadata), file.read().to_pandas().to_csv()]
            words += [str(file.metadata.row_group(0).column(place)) for place in range(file.metadata.num_columns)]
    with Shelf(folder).open() as generation:
        words += [decode_change(payload, 16, "").rows.to_pandas().to_csv() for payload in generation.log()]
    return "\n".join(words)


@pytest.mark.parametrize("plain", [False, True])
def test_nothing_in_the_folder_names_a_film_or_a_patient(place, tmp_path, plain):
    films = read_data(str(place / "films")).frame
    run = ["--run", str(place / "runs" / "base"), "--out", str(tmp_path / "g")]
    for label, words in (("healthy", ["--plain"] if plain else []), ("covid-19", ["--add"])):
        films[films["label"] == label].to_csv(tmp_path / f"{label}.csv", index=False)
        index.main([*run, "--data", str(tmp_path / f"{label}.csv"), *words])
    origin = next((tmp_path / "g").rglob("manifest.json")).read_text()
    log = next((tmp_path / "g").glob("*.log"))
    assert log.stat().st_size > 10_000 and origin
    written = words_in(tmp_path / "g")
    names = {*films["patient"], *(Path(path).stem for path in films["path"]), str(place)}
    digests = {hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in films["path"]}
    found = [name for name in sorted(names | digests) if name in written]
    assert bool(found) == plain, found[:5]


def test_the_salt_is_for_its_owner_and_makes_every_gallery_another(built, place, tmp_path):
    salt = next(built.rglob("salt"))
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    with Gallery.open(built) as one, build(place, tmp_path / "other", "--data", place / "films") as two:
        assert one.salt != two.salt
        assert not set(one.take(np.arange(len(one))).column("id").to_pylist()) & set(
            two.take(np.arange(len(two))).column("id").to_pylist()
        )


def test_films_of_one_patient_share_a_token(built, place):
    films = read_data(str(place / "films")).frame
    with Gallery.open(built) as gallery:
        frame = gallery.take(np.arange(len(gallery))).to_pandas()
        names = [gallery.names.patient(*pair) for pair in zip(films["source"], films["patient"], strict=True)]
    assert sorted(frame["patient"]) == sorted(names)
    assert frame["patient"].str.fullmatch("[0-9a-f]{32}").all() and frame["patient"].duplicated().any()


def test_plain_names_are_kept_when_asked_for(place, tmp_path):
    with build(place, tmp_path / "plain", "--data", place / "films", "--plain", "--keep-columns", "path") as gallery:
        rows = gallery.take(np.arange(len(gallery)))
        assert gallery.salt is None and not list((tmp_path / "plain").rglob("salt"))
        assert all(path.endswith(".png") for path in rows.column("path").to_pylist())
        assert all("/" in patient for patient in rows.column("patient").to_pylist())


def test_from_embeddings_the_same_gallery(built, place, tmp_path):
    run = ["--run", str(place / "runs" / "base")]
    embed.main([*run, "--data", str(place / "films"), "--out", str(tmp_path / "e.parquet")])
    index.main(["--embeddings", str(tmp_path / "e.parquet"), *run, "--out", str(tmp_path / "gallery")])
    with Gallery.open(built) as one, Gallery.open(tmp_path / "gallery") as two:
        every = np.arange(len(one))
        assert np.array_equal(one.vectors_of(every), two.vectors_of(every))
        assert one.take(every).column("label") == two.take(every).column("label")


def test_add_remove_compact(place, tmp_path, capsys):
    embed.main(["--run", str(place / "runs" / "base"), "--data", str(place / "films"), "--out",
                str(tmp_path / "all.parquet")])  # fmt: skip
    from embedlearn.embeddings import load_embeddings

    every = load_embeddings(tmp_path / "all.parquet")
    half = np.arange(len(every)) % 2 == 0
    every.where(half).save(tmp_path / "half.parquet")
    out = ["--out", str(tmp_path / "gallery")]
    index.main(["--embeddings", str(tmp_path / "half.parquet"), *out])
    index.main(["--embeddings", str(tmp_path / "all.parquet"), *out, "--add", "--skip-known"])
    with Gallery.open(tmp_path / "gallery") as gallery:
        assert len(gallery) == len(every) and gallery.pending == (~half).sum()
        first = gallery.take([0]).column("id").to_pylist()[0]
    digest = every.frame["sha256"].iloc[1]
    index.main([*out, "--remove", first, "--remove", digest])  # by the gallery's name, and by the film's digest
    capsys.readouterr()
    index.main([*out, "--compact"])
    assert f"{len(every) - 2:,} cases" in capsys.readouterr().out
    with Gallery.open(tmp_path / "gallery") as gallery:
        assert (len(gallery), gallery.pending) == (len(every) - 2, 0)
        assert gallery.find([first, gallery.names.film(digest)]).tolist() == [-1, -1]
        kept = every.where(~np.isin(np.arange(len(every)), [0, 1]))
        rows = gallery.find([gallery.names.film(one) for one in kept.frame["sha256"]])
        assert np.array_equal(gallery.vectors_of(rows), kept.vectors)


def table_of(films, path, **columns):
    films.assign(**columns).to_csv(path, index=False)
    return ["--data", str(path)]


def test_kept_columns_have_types_and_are_asked_for(place, tmp_path):
    films = read_data(str(place / "films")).frame.head(40)
    columns = {
        "age": [str(20 + number) if number % 4 else "" for number in range(40)],
        "dose": [f"{number / 8}" for number in range(40)],
        "taken": [f"2020-03-{1 + number % 28:02}" for number in range(40)],
        "fever": ["True", "False"] * 20,
        "code": [f"{number:03}" for number in range(40)],
    }
    words = [*table_of(films, tmp_path / "t.csv", **columns), "--keep-columns", *columns, "--id-column", "code"]
    with build(place, tmp_path / "g", *words) as gallery:
        for text, holds in {
            "age >= 30": [number % 4 and 20 + number >= 30 for number in range(40)],
            "dose < 1": [number / 8 < 1 for number in range(40)],
            "taken > '2020-03-20'": [1 + number % 28 > 20 for number in range(40)],
            "fever and age != None": [number % 2 == 0 and number % 4 != 0 for number in range(40)],
            "code == '007'": [number == 7 for number in range(40)],
        }.items():
            assert gallery.matching(parse_condition(text)).tolist() == np.flatnonzero(holds).tolist(), text
        assert gallery.find([gallery.names.case("007")]).tolist() == [7]


def test_a_name_for_two_films_is_refused(place, tmp_path, refused):
    films = read_data(str(place / "films")).frame.head(4)
    words = table_of(films, tmp_path / "t.csv", code=["a", "b", "c", "b"])
    complaint = refused(index.main, "--run", place / "runs" / "base", *words, "--id-column", "code", "--out",
                        tmp_path / "g")  # fmt: skip
    assert "b names several films" in complaint


def test_the_same_picture_added_later_is_a_twin(place, tmp_path, capsys):
    films = read_data(str(place / "films")).frame.head(30)
    with Image.open(films["path"][4]) as film:
        film.resize((80, 80)).save(tmp_path / "again.png")
    later = pd.DataFrame({"path": [str(tmp_path / "again.png")], "label": ["healthy"], "source": ["elsewhere"]})
    build(place, tmp_path / "g", *table_of(films, tmp_path / "t.csv")).close()
    with build(place, tmp_path / "g", *table_of(later, tmp_path / "u.csv"), "--add") as gallery:
        twins = gallery.take(np.arange(31)).column("twin").to_pylist()
    assert twins[30] == twins[4] and len(set(twins)) == 30
    assert "elsewhere: not yet a source here" in capsys.readouterr().out


def test_two_who_make_the_same_gallery_do_not_overwrite_each_other(place, tmp_path, refused, monkeypatch):
    films = table_of(read_data(str(place / "films")).frame.head(20), tmp_path / "t.csv")
    run = ["--run", place / "runs" / "base", *films, "--out", tmp_path / "g"]
    real = Gallery.save

    def save(gallery, folder, **words):
        Gallery().fit(np.eye(3)).close()
        real(Gallery().fit(np.eye(3)), folder)  # the other one is done first
        real(gallery, folder, **words)

    monkeypatch.setattr(Gallery, "save", save)
    assert "meanwhile" in refused(index.main, *run)
    with Gallery.open(tmp_path / "g") as gallery:
        assert len(gallery) == 3


def test_a_torn_gallery_can_be_replaced(place, tmp_path, capsys):
    films = table_of(read_data(str(place / "films")).frame.head(20), tmp_path / "t.csv")
    build(place, tmp_path / "g", *films).close()
    manifest = next((tmp_path / "g").rglob("manifest.json"))
    manifest.write_bytes(manifest.read_bytes()[:200])
    with build(place, tmp_path / "g", *films, "--replace") as gallery:
        assert len(gallery) == 20
    assert "cases get new ids" in capsys.readouterr().out


def test_replacing_keeps_the_ids(built, place, tmp_path):
    with build(place, tmp_path / "g", "--data", place / "films") as before:
        ids = before.take(np.arange(len(before))).column("id").to_pylist()
    with build(place, tmp_path / "g", "--data", place / "films", "--replace", "--kind", "sq8") as after:
        assert after.take(np.arange(len(after))).column("id").to_pylist() == ids
        assert after.chosen.kind == "sq8"


def test_what_is_said(place, tmp_path, capsys):
    build(place, tmp_path / "g", "--data", place / "films").close()
    said = capsys.readouterr().out
    assert "index: flat" in said and "exact" in said
    assert "nearest" in said and "by chance" in said
    assert f"embedlearn.search {tmp_path / 'g'}" in said
    manifest = json.loads(next((tmp_path / "g").rglob("manifest.json")).read_text())
    about = manifest["about"]
    assert about["software"]["packages"]["numpy"] == np.__version__
    assert about["extra"]["preprocessing"]["size"] == 32


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--add", "--compact"], "--add --compact: do one at a time"),
        (["--compact", "--data", "x"], "--compact: takes no films"),
        (["--skip-known"], "--skip-known"),
        (["--recall", "2"], "--recall"),
        (["--kind", "annoy"], "ivfpq"),
        (["--keep-columns", "surname"], "--keep-columns surname"),
        (["--keep-columns", "patient"], "--keep-columns patient"),
        (["--id-column", "number"], "--id-column number"),
        (["--embeddings", "nowhere.parquet"], "nowhere.parquet"),
        (["--store", "mysql://here"], "postgresql://"),
        (["--remove", "nobody"], "no gallery here"),
        (["--add"], "no gallery here"),
        (["--add", "--kind", "hnsw"], "--kind: is settled"),
        (["--compact", "--plain"], "--plain: is settled"),
        (["--remove", "x", "--metric", "cosine"], "--metric: is settled"),
        (["--embeddings", "x.parquet", "--skip-bad"], "--embeddings"),
        (["--out", __file__ + "/gallery"], "is no folder that can be written to"),
        (["--compact"], "no gallery here"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_is_named_and_nothing_is_written(words, said, place, tmp_path, refused):
    assert said in refused(index.main, "--run", place / "runs" / "base", "--out", tmp_path / "g", *words)
    assert not (tmp_path / "g").exists()


def test_what_is_there_is_not_overwritten(built, place, tmp_path, refused):
    run = ["--run", place / "runs" / "base", "--data", place / "films"]
    assert "--replace" in refused(index.main, *run, "--out", built)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "mine" in refused(index.main, *run, "--out", tmp_path / "mine")
    assert "--skip-known" in refused(index.main, *run, "--out", built, "--add")
    assert "nobody" in refused(index.main, "--out", built, "--remove", "nobody")


def test_another_encoders_films_are_refused(built, place, tmp_path, refused):
    from small_runs import SMALL

    from embedlearn import pretrain

    pretrain.main(["--data", str(place / "films"), "--runs", str(tmp_path), "--name", "other", *SMALL, "--seed", "7"])
    complaint = refused(index.main, "--run", tmp_path / "other", "--data", place / "films", "--out", built, "--add")
    assert "made the gallery" in complaint
