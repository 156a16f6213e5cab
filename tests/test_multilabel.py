"""Films that may show several findings: their sets, their splits, and a run from the command to its table."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
from finding_films import write_finding_films
from small_runs import SMALL

from embedlearn import embed, pretrain
from embedlearn.encoders.runs import open_run
from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.radiographs.labelsets import (
    all_labels,
    as_set,
    count_findings,
    finding_targets,
    findings_of,
    frequent_findings,
    joined,
    known_findings,
    label_sets,
    target_matrix,
)
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.splits import PARTS, assign_finding_splits
from embedlearn.tasks.findings import MEAN, choose_absent, say_findings

NAMES = ("edema", "hernia", "mass", "pneumonia")


def frame_of(labels, sources=None, cases=None):
    texts = pd.Series(labels, dtype="string")
    frame = pd.DataFrame({"label": texts.str.split("|").str[0], "labels": texts})
    frame["source"] = pd.Series(sources or ["nih"] * len(labels), dtype="string")
    frame["split"] = pd.Series([None] * len(labels), dtype="string")
    frame["path"] = frame["patient"] = frame["source"]
    return frame.assign(case=np.arange(len(labels)) if cases is None else cases)


def test_a_healthy_film_has_the_empty_set_and_one_label_is_the_set_of_itself():
    frame = frame_of(["mass|edema", "healthy", "mass", "healthy|mass"])
    frame.loc[2, "labels"] = pd.NA
    assert label_sets(frame) == [{"mass", "edema"}, set(), {"mass"}, {"mass"}]
    assert label_sets(frame.drop(columns="labels")) == [{"mass"}, set(), {"mass"}, set()]
    assert all_labels(frame) == {"mass", "edema", "healthy"}
    assert as_set("No Finding") == set()
    assert joined(as_set("mass|edema")) == "edema|mass"
    assert joined(frozenset()) == "healthy"
    assert count_findings(label_sets(frame)) == {"edema": 1, "healthy": 1, "mass": 3}


def test_a_finding_holds_its_finer_labels_and_a_strange_label_is_of_none():
    assert findings_of(as_set("pneumonia/viral|mass"), NAMES) == {"pneumonia", "mass"}
    assert findings_of(as_set("healthy"), NAMES) == set()
    assert findings_of(as_set("mass|ards"), NAMES) is None


def test_findings_of_enough_patients_are_trained_on():
    sets = [as_set(text) for text in ("mass|edema", "mass", "edema", "edema")]
    assert frequent_findings(sets, np.array([0, 0, 1, 2]), least=3) == ("edema",)
    assert frequent_findings(sets, np.array([0, 1, 2, 2]), least=2) == ("edema", "mass")
    with pytest.raises(
        ManifestError, match="--multi-label: wanted a finding of 4 patients or more, got edema 3, mass 1"
    ):
        frequent_findings(sets, np.array([0, 0, 1, 2]), least=4)


def test_what_a_source_never_names_is_unknown_of_its_films():
    labels = ["mass|edema", "hernia", "healthy", "pneumonia", "healthy", "mass|ards", "healthy"]
    sources = ["nih", "nih", "nih", "kermany", "kermany", "ieee", "ieee"]
    frame = frame_of(labels, sources)
    sets = label_sets(frame)
    assert known_findings(sets, sources, NAMES) == {"nih": set(NAMES), "kermany": {"pneumonia"}, "ieee": {"mass"}}
    wanted = [
        [1, 0, 1, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [-1, -1, -1, 1],
        [-1, -1, -1, 0],
        [-1, -1, 1, -1],
        [-1, -1, 0, -1],
    ]
    assert target_matrix(sets, sources, NAMES).tolist() == wanted
    turned = target_matrix(sets, sources, NAMES[::-1])
    assert turned[:, ::-1].tolist() == wanted


def test_a_finding_that_one_set_alone_names_is_absent_elsewhere_where_the_user_says_so():
    frame = frame_of(["pneumonia/viral", "pneumonia", "healthy", "covid-19"], ["kermany"] * 3 + ["figure1"])
    names = ("covid-19", "pneumonia", "pneumonia/bacterial")
    plain = [[-1, 1, -1], [-1, 1, -1], [-1, 0, -1], [1, -1, -1]]
    assert finding_targets(frame, names).tolist() == plain
    assert finding_targets(frame, names, ["covid-19"]).tolist() == [[0, *row[1:]] for row in plain[:3]] + [plain[3]]
    finer = finding_targets(frame, names, ["pneumonia/bacterial"])[:, 2]
    assert finer.tolist() == [0, -1, 0, 0]  # the coarser label leaves it open


def test_finer_labels_count_for_the_coarser_and_the_coarser_leaves_the_finer_unknown():
    frame = frame_of(["pneumonia/viral|mass", "pneumonia", "healthy", "mass"])
    names = ("mass", "pneumonia", "pneumonia/viral")
    assert findings_of(label_sets(frame)[0], names) == set(names)
    assert finding_targets(frame, names).tolist() == [[1, 1, 1], [0, 1, -1], [0, 0, 0], [1, 0, 0]]
    assert frequent_findings(label_sets(frame), np.arange(4), least=2) == ("mass", "pneumonia")
    fine = label_sets(frame_of(["pneumonia/viral", "pneumonia/bacterial"]))
    assert frequent_findings(fine, np.arange(2), least=1) == ("pneumonia/bacterial", "pneumonia/viral")


def test_what_a_film_was_marked_uncertain_of_is_unknown():
    frame = frame_of(["mass|edema", "hernia", "pneumonia"])
    assert (finding_targets(frame, NAMES) == target_matrix(label_sets(frame), ["nih"] * 3, NAMES)).all()
    frame["uncertain"] = pd.Series(["mass|pneumonia", None, "ards|hernia"], dtype="string")
    assert finding_targets(frame, NAMES).tolist() == [[1, 0, 1, -1], [0, 1, 0, 0], [0, -1, 0, 1]]


def random_films(seed, count=400):
    rng = np.random.default_rng(seed)
    shares = (0.25, 0.03, 0.15, 0.1)
    labels = [
        "|".join(name for name, share in zip(NAMES, shares, strict=True) if rng.random() < share) for _ in range(count)
    ]
    labels = [text or "healthy" for text in labels]
    return Manifest(frame_of(labels, cases=np.sort(rng.integers(0, count // 2, count))))


@pytest.mark.parametrize("seed", range(3))
def test_a_split_shares_out_every_finding_and_tears_no_patient(seed):
    manifest = random_films(seed)
    frame = assign_finding_splits(manifest, NAMES, val=0.15, test=0.2, seed=seed).frame
    assert set(frame["split"]) == set(PARTS)
    assert (frame.groupby("case")["split"].nunique() == 1).all()
    assert frame["class"].tolist() == [joined(labels) for labels in label_sets(frame)]
    for name in (*NAMES, "healthy"):
        shares = frame["split"][frame["class"].str.contains(name)].value_counts(normalize=True)
        assert shares[list(PARTS)].to_numpy() == pytest.approx([0.65, 0.15, 0.2], abs=0.09)
    again = assign_finding_splits(manifest, NAMES, val=0.15, test=0.2, seed=seed).frame
    assert frame["split"].equals(again["split"])


def test_films_of_other_findings_and_their_patients_are_held_out_whatever_else_they_show():
    manifest = random_films(0)
    frame = assign_finding_splits(manifest, ("edema", "mass"), val=0.15, test=0.2, seed=0).frame
    strange = frame["labels"].str.contains("hernia|pneumonia")
    assert set(frame["split"][strange]) == {"held-out"}
    assert (frame["split"].eq("held-out") == frame["case"].isin(frame["case"][strange])).all()
    with pytest.raises(
        ManifestError, match=r"--classes: wanted films of ards, got findings edema, hernia, mass, pneum"
    ):
        assign_finding_splits(manifest, ("ards", "mass"), val=0.15, test=0.2, seed=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on made-up films of several findings, joined with a set of one label a film."""
    place = tmp_path_factory.mktemp("findings")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(place / "cache"))
        table = write_finding_films(place / "set", patients=200, films=1, covid=60)
        data = ["--data", str(table), "--data", str(place / "set" / "covid")]
        pretrain.main([*data, "--runs", str(place), "--name", "run", "--multi-label", "--loss", "bce", *SMALL])
    return place


def test_a_run_on_findings_says_how_each_is_told(trained, monkeypatch):
    folder = trained / "run"
    run = open_run(folder)
    findings = ("consolidation", "covid-19", "infiltration", "nodule", "pleural effusion")
    assert run.config["settings"]["classes"] == list(findings)
    assert run.classes == ("healthy", *findings)
    assert run.config["data"]["labels_never_seen"] == []
    history = pd.read_csv(folder / "history.csv")
    each = [f"val_auc {name}" for name in findings]
    assert history["val_mean_auc"].to_numpy() == pytest.approx(history[each].mean(axis=1).to_numpy(), abs=1e-5)
    with (folder / "findings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    spaces = ["trained head", "trained", "untrained", "border probe", "header probe"]
    assert [(row["scores"], row["finding"]) for row in rows] == [(n, f) for n in spaces for f in (*findings, MEAN)]
    assert all(0 <= float(row["low"]) <= float(row["auc"]) <= float(row["high"]) <= 1 for row in rows)
    films = run.manifest().frame
    test = films[films["split"] == "test"]
    for row in rows[:5]:
        known = test if row["finding"] == "covid-19" else test[test["source"] == "films"]
        shown = known["class"].str.contains(row["finding"])
        assert (int(row["films"]), int(row["showing"])) == (len(known), shown.sum())
        assert int(row["cases"]) == known["case"][shown].nunique()
    assert (folder / "findings.png").read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(trained / "cache"))
    embed.main(["--run", str(folder), "--out", str(trained / "films.parquet")])
    assert len(pd.read_parquet(trained / "films.parquet")) == len(films)


def test_a_run_on_findings_is_gone_on_with_under_its_own_findings(trained, monkeypatch, refused, capsys):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(trained / "cache"))
    folder = trained / "run"
    stopped = trained / "stopped"
    stopped.mkdir()
    config = json.loads((folder / "config.json").read_text())
    del config["result"]
    config["settings"]["name"] = "stopped"
    del config["settings"]["absent"]  # as a run of before has none
    (stopped / "config.json").write_text(json.dumps(config))
    (stopped / "manifest.csv").write_bytes((folder / "manifest.csv").read_bytes())
    words = ["--runs", str(trained), "--name", "stopped", "--resume"]
    assert "--classes ('mass', 'edema'): a resumed run keeps" in refused(
        pretrain.main, *words, "--classes", "mass", "edema"
    )
    pretrain.main([*words, "--multi-label", "--loss", "bce"])
    for name in ("encoder.safetensors", "findings.csv"):
        assert (stopped / name).read_bytes() == (folder / name).read_bytes()


def test_what_no_film_shows_unless_it_says_so_is_a_finding_that_is_trained_on(capsys):
    frame = frame_of(["pneumonia", "healthy", "covid-19"], ["kermany", "kermany", "figure1"])
    frame["split"] = "train"
    assert choose_absent(["COVID"], ("covid-19", "pneumonia")) == ("covid-19",)
    with pytest.raises(ArgumentError, match="--absent mass: wanted findings that are trained on: covid-19, pneumonia"):
        choose_absent(["mass"], ("covid-19", "pneumonia"))
    say_findings(frame, ("covid-19", "pneumonia"), ("covid-19",))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  note: figure1 tells nothing of pneumonia: unknown of its films, not absent",
        "  note: kermany is taken to lack covid-19; whatever tells kermany from other sources tells it too",
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--multi-label", "--loss", "triplet"), "--loss triplet: wants one class a film; with --multi-label wanted"),
        (("--multi-label", "--sampler", "pairs"), "--sampler pairs: not with --multi-label"),
        (("--multi-label", "--memory", "9"), "--memory 9: not with --multi-label"),
        (("--multi-label", "--classes", "healthy", "mass"), "--classes healthy: with --multi-label it is no finding"),
        (("--multi-label", "--classes", "healthy", "pneumonia"), "--classes healthy: with --multi-label it is no find"),
        (("--absent", "covid-19"), "--absent covid-19: is for --multi-label; add it, or drop the flag"),
        (("--loss", "bce"), "--loss bce: judges each of a film's findings by itself; add --multi-label"),
    ],
)
def test_flags_that_do_not_fit_are_refused_before_anything_is_read(words, complaint, refused):
    assert complaint in refused(pretrain.main, "--data", "/nowhere", *words)
