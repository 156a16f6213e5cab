"""One clear line for everything that can be wrong with films, flags, runs and disks."""

import shutil
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_runs import FEW, SMALL

from embedlearn import embed, fewshot, pretrain
from embedlearn.radiographs.phantom import write_phantoms

# What can be wrong with the films.


def class_folders(place, **films):
    for label, count in films.items():
        (place / label).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng([number, len(label)]).integers(0, 255, (48, 48), np.uint8)
            Image.fromarray(pixels).save(place / label / f"{number}.png")
    return place


def bomb(path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(30_001))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


SPOILERS = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-500]),
    "zero bytes": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("this is no picture"),
    "bomb": bomb,
}


@pytest.mark.parametrize("spoil", SPOILERS.values(), ids=SPOILERS)
def test_a_bad_film_is_named(spoil, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    data = class_folders(tmp_path / "data", normal=6, pneumonia=6)
    spoil(data / "normal" / "3.png")
    complaint = refused(pretrain.main, "--data", data, "--runs", tmp_path / "runs", *SMALL)
    assert "normal/3.png" in complaint
    assert not (tmp_path / "runs").exists()


def table(place, text):
    (place / "table.csv").write_text(text)
    return place / "table.csv"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p / "nowhere", "nowhere"),
        (lambda p: class_folders(p / "empty") or p.joinpath("empty").mkdir() or p / "empty", "empty"),
        (lambda p: class_folders(p / "one", normal=8), "pneumonia"),
        (lambda p: class_folders(p / "few", normal=2, pneumonia=9), "at least 3 patients"),
        (lambda p: table(p, "path,label\na.png,normal\n,pneumonia\n"), "table.csv"),
        (lambda p: table(p, "path,label\na.png,\n"), "table.csv"),
        (lambda p: table(p, "file,finding\na.png,normal\n"), "--columns"),
        (lambda p: table(p, "path,label\na.png,normal\n"), "a.png"),
        (lambda p: "kermany:" + str(class_folders(p / "wrong", normal=3, pneumonia=3)), "kermany"),
    ],
    ids=["missing", "empty", "one class", "too few", "no path", "no label", "no column", "no film", "wrong layout"],
)
def test_bad_data_is_refused(make, said, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    assert said in refused(pretrain.main, "--data", make(tmp_path), "--runs", tmp_path / "runs", *SMALL)
    assert not (tmp_path / "runs").exists()


def test_a_patient_in_two_splits_is_refused(place, tmp_path, refused):
    rows = pd.read_csv(place / "runs" / "base" / "manifest.csv")
    rows = rows[rows["split"] != "held-out"].drop(columns=["case", "sha256", "class"])
    twice = rows["patient"].duplicated(keep=False)
    rows.loc[rows.index[twice][0], "split"] = "train"
    rows.loc[rows.index[twice & (rows["patient"] == rows.loc[rows.index[twice][0], "patient"])][1], "split"] = "test"
    rows.to_csv(tmp_path / "torn.csv", index=False)
    complaint = refused(pretrain.main, "--data", tmp_path / "torn.csv", "--runs", tmp_path / "runs", *SMALL)
    assert rows.loc[rows.index[twice][0], "patient"] in complaint and "--split new" in complaint


# What can be wrong with the flags and with the run.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "3"], "--size: wanted a number from 16"),
        (["--szie", "64"], "--size"),
        (["--epochs", "many"], "--epochs"),
        (["--backbone", "resnet19"], "resnet18"),
        (["--backbone", "resdense", "--weights", "imagenet"], "no published weights"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors"),
        (["--loss", "supconn"], "--loss supconn"),
        (["--loss", "TripletMarginLoss", "--loss-args", "margn=1"], "margin"),
        (["--loss", "none", "--instance", "0"], "nothing to learn"),
        (["--miner", "NoMiner"], "--miner NoMiner"),
        (["--classes", "healthy", "measles"], "measles"),
        (["--classes", "healthy"], "--classes: wanted two classes or more, got healthy"),
        (["--loss", "triplet", "--sampler", "pairs"], "do not fit"),
        (["--sampler", "pairs"], "--sampler classes"),
        (["--map", "tb"], "--map tb: wanted NAME=VALUE"),
        (["--name", "base"], "--name base"),
        (["--resume", "--name", "base"], "finished"),
        (["--device", "cuda"], "--device cuda"),
        (["--val", "0.9"], "--val"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_of_pretrain_is_named(words, said, place, refused):
    import torch

    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is a GPU here, so --device cuda is right")
    assert said in refused(pretrain.main, "--data", place / "films", "--runs", place / "runs", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--shots", "0"], "--shots"),
        (["--shots", "60"], "fewer shots"),
        (["--queries", "500"], "queries"),
        (["--heads", "prototypes"], "prototype"),
        (["--classes", "healthy", "measles"], "measles"),
        (["--classes", "healthy"], "--classes"),
        (["--positive", "measles"], "measles"),
        (["--embeddings", "nowhere.parquet"], "nowhere.parquet"),
        (["--replay", "nowhere.parquet"], "nowhere.parquet"),
        (["--ways", "7"], "7"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_flag_of_fewshot_is_named(words, said, place, refused, tmp_path):
    out = tmp_path / "report"
    assert said in refused(fewshot.main, "--run", place / "runs" / "base", *FEW, *words, "--out", out)
    assert not out.exists()


def test_another_runs_embeddings_are_refused(place, refused):
    pretrain.main(["--data", str(place / "films"), "--runs", str(place / "others"), "--name", "other", *SMALL,
                   "--seed", "5"])  # fmt: skip
    file = place / "other.parquet"
    embed.main(["--run", str(place / "others" / "other"), "--out", str(file)])
    complaint = refused(fewshot.main, "--run", place / "runs" / "base", "--embeddings", file)
    assert "other.parquet" in complaint and "embed the films again" in complaint


@pytest.mark.parametrize("words", [["--run", "nowhere"], ["--runs", "nowhere"]])
def test_a_run_that_is_not_there_is_named(words, refused):
    assert "nowhere" in refused(fewshot.main, *words)
    assert "nowhere" in refused(embed.main, *words, "--out", "x.parquet")


def test_a_torn_encoder_is_noticed(place, refused, tmp_path):
    shutil.copytree(place / "runs" / "base", tmp_path / "torn")
    path = tmp_path / "torn" / "encoder.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "encoder.safetensors" in refused(fewshot.main, "--run", tmp_path / "torn")


def test_a_film_that_changed_since_is_noticed(place, refused, tmp_path):
    write_phantoms(tmp_path / "films", patients=160, films=1, size=64, seed=4)
    pretrain.main(["--data", str(tmp_path / "films"), "--runs", str(tmp_path / "runs"), "--name", "run", *SMALL])
    film = next((tmp_path / "films").rglob("covid-19/*.png"))
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(film)
    assert film.name in refused(fewshot.main, "--run", tmp_path / "runs" / "run")


@pytest.mark.parametrize("main", [pretrain.main, embed.main, fewshot.main], ids=["pretrain", "embed", "fewshot"])
def test_a_full_disk_is_one_clear_line(main, place, refused, monkeypatch):
    import errno

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    words = {
        pretrain.main: ["--data", place / "films", "--runs", place / "full", *SMALL],
        embed.main: ["--run", place / "runs" / "base", "--out", place / "full.parquet"],
        fewshot.main: ["--run", place / "runs" / "base", "--shots", "2", *FEW, "--out", place / "full"],
    }
    monkeypatch.setattr("os.fsync", full)
    assert "No space left on device" in refused(main, *words[main])
    assert not (place / "full.parquet").exists()
    left = list((place / "full").iterdir()) if (place / "full").exists() else []
    assert all(path.is_dir() and not list(path.iterdir()) for path in left)
