"""What made a result is told truly: versions, machine, commit."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

import pytest

from embedlearn import provenance
from embedlearn.provenance import describe_software

LINE = "a module\n"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *identity, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the module, in a package without a checkout."""
    path = tmp_path / "embedlearn" / "provenance.py"
    path.parent.mkdir()
    path.write_text(LINE)
    monkeypatch.setattr(provenance, "__file__", str(path))
    return path


def test_versions_and_machine() -> None:
    told = describe_software()
    assert json.loads(json.dumps(told)) == told
    assert told["python"] == platform.python_version()
    assert told["cpus"] == os.cpu_count()
    packages = told["packages"]
    assert isinstance(packages, dict)
    for name in ("embedlearn", "torch", "numpy"):
        assert packages[name] == importlib.metadata.version(name)
    assert str(told["faiss"]).startswith("faiss-")


def test_the_commit_and_whether_files_differ_from_it(module: Path) -> None:
    root = module.parents[1]
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    commit = git(root, "rev-parse", "HEAD")
    assert describe_software()["commit"] == commit
    (root / "note.txt").write_text("a file that git does not track")
    assert describe_software()["commit"] == commit
    module.write_text(LINE * 2)
    assert describe_software()["commit"] == f"{commit}+changes"


def test_no_commit_without_a_checkout(module: Path) -> None:
    assert describe_software()["commit"] is None


def test_no_commit_in_a_checkout_without_one(module: Path) -> None:
    git(module.parents[1], "init")
    assert describe_software()["commit"] is None


def test_no_commit_without_git(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (module.parents[1] / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert describe_software()["commit"] is None
