"""What a reader is asked to cite is what the package is."""

import re
import tomllib
from pathlib import Path

import embedlearn

ROOT = Path(__file__).parents[1]


def test_the_citation_names_the_package_as_it_is():
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    told = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: ", line))
    keywords = [line.removeprefix("  - ") for line in lines[lines.index("keywords:") + 1 :]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors:", "version"} <= {*told, *lines}  # what the format demands
    assert (told["cff-version"], told["type"], told["title"]) == ("1.2.0", "software", project["name"])
    assert told["version"] == embedlearn.__version__ == project["version"]
    assert told["license"] == project["license"]
    assert keywords == project["keywords"]


def test_the_citation_is_of_the_form_that_yaml_reads():
    import pytest

    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert told["authors"] == [{"name": "The embedlearn authors"}]
    assert told["version"] == embedlearn.__version__
    assert told["abstract"].endswith("Research use only.")
