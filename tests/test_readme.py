"""README.md and the pages of docs/ are true: their Python runs, their commands, flags, links and pictures exist."""

import dataclasses
import functools
import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints
from unittest import mock

import pytest

from embedlearn.__main__ import COMMANDS
from embedlearn.console import parse_flags
from embedlearn.encoders import backbones
from embedlearn.episodes import heads

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN_ELSEWHERE = ("docs/reference.md", "docs/tutorials/")  # the blocks of these have tests of their own
SERVED = "httpx"  # a block that wants a server: tests/web/test_readme_client.py
SUBCOMMANDS = {
    "embedlearn.fewshot": ("predict",),
    "embedlearn.explain": ("check",),
    "embedlearn.data": ("show", "convert", "fetch"),
}
COMMAND = r"((?:embedlearn|experiments)(?:\.[a-z]\w*)+)"
OTHERS = r"(\S+ -m )?(pip|torchrun|pg_basebackup|apt-get|git)\b"  # programs that are not ours
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def blocks(page: Path, language: str) -> list[str]:
    return [block for kind, block in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def lines_of(code: str) -> list[str]:
    """Its lines, joined where they go on, without comments."""
    return [line.partition(" #")[0].strip() for line in code.replace("\\\n", " ").splitlines()]


def pages_that_run() -> list[Path]:
    ours = [page for page in PAGES if not page.relative_to(ROOT).as_posix().startswith(RUN_ELSEWHERE)]
    return [page for page in ours if any(SERVED not in block for block in blocks(page, "python"))]


@pytest.mark.parametrize("page", pages_that_run(), ids=lambda page: page.stem)
def test_the_python_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": page.stem}
    with mock.patch.dict(backbones.OWN), mock.patch.dict(heads.HEADS):
        for block in blocks(page, "python"):  # a reader goes on in the same session
            if SERVED not in block:
                exec(compile(block, str(page), "exec"), names)
    assert page != README or "Estimate(mean=" in capsys.readouterr().out


def test_the_readme_names_every_command_and_can_be_read_in_minutes() -> None:
    text = README.read_text(encoding="utf-8")
    assert set(re.findall(r"python -m embedlearn\.(\w+)", text)) == set(COMMANDS)
    assert len(text.splitlines()) <= 250


@each_page
def test_every_command_line_is_taken(page: Path) -> None:
    for line in [line for block in blocks(page, "bash") for line in lines_of(block)]:
        if found := re.search(rf"-m (?:-- )?{COMMAND}(.*)", line):
            handed(found[1], shlex.split(found[2]), parse_flags)


@each_page
def test_every_flag_in_the_text_exists(page: Path) -> None:
    for line in [line for code in re.findall(r"`([^`]+)`", prose(page)) for line in lines_of(code)]:
        flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", line))
        if found := re.search(rf"-m (?:-- )?{COMMAND} ?(\w*)", line):
            assert flags <= (taken := flags_of(found[1], found[2])), f"{line}: it takes no {flags - taken}"
        elif not re.match(OTHERS, line):
            assert flags <= every_flag(), f"{line}: no command takes {flags - every_flag()}"


def handed(name: str, words: list[str], act: Callable[[type, str, list[str]], object]) -> object:
    """What `act` makes of the dataclass, the program's name and the words that a command hands to `run_command`."""
    package = (ROOT / name.replace(".", "/")).is_dir()
    module = importlib.import_module(f"{name}.__main__" if package else name)
    with mock.patch.object(module, "run_command") as run, mock.patch("sys.argv", [name, *words]):
        module.main()
    settings, _, program, given = run.call_args.args
    return act(settings, program, words if given is None else given)


@functools.cache
def flags_of(name: str, word: str = "") -> frozenset[str]:
    """The flags of a command, or of its subcommand `word`."""
    words = [word] if word in SUBCOMMANDS.get(name, ()) else []
    return handed(name, words, lambda settings, *_: frozenset(fields(settings)) | {"--help"})


def fields(settings: type) -> Iterator[str]:
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from fields(hints[field.name])
        else:
            yield f"--{field.name.replace('_', '-')}"
            if hints[field.name] is bool:
                yield f"--no-{field.name.replace('_', '-')}"


@functools.cache
def every_flag() -> frozenset[str]:
    """Those that the text may speak of without a command before them."""
    commands = [(f"embedlearn.{name}", "") for name in COMMANDS]
    groups = [(name, word) for name, words in SUBCOMMANDS.items() for word in words]
    return frozenset({"--quick", "--json"}).union(*(flags_of(*command) for command in (*commands, *groups)))


@each_page
def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in (*blocks(page, "bash"), *re.findall(r"`([^`]+)`", prose(page))):
        for target in re.findall(r"(?:^|&& )make ([a-z]+)$", "\n".join(lines_of(code)), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@each_page
def test_every_picture_and_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if "://" not in target:
            assert there.exists(), f"{target}: there is no such file"
            assert ROOT in there.parents, f"{target}: outside of the project"
            assert not anchor or anchor in anchors(there), f"{target}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower().strip() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", word).replace(" ", "-") for word in words}


@each_page
def test_no_line_names_a_place_on_a_machine(page: Path) -> None:
    for line in page.read_text(encoding="utf-8").splitlines():
        assert not re.search(r"(?<![\w.~:/}])/(home|work|root|Users|mnt|data)/", line), line
