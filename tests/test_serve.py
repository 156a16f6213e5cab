"""What `embedlearn serve` refuses: in one line, and before anything runs."""

import multiprocessing
import socket
import threading

import numpy as np
import pyarrow as pa
import pytest

from embedlearn import serve as command
from embedlearn.gallery.gallery import Gallery
from embedlearn.tasks.serve.flags import TOKEN
from embedlearn.web.guard import server


@pytest.fixture
def wrong(refused, monkeypatch):
    """Call the command with flags that it must refuse; the complaint. Nothing may be left running, nor listening."""
    sockets, listening = [], server.listening

    def noted(*where):
        sockets.append(listening(*where))
        return sockets[-1]

    def started(*_, **__):
        raise AssertionError("a server was started")

    monkeypatch.setattr(server, "listening", noted)
    monkeypatch.setattr(server, "run_server", started)
    monkeypatch.delenv(TOKEN, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # which the command sets, and is to be forgotten
    before = set(threading.enumerate())

    def call(*words):
        complaint = refused(command.main, "--port", "0", *words)
        assert all(one.fileno() == -1 for one in sockets)
        assert not multiprocessing.active_children()
        assert set(threading.enumerate()) <= before
        return complaint

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threads", "0"], "--threads: wanted"),
        (["--decoders", "0"], "--decoders: wanted"),
        (["--port", "65536"], "--port: wanted"),
        (["--port", "-1"], "--port: wanted"),
        (["--port", "http"], "--port"),
        (["--keep", "0"], "--keep: wanted"),
        (["--most-films", "0"], "--most-films: wanted"),
        (["--rate", "nan"], "--rate: wanted"),
        (["--measure", "nothing"], "--measure"),
        (["--host", "no-such-host.invalid"], "--host no-such-host.invalid: "),
        (["--host", "203.0.113.1"], "--host 203.0.113.1: "),
        (["--pictures", "nowhere"], "--pictures nowhere: wanted a folder"),
        (["--store", "postgresql://nobody@nowhere/nothing"], "--store: wanted the gallery's name"),
        (["--demo", "--run", "runs/a"], "--demo: brings its own"),
        (["--runs", "nowhere", "--gallery", "nothing"], "nothing"),
        (["unknown"], "unknown"),
    ],
)
def test_flags_that_are_wrong_whatever_there_is(wrong, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in wrong(*words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "nowhere"], "nowhere: not a run folder"),
        (["--gallery", "nowhere"], "nowhere"),
        (["--store", "sqlite://here"], "--store"),
        (["--classes", "nosuch", "other"], "--classes nosuch other: no case of the gallery is of this class"),
        (["--classes", "healthy", "nosuch"], "--classes nosuch: no case of the gallery is of this class"),
        (["--classes", "healthy"], "wanted cases of two classes or more"),
        (["--heads", "nosuch"], "nosuch"),
        (["--heads", "tim"], "--heads tim: answers films by what is asked with them"),
        (["--heads"], "--heads"),
        (["--map", "nowhere"], "nowhere: there is no map here"),
        (["--log", "nowhere/log"], "--log"),
        (["--log", "/"], "--log /: cannot be written"),
    ],
)
def test_flags_that_do_not_fit_what_there_is(wrong, served_flags, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in wrong(*served_flags, *words)


def test_a_column_that_is_not_there(wrong, served_flags):
    complaint = wrong(*served_flags, "--show", "label", "nosuch")
    assert "--show nosuch: " in complaint and "patient" in complaint and "source" in complaint
    assert "--show distance: " in wrong(*served_flags, "--show", "distance")  # an answer has its own


def test_a_port_in_use(wrong, served_flags):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port}: another program" in wrong(*served_flags, "--port", port)


def test_a_short_token(wrong, served_flags, monkeypatch):
    monkeypatch.setenv(TOKEN, "short")
    complaint = wrong(*served_flags)
    assert f"{TOKEN}: wanted 16 or more" in complaint and "short" not in complaint


@pytest.mark.parametrize("kind", ["foreign", "unlabelled", "empty"])
def test_a_gallery_that_cannot_be_answered_from(wrong, served_flags, gallery, tmp_path, kind):
    with Gallery.open(gallery, device="cpu") as known:
        about = known.about
    encoder = "f" * 64 if kind == "foreign" else about.encoder
    rows = pa.table({"id": ["a", "b"], "source": ["phantom-a"] * 2})
    made = Gallery(device="cpu").fit(np.eye(2, 16), rows, encoder=encoder, preprocessing=about.preprocessing)
    made.save(tmp_path / "made")
    if kind == "empty":
        with Gallery.open(tmp_path / "made", writable=True, device="cpu") as emptied:
            emptied.remove(["a", "b"])
    said = {"foreign": "the encoder and the preprocessing that made the gallery", "unlabelled": "with labels, got none"}
    complaint = wrong(*served_flags, "--gallery", tmp_path / "made")
    assert "--gallery: " in complaint and said.get(kind, "holds no case") in complaint
