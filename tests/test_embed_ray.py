"""Ray's workers fill a folder with the bits of one process, also where one of them is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedlearn import embed
from embedlearn.embeddings import load_embeddings

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
TASK = "ray::Map(_finish_row)"


@pytest.fixture
def words(place):
    """Flags that name the run and 2,888 films, in 23 shards."""
    return ["--run", str(place / "runs" / "base"), *["--data", str(place / "films")] * 8]


@pytest.fixture
def whole(words, tmp_path):
    embed.main([*words, "--out", str(tmp_path / "whole.parquet")])
    return load_embeddings(tmp_path / "whole.parquet")


def start(*words):
    command = [sys.executable, "-m", "embedlearn.embed", *words, "--engine", "ray", "--shard", "128"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def busy_worker(driver):
    """A process below `driver` that is at a shard, or none."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(TASK.encode()) and driver in ancestors(int(folder.name)):
                return int(folder.name)
        except (OSError, StopIteration):  # it has ended meanwhile
            continue
    return None


def ancestors(process):
    while process > 1:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        process = int(next(line for line in lines if line.startswith("PPid:")).split()[1])
        yield process


def test_a_worker_is_killed_and_the_folder_is_whole(words, whole, tmp_path, capsys):
    child = start(*words, "--out", str(tmp_path / "films"))
    while (worker := busy_worker(child.pid)) is None or not list((tmp_path / "films").glob("part-*")):
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    os.kill(worker, signal.SIGKILL)
    said, complaint = child.communicate()
    assert child.returncode == 0, complaint
    assert "2888 embeddings of 16 numbers in 23 shards" in said and "Traceback" not in complaint
    found = load_embeddings(tmp_path / "films")
    assert found.vectors.tobytes() == whole.vectors.tobytes()
    assert found.frame.equals(whole.frame)
    assert {path.name for path in (tmp_path / "films").glob(".*")} == {".claims"}
    embed.main([*words, "--out", str(tmp_path / "films"), "--engine", "ray", "--shard", "128"])
    assert "; 23 of them were there" in capsys.readouterr().out


def test_what_a_user_can_mend_is_said_in_one_line(words, place, tmp_path):
    """A film that is gone when its turn comes."""
    data = tmp_path / "films"
    subprocess.run(["cp", "-r", str(place / "films"), str(data)], check=True)
    child = start(*words[:2], "--data", str(data), "--out", str(tmp_path / "out"))
    while not (tmp_path / "out" / "embeddings.json").exists():
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    films = sorted(data.rglob("*.png"))
    films[-1].unlink()
    said, complaint = child.communicate()
    assert child.returncode == 2, complaint
    assert complaint.count("\n") == 1 and complaint.startswith("embedlearn embed: ") and films[-1].name in complaint
    assert "wrote" not in said


@pytest.mark.parametrize("address", [None, "127.0.0.1:1"])
def test_no_cluster_is_joined_but_the_one_that_is_named(address, words, tmp_path, refused, monkeypatch):
    import ray

    def fail(address, **_):
        raise ConnectionError(f"no answer from {address}")

    monkeypatch.setattr(ray, "init", fail)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    said = refused(embed.main, *words, "--out", tmp_path / "films", "--engine", "ray")
    assert f"--engine ray: no answer from {address or 'local'}; start that cluster, or unset RAY_ADDRESS" in said
