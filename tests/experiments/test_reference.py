"""docs/reference.md says what the code says, of every name and every flag."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import embedlearn
from embedlearn.__main__ import COMMANDS
from embedlearn.console import DataFlags, parse_flags
from experiments import reference


@dataclass(frozen=True, kw_only=True)
class Inner:
    """Told in the place of the field that holds it."""

    depth: int = 3
    """How deep."""


@dataclass(frozen=True, kw_only=True)
class Asked(DataFlags):
    """A command."""

    out: Path
    """Where to."""
    kind: Literal["a", "b|c"] = "a"
    """Which,

    told in two paragraphs."""
    shots: tuple[int, ...] = (1, 5)
    """How many."""
    at: tuple[float, float] | None = None
    """Where."""
    page: bool = True
    """Whether."""
    inner: Inner = dataclasses.field(default_factory=Inner)


@pytest.fixture(scope="module")
def written():
    return reference.reference()


def test_the_stored_document_is_what_would_be_written(written):
    stored = reference.DOCUMENT.read_text(encoding="utf-8")
    assert stored == written, "python -m experiments.reference"


def test_a_flag_has_its_type_its_default_and_its_sentence():
    told = {name: rest for name, *rest in reference.flags_of(Asked)}
    assert told["--out"] == ["path", "required", "Where to."]
    assert told["--kind"] == ["a or b|c", "`a`", "Which, told in two paragraphs."]
    assert told["--shots"] == ["whole numbers", "`1 5`", "How many."]
    assert told["--at"] == ["2 numbers", "", "Where."]
    assert told["--page"] == ["yes or no", "yes", "Whether."]
    assert told["--depth"] == ["whole number", "`3`", "How deep."]
    assert "may be given more than once" in told["--data"][2]  # of the class that it comes from
    assert "inner" not in " ".join(told)


def test_the_flags_are_those_that_parse(tmp_path):
    words = ["--out", str(tmp_path), "--kind", "b|c", "--shots", "2", "--at", "0", "1", "--no-page", "--depth", "4"]
    parsed = parse_flags(Asked, "asked", words)
    assert (parsed.kind, parsed.shots, parsed.at, parsed.page, parsed.inner.depth) == ("b|c", (2,), (0, 1), False, 4)


def test_every_command_is_told_and_every_flag_has_a_sentence():
    assert {command.split()[0] for command in reference.FLAGS} == set(COMMANDS)
    for command in reference.FLAGS:
        for flag, takes, _, sentence in reference.flags_of(reference.settings_of(command)):
            assert takes, (command, flag)
            assert sentence.endswith((".", ".)")), (command, flag, sentence)


def test_every_public_name_is_told_once(written):
    headings = re.findall(r"^#### (\w+)$", written, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert {name for name in headings if name in embedlearn.__all__} == set(embedlearn.__all__) - {"EmbedlearnError"}
    assert "`embedlearn.errors.EmbedlearnError`" in written


def test_a_table_row_has_four_cells(written):
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_nothing_depends_on_the_machine(written):
    assert not re.search(r" at 0x|<function|PosixPath|/home/|/work/", written)


def test_check_tells_an_old_document(tmp_path, capsys):
    old = tmp_path / "reference.md"
    old.write_text("old", encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        reference.main(["--check", "--out", str(old)])
    assert exit_.value.code == 1
    assert old.read_text(encoding="utf-8") == "old"
    assert "python -m experiments.reference" in capsys.readouterr().out
    reference.main(["--out", str(old)])
    reference.main(["--check", "--out", str(old)])
