"""Cards of runs whose files are missing, old, or of a wrong form."""

import json

import pytest
from hand_made_run import FEWSHOT, cards_of, evaluate, made_run

from embedlearn.encoders import runs
from embedlearn.errors import CheckpointError
from embedlearn.tasks.cards import DATA_CARD, MODEL_CARD, renew_cards, write_cards


@pytest.fixture
def run(tmp_path):
    return made_run(tmp_path)


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


def wrong_result(**changes):
    def change(run):
        evaluate(run)
        result = json.loads((run / "fewshot" / "result.json").read_text())
        (run / "fewshot" / "result.json").write_text(json.dumps({**result, **changes}))

    return change


def header_of(text):
    return lambda run: (run / runs.ENCODER).write_bytes(len(text).to_bytes(8, "little") + text)


def text_in(name, text):
    def write(run):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(text)

    return write


WRONG_ROW = {**FEWSHOT, "space": "untrained", "head": "knn", "metric": "accuracy", "mean": 0.5}
WRONG = "is not of the form that this card reads"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (text_in(runs.HISTORY, b"epoch,val_knn\n1,good\n"), "run: 2."),
        (text_in(runs.HISTORY, b"epoch\n1,2\n\xff\0"), "run: 2."),
        (text_in(runs.HISTORY, b"epoch,val_knn\n1\n"), "run: 2."),
        (text_in("fewshot/result.json", b"[]"), "Not evaluated"),
        (text_in("fewshot/result.json", b'{"scores": 5}'), "Not evaluated"),
        (wrong_result(scores=[WRONG_ROW]), WRONG),
        (wrong_result(scores=[{**WRONG_ROW, "space": "trained", "mean": "good"}]), WRONG),
        (wrong_result(pool=None), WRONG),
        (wrong_result(classes=[]), WRONG),
        (text_in("findings.csv", b"finding,scores\nedema,head\n"), WRONG),
        (header_of(b"[]"), "an unknown number of weights"),
        (header_of(b'{"a": 3}'), "an unknown number of weights"),
        (header_of(b'{"a": {"shape": ["x"]}}'), "an unknown number of weights"),
        (text_in("explain/check.json", b'{"format": 5}'), "Not evaluated"),
        (text_in("explain/check.json", b"[]"), "Not evaluated"),
    ],
)
def test_a_file_of_a_wrong_form_is_not_known(run, spoil, told):
    spoil(run)
    assert told in cards_of(run)[0]


def test_a_card_that_fails_ends_nothing(run, capsys):
    renew_cards(run, "anew")
    assert capsys.readouterr().out == f"wrote {run / MODEL_CARD} and {run / DATA_CARD}: anew\n"
    config = runs.read_config(run)
    (run / runs.CONFIG).write_text(json.dumps({**config, "result": []}))
    with pytest.raises(CheckpointError, match=r"config\.json: not as a training writes it"):
        write_cards(run)
    renew_cards(run, "anew")
    assert capsys.readouterr().out.startswith("note: no card: ")
