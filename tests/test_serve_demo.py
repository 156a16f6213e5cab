"""`embedlearn serve --demo` takes a run and a gallery of phantoms, or has the commands make them, and harms nothing."""

import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from small_runs import SMALL

from embedlearn.encoders.runs import open_run
from embedlearn.errors import ArgumentError, CheckpointError
from embedlearn.files import file_digest
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.store.shelf import Shelf
from embedlearn.radiographs import phantom
from embedlearn.tasks.serve import demo


@pytest.fixture
def runs(place, tmp_path):
    """A folder with a run on phantoms."""
    shutil.copytree(place / "runs" / "base", tmp_path / "runs" / "base")
    return tmp_path / "runs"


@pytest.fixture
def commands(monkeypatch):
    """The commands that were run; none is, and each fails with code 3."""
    ran = []

    def record(words):
        ran.append(words[2:])
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    start_with(record, monkeypatch)
    return ran


def start_with(start, monkeypatch):
    """Commands are started by `start`."""
    monkeypatch.setattr(demo, "subprocess", SimpleNamespace(Popen=start, TimeoutExpired=subprocess.TimeoutExpired))


def in_this_process(words):
    """The command run without the seconds that another Python takes to start."""
    importlib.import_module(words[2]).main(words[3:])
    return SimpleNamespace(poll=lambda: 0, returncode=0)


def make_gallery(folder, sources, encoder="e" * 64):
    rows = {"id": [str(number) for number in range(len(sources))], "source": sources}
    gallery = Gallery(device="cpu").fit(np.eye(len(sources), 4), pa.table(rows), encoder=encoder)
    gallery.save(folder)


def forge(run, column, value):
    """Another value for a column of a run's first film, its configuration in step."""
    lines = (run / "manifest.csv").read_text().splitlines()
    place, words = lines[0].split(",").index(column), lines[1].split(",")
    words[place] = value
    (run / "manifest.csv").write_text("\n".join([lines[0], ",".join(words), *lines[2:]]) + "\n")
    config = json.loads((run / "config.json").read_text())
    config["data"]["manifest_csv"] = file_digest(run / "manifest.csv")
    (run / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("how", ["here", pytest.param("started", marks=pytest.mark.slow)])
def test_what_is_missing_is_made_once_by_the_commands(place, tmp_path, capfd, monkeypatch, how):
    runs = tmp_path / "runs"
    if how == "here":
        start_with(in_this_process, monkeypatch)
    flags = ["--data", str(place / "films"), *SMALL, "--epochs", "1"]
    run, gallery = demo.prepare_demo(runs, flags)
    assert (run, gallery) == (runs / "resdense-1", runs / "gallery")
    said = capfd.readouterr().out
    assert f"$ python -m embedlearn.pretrain --runs {runs}" in said and "epoch   1/1" in said
    assert f"$ python -m embedlearn.index --run {run} --out {gallery}" in said
    with Gallery.open(gallery) as opened:
        assert opened.about.encoder == open_run(run).config["result"]["encoder"]
        assert set(opened.values("source")) == set(phantom.SOURCES)
        assert len(opened) == len(open_run(run).manifest())
    start_with(lambda *_: pytest.fail("a command was run again"), monkeypatch)
    assert demo.prepare_demo(runs, flags) == (run, gallery)
    assert not capfd.readouterr().out


@pytest.mark.parametrize(("column", "value"), [("source", "hospital"), ("path", "/nowhere/film.png")])
def test_a_run_on_other_films_or_on_films_that_are_gone_is_not_taken(runs, commands, column, value):
    forge(runs / "base", column, value)
    with pytest.raises(SystemExit) as exit_:
        demo.prepare_demo(runs, ["--epochs", "1"])
    assert exit_.value.code == 3
    assert commands == [["embedlearn.pretrain", "--runs", str(runs), "--epochs", "1"]]


def test_the_newest_sound_run_is_taken_and_only_a_gallery_of_phantoms_replaced(runs, commands):
    newest = runs / "other"
    shutil.copytree(runs / "base", newest)
    encoder = newest / "encoder.safetensors"
    os.utime(encoder, (2**31, 2**31))
    for made, words in ((False, []), (True, ["--replace"])):
        if made:
            make_gallery(runs / "gallery", list(phantom.SOURCES))
        with pytest.raises(SystemExit):
            demo.prepare_demo(runs)
        assert commands.pop() == ["embedlearn.index", "--run", str(newest), "--out", str(runs / "gallery"), *words]
    make_gallery(runs / "gallery", list(phantom.SOURCES), open_run(newest).config["result"]["encoder"])
    assert demo.prepare_demo(runs) == (newest, runs / "gallery")
    encoder.write_bytes(encoder.read_bytes() + b"\0")
    assert demo.prepare_demo(runs) == (runs / "base", runs / "gallery")  # the same encoder
    assert not commands


@pytest.mark.parametrize("what", ["folder", "file", "link", "films"])
def test_what_is_no_gallery_of_phantoms_is_refused_before_anything_is_done(tmp_path, commands, what):
    place, elsewhere = tmp_path / "runs" / "gallery", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("mine")
    place.parent.mkdir()
    if what == "folder":
        shutil.copytree(elsewhere, place)
    elif what == "file":
        place.write_text("mine")
    elif what == "link":
        place.symlink_to(elsewhere)
    else:
        make_gallery(place, ["phantom-a", "hospital"])
    before = sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*"))
    with pytest.raises(
        ArgumentError, match="hospital, not phantoms alone" if what == "films" else "no gallery"
    ) as error:
        demo.prepare_demo(tmp_path / "runs")
    assert str(place) in str(error.value) and "\n" not in str(error.value)
    assert not commands
    assert sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_an_index_that_was_killed_is_begun_again(runs, monkeypatch):
    with Shelf(runs / "gallery").writing():
        (runs / "gallery" / ".generation-0123abcd").mkdir()
    assert any((runs / "gallery").iterdir())
    start_with(in_this_process, monkeypatch)
    assert demo.prepare_demo(runs) == (runs / "base", runs / "gallery")
    with Gallery.open(runs / "gallery") as opened:
        assert len(opened) == len(open_run(runs / "base").manifest())


def test_a_training_on_other_data_is_said_not_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_command", lambda *_: None)
    with pytest.raises(CheckpointError, match="no run on phantoms"):
        demo.prepare_demo(tmp_path / "runs")


STOPPED = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('on', flush=True); signal.pause()"


def test_a_command_that_is_stopped_ends_us_with_its_code(monkeypatch):

    def start(words):
        process = subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE)

        def stop():
            with process.stdout:
                assert process.stdout.readline() == b"on\n"
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=stop).start()
        return process

    start_with(start, monkeypatch)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as exit_:
        demo._command("pretrain")
    assert exit_.value.code == 7
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_films_to_try_are_of_all_labels_and_of_no_patient_of_a_run():
    films = demo.demo_films()
    assert films == demo.demo_films()
    assert sorted(label for _, label, _ in films) == sorted(2 * phantom.LABELS)
    assert len({name for name, _, _ in films}) == len({data for *_, data in films}) == len(films) == 8
    for place, (_, label, data) in enumerate(films):
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (512, 512))
            pixels = np.asarray(picture)
        for source in phantom.SOURCES:
            known = phantom.draw_film(label, seed=0, patient=place, source=source, size=512)
            assert np.abs(pixels.astype(int) - known).mean() > 2
