"""Every bash and python block of the tutorials runs, in order, on less of the same; so do the notebook's cells."""

import contextlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from embedlearn import __main__ as face

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path.stem for path in (DOCS / "tutorials").glob("*.md"))
NOTEBOOK = DOCS / "tour.ipynb"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a reader waits a minute for, a test does not.
SMALLER = {
    "patients=400, films=2, size=96": "patients=160, films=2, size=64",
    "patients=200, films=2, size=64": "patients=160, films=2, size=64",
    "patients=40, films=1, size=96": "patients=16, films=1, size=64",
    "--size 64 --epochs 20": "--size 32 --dimension 16 --epochs 1",
    "--size 48 --epochs 6": "--size 32 --dimension 16 --epochs 1",
    "Preprocessing(size=64)": "Preprocessing(size=32)",
    "epochs=20": "epochs=1",
    "--episodes 500 --queries 10 --bootstrap 100": "--episodes 20 --queries 3 --bootstrap 5 --supports 20",
    "n_query=10": "n_query=3",
    "n_query=5": "n_query=3",
    "episodes=500": "episodes=20",
    "bootstrap=30": "bootstrap=5",
    "--at-most 24": "--at-most 12",
}


def blocks(page):
    """(language, text) of every block of a tutorial, in order."""
    return BLOCK.findall((DOCS / "tutorials" / f"{page}.md").read_text(encoding="utf-8"))


def cells():
    """The code of the notebook's cells, without what only a notebook understands."""
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    return [re.sub(r"^%matplotlib inline$", "", text, flags=re.MULTILINE) for text in code]


def commands(text):
    """The words of each command of a block: backslashes join lines, what stands behind a # is left out."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def smaller(text):
    for much, less in SMALLER.items():
        text = text.replace(much, less)
    return text


def run_command(words):
    assert words[:2] == ["python", "-m"], f"belongs in a console block: {shlex.join(words)}"
    package, _, name = words[2].partition(".")
    assert package == "embedlearn", f"belongs in a console block: {shlex.join(words)}"
    if words[2:4] == ["embedlearn.explain", "check"]:  # exits with 1 where maps cannot be trusted
        with contextlib.suppress(SystemExit):
            face.main([name, *words[3:]])
        assert Path("runs/first/explain/check.json").is_file()
    else:
        face.main([name, *words[3:]])


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_run(page, scratch, capsys):
    names: dict[str, object] = {}
    for language, text in blocks(page):
        if language == "bash":
            for words in commands(smaller(text)):
                run_command(words)
        elif language == "python":
            exec(compile(smaller(text), f"{page}.md", "exec"), names)
    told = capsys.readouterr()
    assert "wrote runs/" in told.out
    assert "Traceback" not in told.err


def test_nothing_is_made_smaller_that_is_not_there():
    said = "".join(text for page in PAGES for _, text in blocks(page)) + "".join(cells())
    assert [much for much in SMALLER if much not in said] == []


def test_the_notebook_is_stripped_and_names_no_place():
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["metadata"]["kernelspec"]["name"]) == (4, "python3")
    assert all(cell["outputs"] == [] for cell in book["cells"] if cell["cell_type"] == "code")
    assert not re.search(r"(?<![\w/.])/(home|work|tmp|root|Users)/", NOTEBOOK.read_text(encoding="utf-8"))


def test_the_notebook_runs(scratch):
    names: dict[str, object] = {}
    drawn = 0
    with mpl.rc_context({"backend": "Agg"}), pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: None)
        for number, text in enumerate(cells()):
            exec(compile(smaller(text), f"cell {number}", "exec"), names)
            drawn += len(plt.get_fignums())
            plt.close("all")
    assert drawn == 4
    assert float(names["explained"].residual) < 1e-5


@pytest.mark.slow
def test_the_notebook_runs_in_jupyter(scratch):
    pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
    book = smaller(NOTEBOOK.read_text(encoding="utf-8"))
    (scratch / "tour.ipynb").write_text(book, encoding="utf-8")
    convert = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done", "tour.ipynb"]
    subprocess.run(convert, check=True, capture_output=True)
    assert (scratch / "done.ipynb").is_file()
