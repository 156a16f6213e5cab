"""The stored results: each document's table has their numbers, and nothing in them names a machine or a film."""

import json
import re

import pytest
from written_tables import brackets, cells

from experiments.systems.results import RESULTS
from experiments.tables import keep
from experiments.tables.documents import filled, find_documents
from experiments.tables.named import make, table_names
from experiments.tables.store import Store

PROJECT = RESULTS.parents[1]


def test_every_marker_of_the_documents_has_a_table():
    known = table_names(Store())
    for path in find_documents(PROJECT):
        named = []
        filled(path.read_text(encoding="utf-8"), lambda name: named.append(name) or "", path.name)  # noqa: B023
        assert set(named) <= set(known), path


def test_the_store_holds_no_path_and_is_small_and_described():
    described = (RESULTS / "README.md").read_text(encoding="utf-8")
    for path in RESULTS.rglob("*.*"):
        name = path.relative_to(RESULTS).as_posix()
        assert path.stat().st_size < 150_000, name
        assert not re.search(r"/(work|tmp|home|root|mnt|Users)/|\.\./", path.read_text(encoding="utf-8")), name
        assert name == "README.md" or name in described or f"{path.parent.name}/NAME.json" in described, name


def stored(name):
    path = RESULTS / name
    if not path.is_file():
        pytest.skip(f"{name} is not stored")
    return json.loads(path.read_text(encoding="utf-8")) if name.endswith("json") else path.read_text(encoding="utf-8")


def test_the_few_shot_tables_are_the_stored_scores():
    found = stored("few-shot.json")
    scores = found["scores"]["balanced"]

    def cell(ends, sign=""):
        return f"{brackets(*ends[:3], sign)} ({brackets(*ends[2:], sign).split('[')[1][:-1]})"

    [lines] = cells(make("few-shot/heads", Store()))
    assert [line["head"] for line in lines] == [
        *scores["trained"], *(f"{space}, prototype" for space in scores if space != "trained")
    ]  # fmt: skip
    for line in lines:
        space, _, head = line["head"].rpartition(", ")
        mine = scores[space or "trained"][head]["5"]
        assert line["accuracy"] == cell(mine["accuracy"])
        assert line["AUC covid-19"] == cell(mine["auc"])
        if not space:
            assert line["accuracy less untrained"] == cell(found["gains"][head]["5"], "+")
            assert line["accuracy, dirichlet queries"] == cell(
                found["scores"]["dirichlet"]["trained"][head]["5"]["accuracy"]
            )
    [shots] = cells(make("few-shot/shots", Store()))
    assert shots[0]["1 shot"] == cell(scores["trained"]["prototype"]["1"]["accuracy"])
    assert "trans-finetune" not in make("few-shot", Store())


def test_the_transfer_tables_are_the_stored_lines():
    lines = [line.split(",") for line in stored("transfer.csv").splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]

    def number(row, task, shots, *names, sign=""):
        [line] = [each for each in rows if (each["row"], each["task"], each["shots"]) == (row, task, shots)]
        return brackets(*(float(line[name]) for name in names), sign)

    [main], [shots], [configs] = (cells(make(f"transfer{part}", Store())) for part in ("", "/shots", "/configs"))
    for line in main[:4]:
        for task in list(line)[1:-1]:
            assert line[task] == number(line[""], task, "5", "accuracy", "low", "high")
    assert main[-1]["X: all sources"].replace("**", "") == number(
        "default", "X: all sources", "5", "lift", "lift_low", "lift_high", sign="+"
    )
    assert (
        shots[0]["B: bacterial or viral"][:4] == number("default", "B: bacterial or viral", "1", *["accuracy"] * 3)[:4]
    )
    for line in configs:
        assert line["X: mean"] == number(line["config"], "X: mean", "5", "lead", "lead_low", "lead_high", sign="+")


def test_the_other_stored_tables_hold_their_numbers():
    trained = stored("retrieval.json")["rows"]["trained"]
    [lines] = cells(make("retrieval", Store()))
    found = list(lines[0].values())
    assert found[0] == "trained"
    for text, kind in zip(found[1:], ("label", "source", "across", "map_at_r", "recall_at_1"), strict=True):
        assert text == brackets(*(trained[kind][end] for end in ("mean", "low", "high")))
    told = stored("audit.json")["shortcuts"]
    [lines] = cells(make("audit", Store()))
    header = next(line for line in lines if "file header" in line.values())
    assert header["within sandrofab"] == brackets(
        *told["within"]["sandrofab"]["auc"]["file header"]["covid-19"].values()
    )
    checks = stored("check.json")["checks"]
    [lines] = cells(make("check", Store()))
    for line in lines[2:]:
        of = [each for each in checks if each["method"] == "exact"][lines.index(line)]
        words = brackets(of["value"], of["low"], of["high"])
        assert line["exact"] == (words if of["passed"] else f"**{words}**") and line["wanted"] == of["wanted"]


def test_keeping_a_result_leaves_out_paths_and_keeps_the_numbers(tmp_path):
    about = {"encoder": "ab", "lag": 0.4, "settings": {"run": "/somewhere/runs/mine", "data": ["../films/one"]}}
    check = {"check": "ROAD", "method": "exact", "value": 0.123456789, "low": 0.1, "high": 0.2, "wanted": "> 0",
             "passed": True, "sentence": "a/b", "n": 4}  # fmt: skip
    source = tmp_path / "check.json"
    source.write_text(json.dumps({"format": "embedlearn-map-checks-2", "about": about, "checks": [check]}))
    keep.main(["--kind", "check", "--source", str(source), "--results", str(tmp_path / "kept")])
    kept = json.loads((tmp_path / "kept" / "check.json").read_text(encoding="utf-8"))
    assert kept["about"]["settings"] == {"run": "mine", "data": ["one"]}
    assert kept["checks"] == [check]
    assert ".123 [.100 .200]" in make("check", Store(tmp_path / "kept", tmp_path))


def test_what_is_no_result_is_not_kept(tmp_path, refused):
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    for kind in ("few-shot", "retrieval", "audit", "check", "transfer"):
        assert f"no {kind} result" in refused(keep.main, "--kind", kind, "--source", tmp_path / "a.json")


def evaluation(head="prototype", shots=5, mean=0.1 + 0.2, **other):
    """What `fewshot` writes, with one score."""
    ends = {f"{kind}_{end}": mean for kind in ("episode", "patient") for end in ("low", "high")}
    where = {"head": head, "shots": shots}
    return {
        "classes": ["a", "b"], "positive": "a", "pool": {}, "encoder": "ab", "software": {},
        "settings": {"run": "/far/runs/mine"},
        "scores": [{"queries": "balanced", "space": "trained", **where, "metric": "accuracy", "mean": mean, **ends}],
        "differences": [{"space": "trained minus untrained", **where, "metric": "accuracy", "mean": mean, **ends}],
        "calibration": [{"space": "trained", **where, "raw_ece": 0.5}],
        "supports": [{"shots": shots, "medoid": 0.5, "files": {"best": ["/far/film.png"]}}],
        **{key: ["same"] for key in ("unknown", "leakage", "fine_tuned", "notes", "warnings")}, **other,
    }  # fmt: skip


def test_evaluations_are_kept_together_digit_by_digit(tmp_path, refused):
    def kept(*found):
        sources = [tmp_path / f"{number}.json" for number in range(len(found))]
        for path, content in zip(sources, found, strict=True):
            path.write_text(json.dumps(content), encoding="utf-8")
        return ["--kind", "few-shot", "--results", str(tmp_path / "kept"), "--source", *map(str, sources)]

    keep.main(kept(evaluation(shots=1), evaluation(), evaluation("knn", mean=0.5)))
    text = (tmp_path / "kept" / "few-shot.json").read_text(encoding="utf-8")
    found = json.loads(text)
    assert found["scores"]["balanced"]["trained"]["prototype"] == {
        shots: {"accuracy": [0.1 + 0.2] * 5} for shots in "15"
    }  # fmt: skip
    assert found["scores"]["balanced"]["trained"]["knn"]["5"]["accuracy"] == [0.5] * 5
    assert found["unknown"] == ["same"] and len(found["supports"]) == 2
    assert "far" not in text and "film" not in text
    [lines] = cells(make("few-shot", Store(tmp_path / "kept", tmp_path)))
    assert [(line["head"], line["calibration error (mended)"]) for line in lines] == [
        ("prototype", ".500"),
        ("knn", ".500"),
    ]
    assert "differ in balanced/trained/prototype/5/accuracy" in refused(
        keep.main, *kept(evaluation(), evaluation(mean=0.31))
    )
    assert "the same classes, positive, pool, encoder" in refused(
        keep.main, *kept(evaluation(), evaluation(encoder="cd"))
    )
    assert "wanted one" in refused(keep.main, "--kind", "check", "--source", "a.json", "b.json")
