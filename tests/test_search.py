"""`embedlearn search` from a film, a case or a vector to a table and a contact sheet."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import embed, index, search
from embedlearn.embeddings import load_embeddings
from embedlearn.gallery.gallery import Gallery
from embedlearn.radiographs.layouts import read_data


@pytest.fixture(scope="module")
def built(_built_place, tmp_path_factory):
    """A folder with a gallery of the phantoms, and their embeddings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        folder = tmp_path_factory.mktemp("search")
        of = ["--run", str(_built_place / "runs" / "base"), "--data", str(_built_place / "films")]
        index.main([*of, "--out", str(folder / "gallery")])
        embed.main([*of, "--out", str(folder / "films.parquet")])
    return folder


@pytest.fixture
def ask(built, place, tmp_path):
    """Search and return the table's rows."""

    def call(*words, gallery=None):
        out = ["--out", str(tmp_path / "sheet.png"), "--table", str(tmp_path / "cases.json")]
        search.main([str(gallery or built / "gallery"), *map(str, words), "--runs", str(place / "runs"), *out])
        return pd.DataFrame(json.loads((tmp_path / "cases.json").read_text())["cases"])

    return call


@pytest.fixture
def films(built):
    return load_embeddings(built / "films.parquet")


def nearest(films, query, left_out):
    """Distances to all films but those left out, by a plain loop, sorted."""
    far = [float(np.linalg.norm(vector - query)) for vector in films.vectors]
    return sorted(distance for distance, out in zip(far, left_out, strict=True) if not out)


def test_a_film_of_the_gallery_finds_neither_itself_nor_its_patient(ask, films):
    for row in (0, 7):
        own = films.frame["patient"] == films.frame["patient"][row]
        found = ask(films.frame["path"][row], "-k", 12, "--twins")
        assert found["distance"].tolist() == pytest.approx(nearest(films, films.vectors[row], own)[:12], abs=1e-5)
        assert found["rank"].tolist() == list(range(1, 13))


def test_with_the_same_patient_only_the_film_itself_is_left_out(ask, films, capsys):
    row = int(np.flatnonzero(films.frame["patient"].duplicated())[0])
    found = ask(films.frame["path"][row], "-k", 361, "--twins", "--same-patient")
    assert len(found) == len(films) - 1
    assert "with the first 30" in capsys.readouterr().out
    assert (films.frame["patient"] == films.frame["patient"][row]).sum() == 2


def test_a_strangers_film_finds_what_it_is_a_copy_of(ask, films, tmp_path):
    film = Image.open(films.frame["path"][3])
    film.resize((256, 256)).save(tmp_path / "copy.png")
    found = ask(tmp_path / "copy.png", "-k", 5)
    assert found["distance"][0] < 0.2 and found["same_picture"][0]
    own = (films.frame["patient"] == films.frame["patient"][3]).sum()
    assert len(ask(tmp_path / "copy.png", "-k", 361, "--twins")) == len(films)
    left = ask(tmp_path / "copy.png", "-k", 361, "--twins", "--patient", films.frame["patient"][3])
    assert len(left) == len(films) - own


def test_by_case_and_by_vector_the_same_cases(ask, films, tmp_path):
    by_film = ask(films.frame["path"][5])
    with_digest = ask("--case", films.frame["sha256"][5])
    assert with_digest["id"].tolist() == by_film["id"].tolist()
    np.save(tmp_path / "one.npy", films.vectors[5])
    by_vector = ask("--vector", tmp_path / "one.npy", "--patient", films.frame["patient"][5])
    assert by_vector["id"].tolist() == by_film["id"].tolist()
    again = ask("--case", by_film["id"][0])
    assert by_film["id"][0] not in again["id"].tolist()


def test_a_condition_on_a_label_and_on_a_patients_own_name(ask, films):
    found = ask(films.frame["path"][0], "-k", 40, "--where", "label in ('covid-19', 'healthy')")
    assert set(found["label"]) == {"covid-19", "healthy"}
    patient = films.frame["patient"][20]
    found = ask(films.frame["path"][0], "-k", 40, "--twins", "--where", f"patient == '{patient}'")
    assert len(found) == (films.frame["patient"] == patient).sum()
    assert found["patient"].nunique() == 1 and found["patient"][0] != patient


def test_one_of_a_patient(ask, films):
    found = ask(films.frame["path"][0], "-k", 239, "--one-per-patient")
    assert found["patient"].is_unique and len(found) == films.frame["patient"].nunique() - 1
    assert found["distance"].is_monotonic_increasing


@pytest.mark.parametrize("combine", ["mean", "max"])
def test_several_films_are_one_query(ask, films, combine):
    rows = np.flatnonzero(films.frame["patient"] == films.frame["patient"][films.frame["patient"].duplicated()].iloc[0])
    own = np.isin(np.arange(len(films)), rows)
    found = ask(*films.frame["path"][rows], "--combine", combine, "-k", 10, "--twins")
    if combine == "mean":
        mean = films.vectors[rows].mean(0)
        expected = nearest(films, mean / np.linalg.norm(mean), own)
    else:
        far = np.linalg.norm(films.vectors[:, None] - films.vectors[rows][None], axis=2).min(1)
        expected = np.sort(far[~own])
    assert found["distance"].tolist() == pytest.approx(list(expected[:10]), abs=1e-5)


def test_expanding_and_ranking_anew_change_the_order_only(ask, films):
    plain = ask(films.frame["path"][0], "-k", 100, "--twins")
    anew = ask(films.frame["path"][0], "-k", 100, "--twins", "--rerank")
    assert set(anew["id"]) == set(plain["id"])  # the hundred nearest, in another order
    assert anew["id"].tolist() != plain["id"].tolist()
    far = dict(zip(plain["id"], plain["distance"], strict=True))
    assert anew["distance"].tolist() == pytest.approx([far[name] for name in anew["id"]], abs=1e-5)
    assert ask(films.frame["path"][0], "--expand", 5)["id"].tolist() != plain["id"].tolist()[:10]


def test_a_dicom_film_names_its_own_patient(ask, films, tmp_path):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    row = 11
    pixels = np.asarray(Image.open(films.frame["path"][row]).convert("L"))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    film = FileDataset(str(tmp_path / "film.dcm"), {}, file_meta=meta, preamble=b"\0" * 128)
    film.PatientID, film.Modality = films.frame["patient"][row], "CR"
    film.Rows, film.Columns = pixels.shape
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit, film.PixelRepresentation, film.PixelData = 7, 0, pixels.tobytes()
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    found = ask(tmp_path / "film.dcm", "-k", 361, "--twins")
    assert len(found) == len(films) - (films.frame["patient"] == films.frame["patient"][row]).sum()


def test_the_sheet_shows_the_films(ask, films, tmp_path, capsys):
    ask(films.frame["path"][0], "-k", 7)
    said = capsys.readouterr().out
    assert "not at hand" not in said and "label: " in said and "source: " in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000 and sheet.height > 800
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 50


def test_films_elsewhere_are_found_by_folder(ask, films, place, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "empty"))
    ask(films.frame["path"][0], "-k", 4)
    assert "films not at hand: 4, --pictures FOLDER" in capsys.readouterr().out
    ask(films.frame["path"][0], "-k", 4, "--pictures", place / "films")
    assert "not at hand" not in capsys.readouterr().out


def test_without_its_salt_a_gallery_is_searched_by_its_ids_only(built, ask, films, place, tmp_path, capsys, refused):
    shutil.copytree(built / "gallery", tmp_path / "given")
    next((tmp_path / "given").rglob("salt")).unlink()
    with Gallery.open(tmp_path / "given") as gallery:
        name = gallery.take([4]).column("id").to_pylist()[0]
    assert len(ask("--case", name, gallery=tmp_path / "given")) == 10
    assert "salt is not here" in capsys.readouterr().out
    assert len(ask(films.frame["path"][0], gallery=tmp_path / "given")) == 10
    assert "not known, so no case is left out" in capsys.readouterr().out
    words = [tmp_path / "given", films.frame["path"][0], "--runs", place / "runs", "--out", tmp_path / "s.png"]
    assert "without the salt" in refused(search.main, *words, "--patient", "p0001")
    index.main(["--out", str(tmp_path / "given"), "--remove", name])
    with Gallery.open(tmp_path / "given") as gallery:
        assert gallery.find([name]).tolist() == [-1]


def test_a_film_is_known_whatever_its_case_is_called(ask, films, place, tmp_path):
    films.frame.assign(study=[f"stüdy {row}" for row in range(len(films))]).to_csv(tmp_path / "t.csv", index=False)
    index.main(["--run", str(place / "runs" / "base"), "--data", str(tmp_path / "t.csv"), "--id-column", "study",
                "--out", str(tmp_path / "g")])  # fmt: skip
    by_film = ask(films.frame["path"][3], gallery=tmp_path / "g")
    by_name = ask("--case", "stüdy 3", gallery=tmp_path / "g")
    by_digest = ask("--case", films.frame["sha256"][3], gallery=tmp_path / "g")
    assert by_film["distance"][0] > 0
    assert by_film["id"].tolist() == by_name["id"].tolist() == by_digest["id"].tolist()


def test_what_is_unknown_of_the_query_is_said(ask, films, tmp_path, capsys):
    np.save(tmp_path / "one.npy", films.vectors[:1])
    ask("--vector", tmp_path / "one.npy")
    assert "whose films these are is not known" in capsys.readouterr().out
    ask(films.frame["path"][0])
    assert "not known" not in capsys.readouterr().out


def test_of_the_same_patient_but_not_the_same_picture(built, ask, films, place, tmp_path):
    with Image.open(films.frame["path"][3]) as film:
        film.resize((80, 80)).save(tmp_path / "again.png")
    rows = pd.DataFrame({"path": [*films.frame["path"][:40], str(tmp_path / "again.png")], "label": "x"})
    rows.to_csv(tmp_path / "t.csv", index=False)
    run = ["--run", str(place / "runs" / "base"), "--data", str(tmp_path / "t.csv")]
    index.main([*run, "--out", str(tmp_path / "g")])
    for words, count in (([], 39), (["--same-patient"], 39), (["--same-patient", "--twins"], 40)):
        found = ask(films.frame["path"][3], "-k", 99, *words, gallery=tmp_path / "g")
        assert len(found) == count, words


def test_csv(built, place, films, tmp_path):
    table = tmp_path / "cases.csv"
    search.main([str(built / "gallery"), "--case", films.frame["sha256"][0], "--out", str(tmp_path / "s.png"),
                 "--table", str(table), "--runs", str(place / "runs"), "-k", "3"])  # fmt: skip
    assert pd.read_csv(table)["rank"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "wanted films, --case or --vector, got none"),
        (["film.png", "--case", "x"], "films and --case"),
        (["nowhere.png"], "nowhere.png"),
        (["--case", "nobody"], "--case nobody"),
        (["--vector", "nowhere.npy"], "nowhere.npy"),
        (["--case", "x", "-k", "0"], "-k"),
        (["--case", "x", "--out", "sheet.jpg"], ".png"),
        (["--case", "x", "--table", "cases.xlsx"], ".csv or .json"),
        (["--case", "x", "--where", "view ="], "--where"),
        (["--case", "x", "--where", "surname == 'x'"], "surname"),
        (["--case", "x", "--where", "__import__('os')"], "--where"),
        (["--case", "x", "--rerank", "--combine", "max"], "--rerank"),
        (["--case", "x", "--same-patient", "--patient", "p"], "--same-patient"),
        (["--case", "x", "--store", "mysql://x"], "postgresql://"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_is_named(words, said, built, films, tmp_path, refused):
    words = [films.frame["sha256"][0] if word == "x" else word for word in words]
    out = [] if "--out" in words else ["--out", tmp_path / "sheet.png"]
    assert said in refused(search.main, built / "gallery", *words, *out)
    assert not (tmp_path / "sheet.png").exists()


def test_a_gallery_or_a_run_that_is_not_there(built, films, place, tmp_path, refused):
    out = ["--out", tmp_path / "s.png"]
    assert "nowhere" in refused(search.main, tmp_path / "nowhere", "--case", "x", *out)
    complaint = refused(search.main, built / "gallery", films.frame["path"][0], "--runs", tmp_path, *out)
    assert "--run" in complaint and "encoder" in complaint


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b""), "wanted an .npy file"),
        (lambda path: np.save(path, np.zeros((0, 16))), "[0, 16]"),
        (lambda path: np.save(path, np.ones(7)), "16 numbers, got 7"),
        (lambda path: np.save(path, np.ones((1, 16), complex)), "complex"),
        (lambda path: np.save(path, np.ones((2, 2, 16))), "--vector"),
        (lambda path: np.save(path, np.full(16, np.nan)), "NaN"),
        (lambda path: np.save(path, np.array([{}] * 16), allow_pickle=True), "wanted an .npy file"),
    ],
)
def test_a_wrong_vector_is_named(make, said, built, tmp_path, refused):
    make(tmp_path / "v.npy")
    complaint = refused(search.main, built / "gallery", "--vector", tmp_path / "v.npy", "--out", tmp_path / "s.png")
    assert said in complaint and f"--vector {tmp_path / 'v.npy'}" in complaint


def test_an_empty_gallery_says_so(built, films, tmp_path, refused):
    shutil.copytree(built / "gallery", tmp_path / "g")
    with Gallery.open(tmp_path / "g", writable=True) as gallery:
        gallery.remove(gallery.take(np.arange(len(gallery))).column("id").to_pylist())
    assert "holds no case" in refused(search.main, tmp_path / "g", "--case", "x", "--out", tmp_path / "s.png")


def test_nothing_that_meets_the_condition(built, films, tmp_path, refused):
    words = ["--case", films.frame["sha256"][0], "--where", "label == 'measles'", "--out", tmp_path / "s.png"]
    assert "--where" in refused(search.main, built / "gallery", *words)


def test_real_films_across_sets(shared_data, place, tmp_path, monkeypatch, capsys):
    """Built on one public set, asked with a film of another."""
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    run = ["--run", str(place / "runs" / "base")]
    index.main([*run, "--data", str(shared_data / "sandrofab"), "--out", str(tmp_path / "gallery")])
    film = next(row for row in read_data(str(shared_data / "darkcovidnet")).frame["path"] if "ovid" in row)
    search.main([str(tmp_path / "gallery"), film, *run, "-k", "10", "--out", str(tmp_path / "sheet.png")])
    assert capsys.readouterr().out.count("sandrofab") >= 10
    assert (tmp_path / "sheet.png").stat().st_size > 50_000
