"""`fewshot predict` on a user's own folders."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import fewshot


@pytest.fixture
def films(place, tmp_path):
    """Folders `support` (five films a class of three) and `query` (four films a class, under a folder each)."""
    rows = pd.read_csv(place / "runs" / "base" / "manifest.csv")
    rows = rows[rows["split"].isin(["test", "held-out"])].drop_duplicates("patient")
    for label, found in rows.groupby("label"):
        if len(found) < 9 or label not in ("healthy", "covid-19", "pneumonia/viral"):
            continue
        for folder, part in (("support", found[:5]), ("query", found[5:9])):
            target = tmp_path / folder / label.replace("pneumonia/", "")
            target.mkdir(parents=True)
            for path in part["path"]:
                shutil.copy(path, target)
    return tmp_path


@pytest.fixture
def predict(place, films):
    def call(*words):
        sides = ["--support", str(films / "support"), "--query", str(films / "query")]
        fewshot.main(["predict", *sides, "--run", str(place / "runs" / "base"), *map(str, words)])

    return call


def test_json_says_everything(predict, films):
    predict("--out", films / "answers.json")
    told = json.loads((films / "answers.json").read_text())
    assert told["temperature"] > 0 and told["bound"] > 0 and 0 < told["base_shots"] <= 5
    classes = set(told["classes"])
    assert len(classes) == 3 and {"healthy", "covid-19"} < classes
    assert len(told["films"]) == 12
    for film in told["films"]:
        assert sum(film["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert film["probabilities"][film["class"]] == max(film["probabilities"].values())  # rounded, some may tie
        assert film["probability"] == max(film["probabilities"].values())
        assert film["unknown"] == (film["strangeness"] > told["bound"])
        assert film["answer"] == ("unknown" if film["unknown"] else film["class"])
        assert [example["distance"] for example in film["nearest"]] == sorted(e["distance"] for e in film["nearest"])
        assert len(film["nearest"]) == 3
        for example in film["nearest"]:
            assert f"/support/{example['label'].removeprefix('pneumonia/')}" in example["path"]


def test_csv_says_the_same(predict, films):
    predict("--out", films / "answers.csv", "--nearest", 2)
    predict("--out", films / "answers.json")
    table = pd.read_csv(films / "answers.csv")
    told = json.loads((films / "answers.json").read_text())["films"]
    assert table["path"].tolist() == [film["path"] for film in told]
    assert table["answer"].tolist() == [film["answer"] for film in told]
    for name in told[0]["probabilities"]:
        assert table[f"p:{name}"].tolist() == pytest.approx([film["probabilities"][name] for film in told])
    assert table["nearest 1"].tolist() == [film["nearest"][0]["path"] for film in told]
    assert "nearest 2 distance" in table and "nearest 3" not in table


def test_without_a_file_a_table_is_printed(predict, capsys):
    predict("--head", "knn", "--measure", "knn")
    printed = capsys.readouterr().out
    assert "films answered: 12" in printed and "nearest" in printed and "research use only" in printed


def test_one_file_is_enough_and_an_example_that_is_asked_about_is_noticed(place, films, capsys):
    example = next((films / "support").rglob("*.png"))
    words = ["--support", str(films / "support"), "--query", str(example), "--run", str(place / "runs" / "base")]
    fewshot.main(["predict", *words, "--out", str(films / "one.json")])
    film = json.loads((films / "one.json").read_text())["films"][0]
    assert film["nearest"][0]["path"] == str(example) and film["nearest"][0]["distance"] == 0
    told = json.loads((films / "one.json").read_text())["warnings"]
    assert told[0] == "warning: films asked about that are examples too: 1; their answers say nothing"
    assert told[0] in capsys.readouterr().out


def test_a_table_of_examples_will_do(place, films):
    paths = sorted((films / "support").rglob("*.png"))
    table = pd.DataFrame({"file": paths, "dx": [path.parent.name for path in paths]})
    table.to_csv(films / "support.csv", index=False)
    words = [
        "--support",
        str(films / "support.csv"),
        "--columns",
        "path=file",
        "label=dx",
        "--query",
        str(films / "query"),
    ]
    fewshot.main(["predict", *words, "--run", str(place / "runs" / "base"), "--out", str(films / "a.json")])
    assert len(json.loads((films / "a.json").read_text())["films"]) == 12


def test_a_film_that_is_none_of_these_is_unknown(place, films):
    noise = np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8) * 255
    Image.fromarray(noise).save(films / "noise.png")
    words = ["--support", str(films / "support"), "--query", str(films / "noise.png"), "--keep", "0.5"]
    fewshot.main(["predict", *words, "--run", str(place / "runs" / "base"), "--out", str(films / "n.json")])
    assert json.loads((films / "n.json").read_text())["films"][0]["strangeness"] > 0


def test_same_films_same_bytes(predict, films):
    predict("--out", films / "answers.json")
    first = (films / "answers.json").read_bytes()
    predict("--out", films / "answers.json")
    assert (films / "answers.json").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--head", "svm"], "svm"),
        (["--head", "all"], "--head: wanted one head"),
        (["--keep", "2"], "--keep"),
        (["--out", "answers.txt"], "--out answers.txt: wanted a name that ends in .csv or .json"),
        (["--query", "nowhere"], "nowhere"),
        (["--query", "EMPTY"], "an empty folder"),
        (["--support", "ONE"], "--support: wanted examples of two classes or more, got healthy only"),
        (["--run", "nowhere"], "nowhere"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_is_wrong_is_named(words, said, place, films, refused):
    (films / "EMPTY").mkdir()
    shutil.copytree(films / "support" / "healthy", films / "ONE" / "healthy")
    words = [str(films / word) if word in ("EMPTY", "ONE") else word for word in words]
    sides = ["--support", films / "support", "--query", films / "query", "--run", place / "runs" / "base"]
    assert said in refused(fewshot.main, "predict", *sides, *words)
    assert not list(films.glob("answers*"))


def test_an_unreadable_film_among_many(place, films, refused, capsys):
    bad = next((films / "query").rglob("*.png"))
    bad.write_bytes(bad.read_bytes()[:100])
    sides = ["--support", films / "support", "--query", films / "query", "--run", place / "runs" / "base"]
    complaint = refused(fewshot.main, "predict", *sides)
    assert str(bad) in complaint and "--skip-bad" in complaint
    fewshot.main(["predict", *map(str, sides), "--skip-bad"])
    printed = capsys.readouterr().out
    assert f"left out: {bad}" in printed and "films answered: 11" in printed


def test_help_says_what_predict_does(capsys):
    with pytest.raises(SystemExit) as exit_:
        fewshot.main(["predict", "--help"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    assert "usage: embedlearn fewshot predict" in printed and "--support" in printed


def test_what_must_be_known_is_in_the_file_too(predict, films, place):
    predict("--head", "tim", "--out", films / "answers.json")
    assert json.loads((films / "answers.json").read_text())["warnings"][0].startswith("warning: tim is transductive")
    rows = pd.read_csv(place / "runs" / "base" / "manifest.csv")
    shutil.copy(rows["path"][rows["split"] == "val"].iloc[0], films / "query" / "seen.png")
    predict("--out", films / "answers.json")
    told = " ".join(json.loads((films / "answers.json").read_text())["warnings"])
    assert "films asked about that the run has seen: 1" in told
