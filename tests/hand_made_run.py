"""A finished run written by hand, its evaluation, and what its cards say."""

import json
import re

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from embedlearn.encoders import runs
from embedlearn.radiographs.manifest import Manifest
from embedlearn.tasks.cards import write_cards

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
    "clinic_two: 3 films beside the class folders were left out, the first is Doe; Jane (2).png",
    "clinic|one: the classes are the folders in Doe-Jane/1970, the only one with films",
    "the masks lie in /data/Doe, Jane/x and C:\\films\\Doe",
    "clinic_two: 1 films beside Doe were left out",
    "Doe: 2 films beside the class folders were left out",
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


def made_run(place):
    """A finished run below `place`, with all that a card tells of."""
    folder, manifest = place / "runs" / "mine", films()
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
        "settings": {"episodes": 40}, "notes": ["/home/anna/runs: 5"],
        "warnings": ["warning: only 5 cases of covid-19; other patients may give another picture"],
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


def rewrite(folder, frame):
    frame.to_csv(folder / runs.MANIFEST, index=False)
    config = runs.read_config(folder)
    config["data"]["manifest_csv"] = runs.file_digest(folder / runs.MANIFEST)
    (folder / runs.CONFIG).write_text(json.dumps(config))
