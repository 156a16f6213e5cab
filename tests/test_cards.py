"""The cards of a run say what its files say, give nothing away, and can be written again at any time."""

import json
import re
import shutil

import pytest
from hand_made_run import cards_of, evaluate, films, made_run, rewrite, table_of
from small_runs import FEW

from embedlearn import fewshot
from embedlearn.encoders import runs
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.errors import CheckpointError
from embedlearn.pages.numbers import number
from embedlearn.tasks.cards import DATA_CARD, MODEL_CARD, write_cards
from embedlearn.tasks.cards.notes import OF_FILMS, known_notes
from embedlearn.tasks.cards.words import clean, listed


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path)


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
    assert "40 films from 2 sources" in data
    assert "This training has not shown it covid-19; what its first weights saw is not known." in model
    assert "12 weights" in model and "recall@1 .750, 5-NN accuracy .812" in model
    assert "triplet margin=0.2; classes" in model and "those of a file, whose SHA-256" in model
    assert "about 25 % to validation, 20 % to test" in data and "The licence of every film" in data
    assert "blur" not in model and "10 % of each side cut away first" in model


def test_no_path_no_file_and_no_patient_stands_in_a_card(run):
    evaluate(run)
    for card in cards_of(run):
        assert not re.search(r"Doe|Jane|anna|\.png|\.dcm|/home|C:|/runs|start\.safe", card), card
    assert "- clinic_two: 3 films beside the class folders were left out.\n- 4 notes are not repeated" in card


def test_a_note_is_printed_by_its_form_alone():
    tails = ("", ", the first is a;b smith.png", ": Jane", "; C:\\x", " (Jane)")
    for form in OF_FILMS:
        plain = form.replace("@", "a.b").replace("#", "1,024")
        for tail in tails:
            assert known_notes([plain + tail], OF_FILMS, ["a.b"], "f") == [f"- {clean(plain)}.", ""]
        for strange in (f"Jane {plain}", f"{plain} Jane", plain.replace("a.b", "axb") + "x"):
            assert known_notes([strange], OF_FILMS, ["a.b"], "f") == ["- 1 note is not repeated here: see `f`.", ""]
    assert known_notes([], OF_FILMS, [], "f") == []
    assert clean("CC0, https://creativecommons.org/publicdomain") == "CC0, https://creativecommons.org/publicdomain"


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ("none", "It has never seen covid-19."),
        ("imagenet", "This training has not shown it covid-19; what its first weights saw is not known."),
        ("/home/anna/start", "covid-19; what labels the run it started from has learnt is not told here."),
    ],
)
def test_what_it_has_never_seen_depends_on_its_first_weights(run, weights, told):
    config = runs.read_config(run)
    config["settings"]["weights"] = weights
    (run / runs.CONFIG).write_text(json.dumps(config))
    evaluate(run)
    model = cards_of(run)[0]
    assert told in model and "anna" not in model
    assert ("it has not seen" in model) == ("never seen" in model) == (weights == "none")
    config["data"]["notes"] = ["the training started from Doe; what that encoder has seen is not known"]
    (run / runs.CONFIG).write_text(json.dumps(config))
    assert weights != "/home/anna/start" or "those of a file" in cards_of(run)[0]


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


def test_a_torn_split_is_told(run):
    frame = films().frame
    frame.loc[frame["case"] == 5, "split"] = ["train", "test"]
    rewrite(run, frame)
    assert "1 case stands in two splits" in cards_of(run)[1]


def test_a_row_is_no_patient(run):
    frame = films().frame
    frame["patient"] = [None if n == 0 else "0" if n == 1 else f"p{n // 2}" for n in range(40)]
    rewrite(run, frame)  # the first case holds a film without a patient, in row 0, and one of the patient called 0
    assert "1 case holds films that no common patient joins" in cards_of(run)[1]


def test_what_is_told_of_few_is_not_told(run):
    frame = films().frame
    healthy = frame.index[frame["label"] == "healthy"]
    frame["sex"], frame["view"] = "F", "PA"
    frame.loc[healthy[:4], "sex"], frame.loc[healthy[:5], "view"] = "M", "AP"
    rewrite(run, frame)
    told = {row["label"]: row for row in table_of(cards_of(run)[1], "label | view")}
    assert told["healthy"]["sex"] == "not told: fewer than 5 films of a value"
    assert told["healthy"]["view"] == f"PA {len(healthy) - 5}, AP 5" and told["covid-19"]["sex"] == "F 10"


def test_round_brackets_are_told_where_they_stand(run):
    evaluate(run)
    assert "In square brackets" in cards_of(run)[0] and "In round brackets" not in cards_of(run)[0]
    result = json.loads((run / "fewshot" / "result.json").read_text())
    result["scores"] = [{**row, "patient_low": None} for row in result["scores"]]
    (run / "fewshot" / "result.json").write_text(json.dumps(result))
    model = cards_of(run)[0]
    assert "In square brackets" not in model and "In round brackets" in model and "(.610 .630)" in model


def test_checks_say_of_how_many_films_and_whose(run):
    verdict = {"method": "exact", "value": 1, "low": 0.5, "high": 2, "wanted": "> 0", "sentence": "", "passed": True}
    checks = [{**verdict, "check": "fit", "n": 12}, {**verdict, "check": "border", "n": 64}]
    about = {"encoder": runs.read_config(run)["result"]["encoder"]}
    (run / runs.EXPLAIN).mkdir()
    for data, told in (
        ([], "has not learnt from, of clinic_two, clinic\\|one."),
        (["/home/anna"], "does not keep."),
    ):
        about["settings"] = {"data": data, "masks": None, "boxes": None}
        stored = {"format": "embedlearn-map-checks-2", "about": about, "checks": checks}
        (run / runs.EXPLAIN / "check.json").write_text(json.dumps(stored))
        model = cards_of(run)[0]
        assert (
            "faithful in 1 of 1 checks; evidence where it should be in 1 of 1 checks; 12 to 64 films a check" in model
        )
        assert told in model and "anna" not in model


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
