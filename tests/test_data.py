"""`data show`: what a data set is, told, drawn and written down."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import data
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.phantom import write_phantoms


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def film(path: Path, seed: int = 0, size: tuple[int, int] = (40, 48), mode: str = "L") -> Path:
    """A film of noise; another seed is another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(grey).convert(mode).save(path)
    return path


def table(path: Path, rows: list[dict[str, object]]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def shown(*words: object, each: int = 0) -> dict[str, object]:
    """What show.json says after `data show`."""
    data.main(["show", *map(str, words), "--out", "shown", "--each", str(each)])
    return json.loads(Path("shown/show.json").read_text(encoding="utf-8"))


def problems(found) -> dict[str, tuple[int, list[str]]]:
    return {one["key"]: (one["count"], one["films"]) for one in found["problems"]}


def test_phantoms_are_told_drawn_and_counted(tmp_path, capsys):
    write_phantoms(tmp_path / "films", patients=24, films=2, size=64, seed=1)
    found = shown(tmp_path / "films", each=2)
    said = capsys.readouterr().out
    frame = read_data(tmp_path / "films").frame
    assert f"{tmp_path / 'films'}: layout phantoms" in said
    plain = Counter(zip(frame["source"], frame["label"], strict=True))
    assert {(one["source"], one["class"]): one["films"] for one in found["classes"]} == plain
    for one in found["classes"]:
        rows = frame[(frame["source"] == one["source"]) & (frame["label"] == one["class"])]
        assert (one["patients"], one["patient_unknown"]) == (rows["patient"].nunique(), 0)
        assert (one["sizes"], one["smallest"], one["modes"]) == (1, [64, 64], {"L": len(rows)})
    assert found["data"] == [{"path": str(tmp_path / "films"), "layout": "phantoms"}]
    assert found["films"] == len(frame) and not found["label_sets"]
    for name in ("examples.png", "augmentations.png"):
        with Image.open(Path("shown", name)) as sheet:
            assert np.asarray(sheet.convert("L")).std() > 20
    assert all(name in said for name in ("64×64", "examples.png, augmentations.png"))
    assert not any(patient in said for patient in frame["patient"].unique())


def test_class_folders_are_called_so(tmp_path, capsys):
    film(tmp_path / "set/healthy/a.png"), film(tmp_path / "set/tb/b.png", 1)
    found = shown(tmp_path / "set")
    assert "no published layout; read as plain class folders" in capsys.readouterr().out
    assert found["data"][0]["layout"] == "folders"


def test_every_problem_is_counted_and_its_first_film_named(tmp_path, capsys):
    place = tmp_path / "set"
    torn = film(place / "healthy/torn.png", 9)
    torn.write_bytes(torn.read_bytes()[:400])
    cmyk = film(place / "healthy/cmyk.jpg", 1, mode="CMYK")
    clear = film(place / "healthy/clear.png", 2, mode="RGBA")
    first = film(place / "healthy/p1.png", 3)
    again = place / "tb/again.png"
    again.parent.mkdir()
    again.write_bytes(first.read_bytes())
    deep = place / "tb/deep.png"
    Image.fromarray(np.random.default_rng(4).integers(0, 60_000, (40, 40)).astype(np.uint16)).save(deep)
    turned = film(place / "tb/turned.jpg", 5)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(turned).save(turned, exif=exif)
    broken = film(place / "tb/new\nline.png", 6)
    (place / "tb/loop").symlink_to(place, target_is_directory=True)
    found = shown(place)
    told = problems(found)
    expected = {
        "unreadable": torn, "mode-CMYK": cmyk, "mode-RGBA": clear, "copies": again, "deep": deep, "turned": turned,
        "names": broken, "links": place / "tb/loop",
    }  # fmt: skip
    assert {key: told[key] for key in expected} == {key: (1, [str(path)]) for key, path in expected.items()}
    assert told["patients"][0] == 8
    assert told["few"] == (2, [])
    said = capsys.readouterr().out.splitlines()
    assert sum("torn.png: wanted a whole film" in line for line in said) == 1
    assert sum("new\\nline.png" in line for line in said) == 1
    assert "1 across labels" in next(line for line in said if "byte for byte" in line)
    assert list(found["unreadable"]) == [str(torn)]


def test_a_quick_look_decodes_nothing(tmp_path, monkeypatch):
    torn = film(tmp_path / "set/healthy/torn.png", size=(200, 200))
    torn.write_bytes(torn.read_bytes()[:3000])
    film(tmp_path / "set/tb/b.png", 1)
    monkeypatch.setattr("embedlearn.tasks.data.survey.find_unreadable", None)
    found = shown(tmp_path / "set", "--quick", each=1)
    assert "unreadable" not in problems(found)
    assert not Path("shown/augmentations.png").exists() and Path("shown/examples.png").is_file()


def test_no_sheets_where_none_are_asked_for(tmp_path):
    film(tmp_path / "set/healthy/a.png"), film(tmp_path / "set/tb/b.png", 1)
    shown(tmp_path / "set")
    assert os.listdir("shown") == ["show.json"]


def test_what_a_table_lacks_and_where_a_patient_has_two_labels(tmp_path):
    known = [
        ("healthy", "p1", 40, "one"),
        ("tb", "p1", None, "one"),
        ("tb", "p2", 50, "one"),
        ("healthy", "p1", 6, "two"),
    ]
    rows = [
        {"path": film(tmp_path / f"{n}.png", n), "label": label, "patient": patient, "age": age, "source": source}
        for n, (label, patient, age, source) in enumerate(known)
    ]
    told = problems(shown(table(tmp_path / "films.csv", rows)))
    assert told["labels"] == (2, [str(tmp_path / "0.png"), str(tmp_path / "1.png")])
    assert told["no-age"] == (1, [str(tmp_path / "1.png")])
    assert told["one-source"][0] == 1
    assert "no-sex" not in told and "patients" not in told


def test_a_film_counts_in_each_of_its_findings(tmp_path, capsys):
    sets = ["cardiomegaly|nodule", "nodule", "healthy", "cardiomegaly|mass|nodule"]
    rows = [
        {"path": film(tmp_path / f"{n}.png", n), "label": one.split("|")[0], "labels": one, "patient": "p"}
        for n, one in enumerate(sets)
    ]
    found = shown(table(tmp_path / "films.csv", rows))
    counts = Counter(finding for one in sets for finding in one.split("|"))
    assert {one["class"]: one["films"] for one in found["classes"]} == counts
    assert found["label_sets"] and "sets of findings" in capsys.readouterr().out
    assert "labels" not in problems(found)


def test_a_table_is_as_wide_as_it_must_be(tmp_path, capsys):
    film(tmp_path / "set/pneumonia bacterial streptococcus 肺炎/a.png"), film(tmp_path / "set/tb/b.png", 1)
    shown(tmp_path / "set", "--quick", each=1)
    assert "pneumonia bacterial streptococcus 肺炎" in capsys.readouterr().out


def test_real_sets_are_recognised(shared_data, capsys):
    names = ("sandrofab", "ieee8023", "darkcovidnet")
    found = shown(*(shared_data / name for name in names), "--quick")
    assert [one["layout"] for one in found["data"]] == list(names)
    assert problems(found)["mode-RGBA"][0] == 71
    assert sum(one["films"] for one in found["classes"]) == found["films"] == 2081
