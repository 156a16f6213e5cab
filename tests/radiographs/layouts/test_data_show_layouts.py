"""`data show` says of every published tree by which layout it is read."""

import json
from pathlib import Path

import pytest
from hospital_trees import medmnist_file
from trees import TREES, layout_of

from embedlearn import data
from embedlearn.radiographs.layouts import folders, read_data


def shown(path: Path, out: Path) -> dict[str, object]:
    data.main(["show", str(path), "--quick", "--each", "0", "--out", str(out)])
    return json.loads((out / "show.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("tree", TREES)
def test_a_tree_is_shown_under_its_name(tmp_path: Path, tree: str, capsys: pytest.CaptureFixture[str]) -> None:
    TREES[tree](tmp_path / "films")
    found = shown(tmp_path / "films", tmp_path / "out")
    assert found["data"] == [{"path": str(tmp_path / "films"), "layout": layout_of(tree)}]
    assert found["films"] == len(read_data(tmp_path / "films"))
    assert f"films: layout {layout_of(tree)} (" in capsys.readouterr().out


def test_a_layout_that_is_named_is_the_one(tmp_path: Path) -> None:
    TREES["kermany"](tmp_path / "films")
    found = shown(Path(f"{folders.NAME}:{tmp_path / 'films'}"), tmp_path / "out")
    assert found["data"] == [{"path": str(tmp_path / "films"), "layout": folders.NAME}]


def test_a_file_of_arrays_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    path = medmnist_file(tmp_path / "pneumoniamnist.npz")
    found = shown(path, tmp_path / "out")
    assert found["data"] == [{"path": str(path), "layout": "medmnist"}]
    assert found["films"] == len(read_data(path)) and found["problems"][0]["key"] != "unreadable"
