"""The cards of a run say what its files say, give nothing away, and can be written again at any time."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from small_runs import FEW

from embedlearn import fewshot
from embedlearn.encoders import runs
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.errors import CheckpointError
from embedlearn.pages.numbers import number
from embedlearn.radiographs.manifest import Manifest
from embedlearn.tasks.cards import DATA_CARD, MODEL_CARD, write_cards
from embedlearn.tasks.cards.words import clean, listed

SETTINGS = {
    "classes": ["healthy", "pneumonia"], "split": "auto", "val": 0.25, "test": 0.2, "seed": 7,
    "weights": "/home/anna/runs/start.safetensors",
    "architecture": {"backbone": "resdense", "pooling": "mean", "dimension": 16},
    "preprocessing": {"size": 32, "fit": "crop", "border": 0.1, "clahe": False, "standardise": "fixed"},
    "augmentation": {"crop": 0.4, "rotate": 15.0, "blur": 0.0},
    "objective": {"loss": "triplet", "loss_args": ["margin=0.2"], "instance": 0.0, "temperature": 0.2},
    "sampling": {"sampler": "classes", "batch": 8, "balance": "classes"},
    "schedule": {"epochs": 3, "learning_rate": 0.002, "weight_decay": 0.01, "warmup": 0.1},
}  # fmt: skip
NOTES = (
    "clinic: 3 files were left out, the first is Doe Jane (2).png; look at them",
    "the masks lie in /home/anna/masks and C:\\films\\masks",
    "scan-17.dcm was turned",
)
FEWSHOT = {"queries": "balanced", "shots": 5, "episode_low": 0.61, "episode_high": 0.63}
KEPT = {"epoch": 2, "val_recall_at_1": 0.75, "val_knn": 0.8125}


def films():
    """Forty films of twenty patients in two sources, with all that a manifest may tell."""
    random, number_ = np.random.default_rng(0), np.arange(40)
    case = number_ // 2
    label = np.array(["healthy", "pneumonia/viral", "covid-19", "healthy"])[case % 4]
    split = np.where(label == "covid-19", "held-out", np.array(["train", "val", "test", "train", "train"])[case % 5])
    frame = pd.DataFrame(
        {
            "path": [f"/home/anna/films/Doe {n}.png" for n in number_],
            "label": label,
            "patient": [None if n < 4 else f"Jane-{n // 2}" for n in number_],
            "source": np.where(case % 2, "clinic|one", "clinic_two"),
            "view": np.where(case % 3, "PA", "AP"),
            "split": split,
            "age": [None if n % 7 == 0 else str(20 + n) for n in number_],
            "sex": random.choice(["F", "M"], 40),
            "sha256": [f"{n:064x}" for n in number_],
            "class": [None if name == "covid-19" else name.split("/")[0] for name in label],
        }
    ).astype("string")
    return Manifest(frame.assign(case=case), NOTES)


@pytest.fixture
def run(tmp_path):
    """A finished run, written by hand."""
    folder, manifest = tmp_path / "runs" / "mine", films()
    runs.start_run(folder, SETTINGS, manifest, runs.describe_data(manifest))
    tensors = {"a.weight": np.zeros((3, 4), "f4"), "a.running_mean": np.zeros(9, "f4"), "center": np.zeros(16, "f4")}
    for name in (runs.ENCODER, runs.UNTRAINED):
        save_file(tensors, folder / name)
    runs.save_history(folder, [{"epoch": 1, "val_recall_at_1": 0.5, "val_knn": 0.5}, KEPT])
    runs.finish_run(folder, KEPT)
    return folder


def evaluate(folder, encoder=None):
    """Write an evaluation of the run as `fewshot` would; what it holds."""
    rows = [
        {**FEWSHOT, "space": space, "head": head, "metric": metric, "mean": mean, "patient_low": mean - 0.0625,
         "patient_high": mean + 0.0625}
        for mean, (space, head, metric) in enumerate_means()
    ]  # fmt: skip
    result = {
        "encoder": encoder or runs.read_config(folder)["result"]["encoder"], "scores": rows, "positive": "covid-19",
        "classes": ["covid-19", "healthy"], "pool": {"covid-19": {"films": 10, "cases": 5}},
        "settings": {"episodes": 40}, "warnings": ["warning: only 5 cases of covid-19"], "notes": [],
    }  # fmt: skip
    (folder / "fewshot").mkdir(exist_ok=True)
    (folder / "fewshot" / "result.json").write_text(json.dumps(result))
    return rows


def enumerate_means():
    kinds = [
        ("trained", "prototype", "accuracy"), ("trained", "knn", "accuracy"), ("trained", "prototype", "auc"),
        ("untrained", "prototype", "accuracy"), ("untrained", "prototype", "auc"), ("untrained", "knn", "accuracy"),
    ]  # fmt: skip
    return [(0.5 + 0.05 * place, kind) for place, kind in enumerate(kinds)]


def cards_of(folder):
    return [path.read_text(encoding="utf-8") for path in write_cards(folder)]


def table_of(card, heading):
    """The cells of the table whose first heading is this, row by row under their headings."""
    lines = card.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_the_cards_count_what_the_manifest_holds(run):
    model, data = cards_of(run)
    frame = films().frame
    for row in table_of(model, "source"):
        own = frame[(frame["source"] == row["source"].replace("\\", "")) & (frame["label"] == row["label"])]
        for word, split in (("training", "train"), ("validation", "val"), ("test", "test"), ("set aside", "held-out")):
            assert int(row[word]) == (own["split"] == split).sum()
    for row in table_of(data, "label"):
        if "training" in row and row["label"] != "all":
            own = frame[(frame["label"] == row["label"]) & (frame["split"] == "train")]
            assert row["training"] == (f"{len(own)} ({own['case'].nunique()})" if len(own) else "–")
    assert [int(row["films without a patient"]) for row in table_of(data, "source")] == [2, 2]
    assert "40 films from 2 sources" in data and "It has never seen covid-19" in model
    assert "12 weights" in model and "recall@1 .750, 5-NN accuracy .812" in model
    assert "triplet margin=0.2; classes" in model and "those of `start.safetensors`" in model
    assert "about 25 % to validation, 20 % to test" in data and "The licence of every film" in data
    assert "blur" not in model and "10 % of each side cut away first" in model


def test_no_path_no_file_and_no_patient_stands_in_a_card(run):
    evaluate(run)
    for card in cards_of(run):
        assert not re.search(r"Doe|Jane|anna|\.png|\.dcm|/home|C:|/runs", card), card
    assert "3 files were left out; look at them" in card
    assert clean("see ../a b/c.txt and ~/x, or pneumonia/viral at 3/4") == "see a folder b/c.txt and a folder, or " \
        "pneumonia/viral at 3/4"  # fmt: skip


def test_the_same_files_give_the_same_bytes_wherever_they_lie(run, tmp_path):
    evaluate(run)
    shutil.copytree(run, tmp_path / "elsewhere" / "mine")
    first = cards_of(run)
    assert cards_of(run) == first == cards_of(tmp_path / "elsewhere" / "mine")


def test_an_evaluation_fills_its_section_and_that_of_another_encoder_does_not(run):
    assert "Not evaluated, as far" in cards_of(run)[0]
    evaluate(run, encoder="0" * 64)
    assert "Not evaluated, as far" in cards_of(run)[0]
    rows = evaluate(run)
    model = cards_of(run)[0]
    assert "Not evaluated, as far" not in model and "only 5 cases of covid-19" in model and "chance is .500" in model
    means = {(row["space"], row["head"], row["metric"]): row for row in rows}
    told = {row["accuracy"]: row["5 examples a class"] for row in table_of(model, "accuracy")}
    assert set(told) == {"prototype", "knn", "prototype, untrained network"}
    one = means["trained", "knn", "accuracy"]
    assert told["knn"] == f"{number(one['mean'])} [{number(one['patient_low'])} {number(one['patient_high'])}]"
    aucs = [row["AUC"] for row in table_of(model, "covid-19, prototype, 5 examples a class")]
    assert [text.split()[0] for text in aucs] == [
        number(means[s, "prototype", "auc"]["mean"]) for s in ("trained", "untrained")
    ]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (runs.MANIFEST, "`manifest.csv` is missing or is not the file"),
        (runs.HISTORY, "run: 2."),
        (runs.ENCODER, "an unknown number of weights"),
    ],
)
def test_a_run_that_lost_a_file_still_gets_its_cards(run, gone, told):
    (run / gone).unlink()
    assert told in "".join(cards_of(run))


def test_a_run_of_an_earlier_form_still_gets_its_cards(run):
    config = runs.read_config(run)
    del config["result"]["kept"], config["settings"]["sampling"]["balance"]
    (run / runs.CONFIG).write_text(json.dumps(config))
    evaluate(run)
    result = json.loads((run / "fewshot" / "result.json").read_text())
    result["scores"] = [{name: row[name] for name in row if name != "queries"} for row in result["scores"]]
    (run / "fewshot" / "result.json").write_text(json.dumps(result))
    model = cards_of(run)[0]
    assert "Kept:" not in model and "classes in equal parts" in model and "Not evaluated, as far" in model


def test_a_torn_split_is_told(run):
    frame = films().frame
    frame.loc[frame["case"] == 5, "split"] = ["train", "test"]
    frame.to_csv(run / runs.MANIFEST, index=False)
    config = runs.read_config(run)
    config["data"]["manifest_csv"] = runs.file_digest(run / runs.MANIFEST)
    (run / runs.CONFIG).write_text(json.dumps(config))
    assert "1 case stand in two splits" in cards_of(run)[1]


def test_an_unfinished_run_has_no_cards(run):
    config = runs.read_config(run)
    del config["result"]
    (run / runs.CONFIG).write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="not finished"):
        write_cards(run)
    assert not (run / MODEL_CARD).exists()


def test_words_are_listed():
    assert (listed([]), listed(["a"]), listed(["a", "b|c"])) == ("nothing", "a", "a and b\\|c")
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_the_commands_write_the_cards(place, tmp_path, capsys):
    run = tmp_path / "base"
    shutil.copytree(place / "runs" / "base", run)
    written = [(run / name).read_bytes() for name in (MODEL_CARD, DATA_CARD)]
    weights = sum(each.numel() for each in load_encoder(run / runs.ENCODER).encoder.parameters())
    assert f"{weights:,} weights" in written[0].decode() and b"synthetic phantoms" in written[1]
    fewshot.main(["--run", str(run), "--data", str(place / "films"), "--shots", "1", "--heads", "prototype", *FEW])
    assert f"wrote {run / MODEL_CARD}" in capsys.readouterr().out
    accuracy = [json.loads((run / "fewshot" / "result.json").read_text())["scores"][0]["mean"]]
    assert number(accuracy[0]) in (run / MODEL_CARD).read_text()
    assert (run / DATA_CARD).read_bytes() == written[1]
    shutil.rmtree(run / "fewshot")
    assert [path.read_bytes() for path in write_cards(run)] == written
