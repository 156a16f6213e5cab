"""A folder of shards holds what one file holds, whoever filled it and however often that was broken off."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from embedlearn import embed, embeddings
from embedlearn.embeddings import load_embeddings, read_shards
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.runs import open_run
from embedlearn.errors import ManifestError, MismatchError
from embedlearn.files import file_digest, write_json
from embedlearn.tasks import sharding

PAUSED = Path(__file__).with_name("paused_embedding.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture
def words(place):
    """Flags that name the run and 722 films, in six shards."""
    return ["--run", str(place / "runs" / "base"), *["--data", str(place / "films")] * 2, "--shard", "128"]


@pytest.fixture(scope="module")
def whole(_built_place):
    """The embeddings of one file, by one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        data = ["--data", str(_built_place / "films")] * 2
        embed.main(["--run", str(_built_place / "runs" / "base"), *data, "--out", str(_built_place / "whole.parquet")])
    return load_embeddings(_built_place / "whole.parquet")


def assert_same(folder, whole):
    found = load_embeddings(folder)
    assert found.vectors.tobytes() == whole.vectors.tobytes()
    assert found.center.tobytes() == whole.center.tobytes()
    assert (found.encoder, found.preprocessing) == (whole.encoder, whole.preprocessing)
    assert_frame_equal(found.frame, whole.frame)
    hidden = {path.name for path in folder.iterdir() if path.name.startswith(".")}
    assert hidden == {sharding.CLAIMS}, "something half written was left"


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.glob("part-*")}


def halves(folder, count):
    """The numbers of the processes that pause, once there are so many."""
    for _ in range(600):
        with contextlib.suppress(FileNotFoundError):
            found = [path.read_text(encoding="latin-1") for path in folder.glob(".part-*")]
            if len(pids := [int(text) for text in found if text.isdigit()]) == count:
                return pids
        time.sleep(0.1)
    raise AssertionError("the processes do not pause")


@pytest.fixture
def start():
    """Start a process; what still runs when the test is over is ended."""
    children = []

    def begin(*words):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        children.append(subprocess.Popen([sys.executable, *words], **pipes, env=environment))
        return children[-1]

    yield begin
    for child in children:
        child.terminate()
        child.communicate()


# Whoever fills it.


def test_one_process_fills_a_folder_with_what_the_file_holds(words, whole, tmp_path, capsys):
    embed.main([*words, "--out", str(tmp_path / "films")])
    assert "722 embeddings of 16 numbers in 6 shards" in capsys.readouterr().out
    assert_same(tmp_path / "films", whole)
    parts = [load_embeddings(tmp_path / "films" / f"part-{number:05d}.parquet") for number in range(6)]
    assert [len(part) for part in parts] == [128] * 5 + [82]
    assert np.array_equal(parts[3].vectors, whole.vectors[3 * 128 : 4 * 128])


@pytest.mark.slow
def test_two_processes_of_torchrun_do_too(start, words, whole, tmp_path):
    child = start(*TORCHRUN, "-m", "--", "embedlearn.embed", *words, "--out", str(tmp_path / "films"))
    said, complaint = child.communicate()
    assert child.returncode == 0, complaint[-2000:]
    assert said.count("wrote ") == 1 and said.count("phantom-a: ") == 1
    assert_same(tmp_path / "films", whole)


# However often it was broken off.


def test_what_two_killed_processes_finished_is_kept_and_the_others_are_made(start, words, whole, tmp_path, capsys):
    folder = tmp_path / "films"
    child = start(*TORCHRUN, "--", str(PAUSED), *words, "--out", str(folder))
    os.kill(halves(folder, 2)[0], signal.SIGKILL)  # upon which torchrun ends the other
    said, _ = child.communicate()
    assert child.returncode != 0 and "wrote" not in said
    kept = inodes(folder)
    assert len(kept) == 2
    with pytest.raises(ManifestError, match=r"films: 4 of 6 shards are missing, from part-0000\d.parquet on; the same"):
        load_embeddings(folder)
    embed.main([*words, "--out", str(folder)])
    assert "in 6 shards" in (said := capsys.readouterr().out) and "; 2 of them were there" in said
    assert kept.items() <= inodes(folder).items()
    assert_same(folder, whole)


def test_a_process_takes_over_the_shard_of_one_that_is_killed_beside_it(start, words, whole, tmp_path):
    folder = tmp_path / "films"
    child = start(str(PAUSED), *words, "--out", str(folder))
    assert halves(folder, 1) == [child.pid]
    killer = threading.Timer(2, child.kill)
    killer.start()
    embed.main([*words, "--out", str(folder)])
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert_same(folder, whole)


def test_an_interrupted_one_leaves_finished_shards_and_nothing_else(words, whole, tmp_path, monkeypatch, capsys):
    folder, write = tmp_path / "films", embeddings.pq.write_table

    def interrupt(table, path, **options):
        if path.name.startswith(".part-00002"):
            path.write_bytes(b"PAR1")
            raise KeyboardInterrupt
        write(table, path, **options)

    monkeypatch.setattr(embeddings.pq, "write_table", interrupt)
    with pytest.raises(SystemExit) as exit_:
        embed.main([*words, "--out", str(folder)])
    assert exit_.value.code == 130
    assert "films: 2 of 6 shards are there; the same command makes the others" in capsys.readouterr().out
    names = {path.name for path in folder.iterdir()}
    assert names == {".claims", "plan.parquet", "embeddings.json", "part-00000.parquet", "part-00001.parquet"}


@pytest.fixture(scope="module")
def filled(_built_place, whole, tmp_path_factory):
    """A folder that is whole; a test works on a copy."""
    folder = tmp_path_factory.mktemp("filled") / "films"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        data = ["--data", str(_built_place / "films")] * 2
        embed.main(["--run", str(_built_place / "runs" / "base"), *data, "--shard", "128", "--out", str(folder)])
    return folder


@pytest.fixture
def folder(filled, tmp_path):
    return shutil.copytree(filled, tmp_path / "films")


@pytest.mark.parametrize("spoil", ["cut", "flip", "empty", "another"])
def test_a_torn_shard_alone_is_made_again(spoil, folder, words, whole, capsys):
    torn, bytes_ = folder / "part-00003.parquet", (folder / "part-00003.parquet").read_bytes()
    spoilt = {
        "cut": bytes_[:-1],
        "flip": bytes_[:999] + bytes([bytes_[999] ^ 1]) + bytes_[1000:],
        "empty": b"",
        "another": (folder / "part-00002.parquet").read_bytes(),
    }
    torn.write_bytes(spoilt[spoil])
    before = inodes(folder)
    with pytest.raises(ManifestError, match=r"part-00003.parquet: .*; the same|part-00003.parquet: .*: the same"):
        load_embeddings(folder)
    embed.main([*words, "--out", str(folder)])
    said = capsys.readouterr().out
    assert "1 shards are torn; they are made again" in said and "; 5 of them were there" in said
    assert torn.read_bytes() == bytes_
    assert {name for name, inode in inodes(folder).items() if inode != before[name]} == {torn.name}
    assert_same(folder, whole)


def test_films_that_were_moved_are_the_same_films(folder, words, whole, place, tmp_path):
    shutil.copytree(place / "films", tmp_path / "moved" / "films")
    (folder / "part-00001.parquet").unlink()
    moved = [str(tmp_path / "moved" / "films") if word == str(place / "films") else word for word in words]
    embed.main([*moved, "--out", str(folder)])
    assert load_embeddings(folder).vectors.tobytes() == whole.vectors.tobytes()


def test_a_film_that_changed_since_it_was_planned_is_named(folder, place, tmp_path):
    found, saved = read_shards(folder), load_encoder(open_run(place / "runs" / "base").encoder)
    plan = embeddings.pq.read_table(folder / sharding.PLAN)
    film = tmp_path / "changed.png"
    shutil.copy(plan["path"][1].as_py(), film)
    paths = [plan["path"][0].as_py(), str(film), *plan["path"].to_pylist()[2:]]
    spoilt = plan.set_column(plan.column_names.index("path"), "path", [paths])
    embeddings.pq.write_table(spoilt, folder / sharding.PLAN, row_group_size=128)
    sharding.write_shard(found, 0, saved, sharding.own_device("cpu"))
    shutil.copy(plan["path"][2].as_py(), film)
    with pytest.raises(MismatchError, match=r"changed.png: not the film that was planned"):
        sharding.write_shard(found, 0, saved, sharding.own_device("cpu"))


# What is refused.


def test_another_encoder(folder, words, place, tmp_path, refused):
    run = shutil.copytree(place / "runs" / "base", tmp_path / "other")
    shutil.copy(run / "untrained.safetensors", run / "encoder.safetensors")
    config = open_run(place / "runs" / "base").config
    config["result"]["encoder"] = file_digest(run / "encoder.safetensors")
    write_json(run / "config.json", config)
    before = inodes(folder)
    said = refused(embed.main, "--run", run, *words[2:], "--out", folder)
    assert "by another encoder" in said and "name another folder or another --run, or remove the folder" in said
    assert inodes(folder) == before


def test_another_plan(folder, words, refused):
    before = inodes(folder)
    fewer = [*words[:4], *words[6:]]
    assert "holds 722 films in shards of 128, got 361 in" in refused(embed.main, *fewer, "--out", folder)
    assert "got 722 in shards of 256" in refused(embed.main, *words[:-1], 256, "--out", folder)
    assert "or with other rows; name" in refused(embed.main, *words, "--map", "healthy=normal", "--out", folder)
    assert inodes(folder) == before


def test_a_folder_of_something_else(words, place, refused):
    assert "films: a folder without embeddings.json" in refused(embed.main, *words, "--out", place / "films")


def test_flags_that_do_not_go_together(words, tmp_path, refused, monkeypatch):
    file, folder = tmp_path / "films.parquet", tmp_path / "films"
    assert "wanted NAME.parquet, or for a folder" in refused(embed.main, *words, "--out", tmp_path / "films.csv")
    assert f"--shard: is for a folder; name --out {folder}" in refused(embed.main, *words, "--out", file)
    assert "--shard: wanted a multiple of 128" in refused(embed.main, *words[:-1], 200, "--out", folder)
    assert "--engine ray: is for a folder" in refused(embed.main, *words[:-2], "--out", file, "--engine", "ray")
    monkeypatch.setitem(sys.modules, "ray.data", None)
    said = refused(embed.main, *words, "--out", folder, "--engine", "ray")
    assert "--engine ray: ray.data is not installed; pip install 'embedlearn[ray]'" in said
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "torchrun: is for a folder" in refused(embed.main, *words[:-2], "--out", file)
    assert "leave torchrun out" in refused(embed.main, *words, "--out", folder, "--engine", "ray")
    assert not folder.exists()
