"""The commands from end to end on small phantoms, and one clear line for everything that can be wrong."""

import dataclasses
import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import embed, fewshot, pretrain
from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.runs import open_run
from embedlearn.files import file_digest
from embedlearn.flags import as_plain
from embedlearn.radiographs.phantom import write_phantoms

SMALL = ("--size", "32", "--dimension", "16", "--batch", "32", "--epochs", "2", "--crop", "0.7")
FEW = ("--episodes", "40", "--bootstrap", "10", "--queries", "5")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with phantoms, a cache of its own, and a finished run `runs/base`."""
    place = tmp_path_factory.mktemp("commands")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(place / "cache"))
        write_phantoms(place / "films", patients=240, films=2, size=64, seed=3)
        pretrain.main(["--data", str(place / "films"), "--runs", str(place / "runs"), "--name", "base", *SMALL])
        yield place


@pytest.fixture
def refused(capsys):
    """Call a command's main; it must exit with code 2 and print one line, which is returned."""

    def call(main, *words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(word) for word in words])
        complaint = capsys.readouterr().err
        assert exit_.value.code == 2
        assert complaint.count("\n") == 1, complaint
        assert "Traceback" not in complaint
        return complaint

    return call


def scores_of(folder):
    result = json.loads((folder / "result.json").read_text())
    return {(row["space"], row["head"], row["shots"], row["metric"]): row for row in result["scores"]}


def test_a_run_folder_says_what_made_it_and_proves_what_was_never_seen(place):
    folder = place / "runs" / "base"
    names = {"encoder.safetensors", "untrained.safetensors", "config.json", "history.csv", "manifest.csv", "curves.png"}
    assert {path.name for path in folder.iterdir() if path.is_file()} == names
    config = open_run(folder).config
    assert config["settings"]["schedule"]["epochs"] == 2
    assert config["data"]["labels_never_seen"] == ["covid-19"]
    assert {"torch", "numpy"} <= set(config["software"]["packages"])
    rows = pd.read_csv(folder / "manifest.csv")
    assert set(rows["split"][rows["label"] == "covid-19"]) == {"held-out"}
    assert rows["sha256"].str.len().eq(64).all()
    assert (rows[rows["split"] != "held-out"].groupby("case")["split"].nunique() == 1).all()
    assert len(pd.read_csv(folder / "history.csv")) == 2


def test_fewshot_takes_the_newest_run_and_writes_the_whole_report(place, capsys):
    fewshot.main(["--runs", str(place / "runs"), "--shots", "1", "3", *FEW])
    folder = place / "runs" / "base" / "fewshot"
    files = {"result.json", "table.csv", "shots.png", "confusion.png", "roc.png"}
    assert {path.name for path in folder.iterdir()} == files | {"episodes-1.parquet", "episodes-3.parquet"}
    for name in ("shots", "confusion", "roc"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.size > (300, 300)
    printed = capsys.readouterr().out
    assert "3-way 3-shot" in printed and "trained - untrained" in printed and "synthetic phantoms" in printed
    scores = scores_of(folder)
    assert {key[0] for key in scores} == {"trained", "untrained", "border probe", "header probe"}
    assert {key[2] for key in scores} == {1, 3}
    for row in scores.values():
        assert row["episode_low"] <= row["mean"] <= row["episode_high"]
        assert row["patient_low"] <= row["patient_high"]
    assert len(pd.read_csv(folder / "table.csv")) == len(scores)


def test_no_episode_holds_a_film_of_the_training_or_a_patient_on_both_sides(place):
    fewshot.main(["--run", str(place / "runs" / "base"), "--shots", "2", *FEW, "--out", str(place / "once")])
    episodes = pd.read_parquet(place / "once" / "episodes-2.parquet")
    rows = pd.read_csv(place / "runs" / "base" / "manifest.csv").set_index("path")
    assert set(rows.loc[episodes["path"], "split"]) <= {"test", "held-out"}
    for _, episode in episodes.groupby("episode"):
        sides = [set(part["patient"]) for _, part in episode.groupby("role")]
        assert not sides[0] & sides[1]


def test_a_replay_answers_the_same_episodes_the_same(place):
    run = str(place / "runs" / "base")
    fewshot.main(["--run", run, "--shots", "2", *FEW, "--out", str(place / "drawn")])
    replay = str(place / "drawn" / "episodes-2.parquet")
    fewshot.main(["--run", run, "--shots", "2", *FEW, "--seed", "9", "--replay", replay, "--out", str(place / "again")])
    drawn, again = scores_of(place / "drawn"), scores_of(place / "again")
    assert {key: row["mean"] for key, row in drawn.items()} == {key: row["mean"] for key, row in again.items()}


def test_embeddings_of_a_file_score_as_the_films_do(place):
    run, file = place / "runs" / "base", place / "base.parquet"
    embed.main(["--run", str(run), "--out", str(file)])
    assert set(load_embeddings(file).frame["split"]) == {"train", "val", "test", "held-out"}
    common = ["--shots", "2", *FEW]
    fewshot.main(["--run", str(run), *common, "--out", str(place / "films-report")])
    fewshot.main(["--run", str(run), "--embeddings", str(file), *common, "--out", str(place / "file-report")])
    fewshot.main(["--embeddings", str(file), *common, "--out", str(place / "alone-report")])
    films, stored, alone = (scores_of(place / f"{name}-report") for name in ("films", "file", "alone"))
    assert films == stored
    assert {key[0] for key in alone} == {"trained"}
    assert all(films[key] == row for key, row in alone.items())


def test_films_named_again_are_known_as_seen(place, capsys):
    shutil.copytree(place / "films", place / "renamed")
    file = place / "renamed.parquet"
    embed.main(["--run", str(place / "runs" / "base"), "--data", str(place / "renamed"), "--out", str(file)])
    seen = load_embeddings(file).frame["split"].ne("held-out")
    own = pd.read_csv(place / "runs" / "base" / "manifest.csv")
    assert seen.sum() == own["split"].isin(["train", "val"]).sum()


def test_the_same_seed_gives_the_same_bytes(place):
    for name in ("one", "two"):
        runs = ["--runs", str(place / name), "--name", "same"]
        pretrain.main(["--data", str(place / "films"), *runs, *SMALL])
        fewshot.main(["--run", str(place / name / "same"), "--shots", "2", *FEW, "--out", str(place / name / "report")])
    one, two = (file_digest(place / name / "same" / "encoder.safetensors") for name in ("one", "two"))
    assert one == two
    results = [json.loads((place / name / "report" / "result.json").read_text()) for name in ("one", "two")]
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
        (["--classes"], "--classes: wanted two classes or more"),
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
