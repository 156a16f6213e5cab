"""Run folders: written, found and opened; every folder that is not a finished run says what is wrong with it."""

import json
import os
import shutil

import pandas as pd
import pytest

from embedlearn.encoders import runs
from embedlearn.errors import ArgumentError, CheckpointError, MismatchError
from embedlearn.files import file_digest
from embedlearn.radiographs.manifest import Manifest

SETTINGS = {"classes": ["healthy", "pneumonia"], "seed": 0}
KEPT = {"epoch": 3, "val_knn": 0.9}


def make_manifest(
    labels=("healthy", "pneumonia/viral", "healthy", "covid-19"), splits=("train", "val", "test", "held-out")
):
    count = len(labels)
    frame = pd.DataFrame(
        {
            "path": [f"/films/{k}.png" for k in range(count)], "label": labels, "patient": None, "source": "toy",
            "view": "PA", "split": splits, "sha256": [f"{k:064x}" for k in range(count)],
        },
        dtype="string",
    )  # fmt: skip
    return Manifest(frame.assign(case=range(count)), ("a note",))


def start(folder):
    manifest = make_manifest()
    runs.start_run(folder, SETTINGS, manifest, runs.describe_data(manifest))
    return folder


def finish(folder, when=None):
    """A finished run; `when` is the time of its encoder, in seconds."""
    start(folder)
    for name in (runs.ENCODER, runs.UNTRAINED):
        (folder / name).write_text(f"{folder.name} {name}")
    runs.finish_run(folder, KEPT)
    if when:
        os.utime(folder / runs.ENCODER, (when, when))
    return folder


def edit_config(folder, **changes):
    config = json.loads((folder / runs.CONFIG).read_text())
    (folder / runs.CONFIG).write_text(json.dumps(config | changes))


def test_a_run_that_is_started_and_finished_can_be_opened(tmp_path):
    folder = finish(tmp_path / "a")
    run = runs.open_run(folder)
    assert run.classes == ("healthy", "pneumonia")
    assert run.config["settings"] == SETTINGS and run.config["software"]["packages"]["torch"]
    assert run.config["result"]["kept"] == KEPT
    assert run.config["result"]["encoder"] == file_digest(run.encoder)
    assert run.config["result"]["untrained"] == file_digest(run.untrained)


def test_a_run_keeps_every_film_with_its_split(tmp_path):
    kept, given = runs.open_run(finish(tmp_path / "a")).manifest(), make_manifest()
    for column in ("path", "label", "split", "sha256", "case"):
        assert kept.frame[column].tolist() == given.frame[column].tolist()
    assert kept.digest() == given.digest()


def test_the_data_are_described_by_digests_counts_and_what_was_never_seen():
    data = runs.describe_data(make_manifest())
    assert data["counts"] == {
        "train": {"toy: healthy": 1}, "val": {"toy: pneumonia/viral": 1}, "test": {"toy: healthy": 1},
        "held-out": {"toy: covid-19": 1},
    }  # fmt: skip
    assert data["labels_seen"] == ["healthy", "pneumonia/viral"]
    assert data["labels_never_seen"] == ["covid-19"]
    assert data["notes"] == ["a note"]


def test_a_run_goes_on_only_with_the_films_it_was_started_on(tmp_path):
    folder = start(tmp_path / "a")
    runs.require_same_data(folder, runs.describe_data(make_manifest()))
    other = make_manifest(labels=("healthy", "healthy", "healthy", "covid-19"))
    with pytest.raises(MismatchError, match="not those the run was started on"):
        runs.require_same_data(folder, runs.describe_data(other))


def test_the_history_is_a_table_of_a_row_an_epoch(tmp_path):
    history = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    runs.save_history(tmp_path, history)
    assert pd.read_csv(tmp_path / runs.HISTORY).to_dict("records") == history


def test_the_newest_run_is_the_one_whose_encoder_was_written_last(tmp_path):
    for name, when in (("b", 2000), ("a", 3000), ("c", 1000)):
        finish(tmp_path / name, when)
    assert runs.newest_run(tmp_path).folder.name == "a"
    assert runs.choose_run(None, tmp_path).folder.name == "a"
    assert runs.choose_run(tmp_path / "c", tmp_path).folder.name == "c"


def test_the_newest_unfinished_run_is_gone_on_with_or_the_one_named(tmp_path):
    for name, when in (("old", 1000), ("new", 2000)):
        start(tmp_path / name)
        os.utime(tmp_path / name / runs.CONFIG, (when, when))
    finish(tmp_path / "done")
    assert runs.find_unfinished(tmp_path, None).name == "new"
    assert runs.find_unfinished(tmp_path, "old").name == "old"
    with pytest.raises(CheckpointError, match="--name done: the run is finished"):
        runs.find_unfinished(tmp_path, "done")


def test_without_an_unfinished_run_there_is_nothing_to_go_on_with(tmp_path):
    finish(tmp_path / "done")
    with pytest.raises(CheckpointError, match="holds no unfinished run; start one without --resume"):
        runs.find_unfinished(tmp_path, None)


def test_the_first_free_number_makes_the_name(tmp_path):
    assert runs.free_name(tmp_path, "resnet18") == "resnet18-1"
    for name in ("resnet18-1", "resnet18-3"):
        (tmp_path / name).mkdir()
    assert runs.free_name(tmp_path, "resnet18") == "resnet18-2"
    assert runs.free_name(tmp_path, "timm:hf/net") == "timm-hf-net-1"
    assert runs.free_name(tmp_path / "not there yet", "resdense") == "resdense-1"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "not a run folder, it has no config.json"),
        (lambda folder: (folder / runs.CONFIG).write_text('{"format":'), "config.json: damaged"),
        (lambda folder: (folder / runs.CONFIG).write_bytes(b"\xff\xfe"), "config.json: damaged"),
        (lambda folder: (folder / runs.CONFIG).write_text("[]"), "config.json: not of the form embedlearn-run-1"),
        (lambda folder: edit_config(folder, format="other"), "config.json: not of the form embedlearn-run-1"),
        (lambda folder: (folder / runs.ENCODER).unlink(), "not finished; go on with .* --resume --name run"),
        (lambda folder: (folder / runs.ENCODER).write_text("changed"), "SHA-256 differs"),
    ],
    ids=["no folder", "torn", "no text", "no object", "foreign", "no encoder", "changed encoder"],
)
def test_what_is_no_finished_run_says_why(tmp_path, damage, message):
    damage(finish(tmp_path / "run"))
    with pytest.raises(CheckpointError, match=message):
        runs.open_run(tmp_path / "run")


def test_a_run_stopped_before_its_result_was_entered_is_unfinished(tmp_path):
    folder = start(tmp_path / "run")
    (folder / runs.ENCODER).write_text("weights")
    with pytest.raises(CheckpointError, match="not finished"):
        runs.open_run(folder)
    assert runs.find_unfinished(tmp_path, None) == folder


def test_a_folder_without_runs_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(CheckpointError, match="no finished run is here; make one with embedlearn pretrain"):
        runs.newest_run(tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "missing or damaged"),
        (lambda path: path.write_text(""), "not the file that config.json speaks of"),
        (lambda path: path.write_text(path.read_text().replace("train", "test", 1)), "not the file that config.json"),
    ],
    ids=["missing", "empty", "a film moved to the test"],
)  # fmt: skip
def test_a_manifest_that_is_not_the_runs_own_is_named(tmp_path, damage, said):
    run = runs.open_run(finish(tmp_path / "a"))
    damage(run.folder / runs.MANIFEST)
    with pytest.raises(CheckpointError, match=f"manifest.csv: {said}"):
        run.manifest()


def test_a_run_is_never_written_over(tmp_path):
    start(tmp_path / "run")
    with pytest.raises(ArgumentError, match="--name run: .* is there already"):
        start(tmp_path / "run")


def test_a_folder_that_is_no_run_does_not_stop_the_search_for_one(tmp_path):
    folder = start(tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / runs.CONFIG).write_text("{}")
    assert runs.find_unfinished(tmp_path, None) == folder
