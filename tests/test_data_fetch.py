"""`data fetch`: what is asked of kagglehub, and the way by hand where it fails; and the words before a subcommand."""

import os
import sys
from types import SimpleNamespace

import pytest

from embedlearn import data
from embedlearn.tasks.data.fetching import HANDLES

PAGES = {name: f"https://www.kaggle.com/datasets/{handle}" for name, handle in HANDLES.items()}


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    """A stand-in for kagglehub, which keeps what it was asked, or raises what it is told to."""
    asked = SimpleNamespace(handles=[], caches=[], error=None)

    def dataset_download(handle):
        if asked.error:
            raise asked.error
        asked.handles.append(handle)
        asked.caches.append(os.environ.get("KAGGLEHUB_CACHE"))
        return str(tmp_path / "got it")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=dataset_download))
    monkeypatch.delenv("KAGGLEHUB_CACHE", raising=False)
    return asked


@pytest.mark.parametrize("name", HANDLES)
def test_it_says_where_a_set_lies_and_what_to_type(name, kaggle, capsys, tmp_path):
    data.main(["fetch", name])
    assert (kaggle.handles, kaggle.caches) == ([HANDLES[name]], [None])
    assert capsys.readouterr().out.splitlines() == [
        f"{name} lies in {tmp_path / 'got it'}",
        f"next: python -m embedlearn.data show '{tmp_path / 'got it'}'",
    ]


def test_it_goes_where_it_is_told_to_and_leaves_the_environment_alone(kaggle, tmp_path):
    data.main(["fetch", "kermany", "--out", str(tmp_path / "sets")])
    assert kaggle.caches == [str(tmp_path / "sets")]
    assert "KAGGLEHUB_CACHE" not in os.environ


@pytest.mark.parametrize(
    "error", [ConnectionError("Network is unreachable"), PermissionError("403: log in\nfirst"), KeyError()]
)
@pytest.mark.parametrize("name", HANDLES)
def test_without_a_network_it_says_how_to_get_it_by_hand(name, error, kaggle, refused):
    kaggle.error = error
    complaint = refused(data.main, "fetch", name)
    assert " ".join(str(error).split()) in complaint
    assert f"by hand: download the zip of {PAGES[name]}, unpack it into {name}" in complaint
    assert complaint.rstrip().endswith(f"python -m embedlearn.data show {name}")


def test_without_the_package_it_says_how_to_get_it_by_hand(monkeypatch, refused, tmp_path):
    monkeypatch.setitem(sys.modules, "kagglehub", None)  # as if it were not installed
    complaint = refused(data.main, "fetch", "radiography", "--out", tmp_path / "sets")
    assert "pip install 'embedlearn[kaggle]'" in complaint
    assert PAGES["radiography"] in complaint and f"unpack it into {tmp_path / 'sets'}" in complaint


def test_a_set_that_is_not_known(refused):
    assert "kermany" in refused(data.main, "fetch", "nih")


@pytest.mark.parametrize(("words", "got"), [((), "none"), (("shwo", "--quick"), "shwo"), (("folder",), "folder")])
def test_no_subcommand_or_another(words, got, refused):
    assert refused(data.main, *words) == (
        f"embedlearn data: wanted show, fetch or convert, got {got}; such as: show FOLDER\n"
    )
