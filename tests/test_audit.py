"""`python -m embedlearn.audit`, from films to a report."""

import csv
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import audit
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.phantom import write_phantoms

PATIENTS = 120


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Phantoms, and a second set that holds four of their films under other names, brighter."""
    folder = tmp_path_factory.mktemp("audited")
    write_phantoms(folder / "phantoms", patients=PATIENTS, films=1, size=96, seed=5)
    first = read_data(folder / "phantoms").frame.head(4)
    for number, (path, label) in enumerate(zip(first["path"], first["label"], strict=True)):
        film = np.asarray(Image.open(path).convert("L"), np.float64)
        place = folder / "copies" / label.split("/")[0]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((film * 0.8 + 20).astype(np.uint8)).save(place / f"other-{number}.png")
    return folder


@pytest.fixture(scope="module")
def audited(films, _built_place, tmp_path_factory):
    """The folder of an audit of both sets with a run and two mitigations; made once."""
    out = tmp_path_factory.mktemp("audit") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(_built_place / "cache"))
        audit.main([
            str(films / "phantoms"), str(films / "copies"), "--run", str(_built_place / "runs/base"), "--out", str(out),
            "--mitigate", "trim", "twins", "--trim", "0.15",
        ])  # fmt: skip
    return out


def findings_of(out):
    return {found["key"]: found for found in json.loads((out / "audit.json").read_text())["findings"]}


def test_every_chapter_is_told_with_numbers_in_page_and_files(audited):
    record = json.loads((audited / "audit.json").read_text())
    page = (audited / "audit.html").read_text()
    chapters = ["confounding", "leaks", "twins", "shortcuts", "origins", "looking", "markers", "card", "mitigations"]
    assert list(record["chapters"]) == chapters
    for key in chapters:
        assert f'<section id="{key}"' in page
        assert any(found["key"].split(".")[0] == key for found in record["findings"]), key
    with (audited / "findings.csv").open() as file:
        assert [row["key"] for row in csv.DictReader(file)] == [found["key"] for found in record["findings"]]
    for found in record["findings"]:
        assert found["sentence"].endswith("."), found
        if found["low"] is not None:
            assert found["low"] <= found["value"] <= found["high"] and found["how"], found
    assert record["encoder"] and record["software"]["python"]


def test_the_page_asks_for_nothing_and_runs_nothing(audited):
    page = (audited / "audit.html").read_text()
    assert "<script" not in page and "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)


def test_planted_twins_are_found_across_sets_and_one_of_each_is_kept(audited):
    named, kept = (pd.read_csv(audited / name) for name in ("manifest.csv", "deduplicated.csv"))
    shared = named[named["picture"].notna()].groupby("picture")["source"].agg(set)
    assert sum("copies" in sources and len(sources) == 2 for sources in shared) == 4
    assert len(kept) == len(named) - 4 and not kept["picture"].isna().all()
    assert len(read_data(audited / "deduplicated.csv")) == len(kept)
    twins = [found for key, found in findings_of(audited).items() if key.startswith("twins")]
    assert any(found["level"] == "warning" for found in twins)
    assert (audited / "twins.png").stat().st_size > 0


def test_every_figure_of_the_report_is_a_file_too(audited):
    pictures = sorted(path.name for path in audited.glob("*.png"))
    assert "shortcuts.png" in pictures and "twins.png" in pictures and len(pictures) >= 8
    for name in pictures:
        with Image.open(audited / name) as picture:
            assert min(picture.size) > 100


def test_what_fail_on_names_decides_the_exit_code(films, place, tmp_path, capsys):
    words = [str(films / "phantoms"), str(films / "copies"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as exit_:
        audit.main([*words, "--fail-on", "twins"])
    assert exit_.value.code == 1
    assert (tmp_path / "out/audit.html").is_file()
    assert "Research use only" in capsys.readouterr().out
    assert not any(key.split(".")[0] in ("looking", "origins") for key in findings_of(tmp_path / "out"))


def test_support_and_query_that_share_patients_or_pictures(films, place, tmp_path):
    words = ["--support", str(films / "copies"), "--out", str(tmp_path / "out"), "--no-show"]
    audit.main([str(films / "phantoms"), *words])
    found = findings_of(tmp_path / "out")["leaks.support-and-query"]
    assert found["level"] == "warning" and "4 pictures" in found["sentence"]
    assert found["films"] == PATIENTS and found["value"] == pytest.approx(4 / PATIENTS)
    assert not (tmp_path / "out/twins.png").exists()
    assert "data:image/jpeg" not in (tmp_path / "out/audit.html").read_text()


def test_sets_of_labels_are_asked_about_by_finding(films, place, tmp_path, refused):
    frame = read_data(films / "phantoms").frame[["path", "label", "patient"]]
    rows = frame.assign(labels=[f"{label}|nodule" if n % 3 else label for n, label in enumerate(frame["label"])])
    rows.to_csv(tmp_path / "sets.csv", index=False)
    audit.main([str(tmp_path / "sets.csv"), "--positive", "nodule", "--out", str(tmp_path / "out")])
    record = json.loads((tmp_path / "out/audit.json").read_text())
    assert record["classes"] == ["no nodule", "nodule"] and record["positive"] == "nodule"
    assert "no film has this finding" in refused(audit.main, tmp_path / "sets.csv", "--positive", "hernia")
    assert "--positive instead" in refused(audit.main, tmp_path / "sets.csv", "--classes", "healthy")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--fail-on", "sharks"], "--fail-on sharks: wanted any, confounding, leaks"),
        (["--fail-on", "looking"], "name one with --run"),
        (["--trim", "0.2"], "add --mitigate trim"),
        (["--support", "x"], "name the films that are asked about"),
        (["--classes", "a", "b", "--positive", "c"], "--positive c: wanted one of --classes a b"),
        (["--width", "0"], "--width: wanted a number from 0.001"),
    ],
)
def test_flags_that_cannot_be_are_refused(words, complaint, refused):
    assert complaint in refused(audit.main, *words)


def test_films_that_tell_nothing_apart_are_refused(films, place, refused, tmp_path):
    assert "two classes or more" in refused(audit.main, films / "phantoms", "--classes", "healthy")
    assert "wanted films of goitre" in refused(audit.main, films / "phantoms", "--classes", "healthy", "goitre")
    assert "got nothing there" in refused(audit.main, tmp_path / "nowhere")
    assert str(tmp_path) in refused(audit.main, "--run", tmp_path)


def test_what_an_earlier_audit_left_is_taken_away(films, audited, place, tmp_path):
    shutil.copytree(audited, tmp_path / "out")
    assert (tmp_path / "out/twins.png").is_file()
    (tmp_path / "out/mine.png").write_bytes(b"mine")
    audit.main([str(films / "phantoms"), str(films / "copies"), "--out", str(tmp_path / "out"), "--no-show"])
    assert not (tmp_path / "out/twins.png").exists() and (tmp_path / "out/mine.png").is_file()


def test_outlines_that_are_not_there_are_refused(films, refused, tmp_path):
    assert "wanted a folder with folders images and masks" in refused(
        audit.main, films / "phantoms", "--masks", tmp_path / "nowhere"
    )
    assert "is for a run or for --mitigate lungs" in refused(audit.main, films / "phantoms", "--boxes", tmp_path / "b")
    assert "wanted a COCO file" in refused(
        audit.main, films / "phantoms", "--boxes", tmp_path / "b.json", "--mitigate", "lungs"
    )


def test_a_twin_of_what_a_run_was_trained_on_is_told(place, tmp_path):
    own = pd.read_csv(place / "runs/base/manifest.csv")
    learnt = own[own["split"] == "train"].groupby("class").head(12)
    rest = own[own["split"] == "test"]
    rows = pd.concat([learnt, rest])[["path", "label"]]
    path = rows["path"].iloc[0]
    film = np.asarray(Image.open(path).convert("L"), np.float64)
    Image.fromarray((film * 0.8 + 20).astype(np.uint8)).save(tmp_path / "twin.png")
    rows = pd.concat([rows, pd.DataFrame([{"path": tmp_path / "twin.png", "label": rows["label"].iloc[0]}])])
    rows.to_csv(tmp_path / "films.csv", index=False)
    audit.main([str(tmp_path / "films.csv"), "--run", str(place / "runs/base"), "--out", str(tmp_path / "out")])
    found = findings_of(tmp_path / "out")["leaks.the-run's-training"]
    assert found["level"] == "warning" and "1 picture" in found["sentence"]
    record = json.loads((tmp_path / "out/audit.json").read_text())
    assert record["judged"] == len(rest) and any("are not judged either" in note for note in record["notes"])
