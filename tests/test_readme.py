"""README.md and the pages of docs/ are true: their Python runs, their commands, flags, links and pictures exist."""

import functools
import importlib
import re
import shlex
from pathlib import Path
from unittest import mock

import pytest

from embedlearn.__main__ import COMMANDS
from embedlearn.console import parse_flags
from embedlearn.encoders import backbones
from embedlearn.episodes import heads
from experiments.reference import FLAGS, PLAIN, flags_of, settings_of

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "experiments" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN_ELSEWHERE = ("docs/reference.md", "docs/tutorials/")  # the blocks of these have tests of their own
SERVED = "httpx"  # a block that wants a server: tests/web/test_readme_client.py
COMMAND = r"((?:embedlearn|experiments)(?:\.[a-z]\w*)+)"
OTHERS = r"(\S+ -m )?(pip|torchrun|pg_basebackup|apt-get|git)\b"  # programs that are not ours
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def blocks(page: Path, language: str) -> list[str]:
    return [block for kind, block in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def spans(page: Path) -> list[str]:
    """The pieces of code within its sentences."""
    return re.findall(r"`([^`]+)`", prose(page))


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
    assert len(text.splitlines()) <= 240


@each_page
def test_every_command_line_is_taken(page: Path) -> None:
    shown = [block for kind in ("bash", "console") for block in blocks(page, kind)]
    for line in [line for code in (*shown, *spans(page)) for line in lines_of(code)]:
        if found := re.search(rf"-m (?:-- )?{COMMAND}(?= |$)(.*)", line):
            taken(found[1], shlex.split(found[2]))


def taken(name: str, words: list[str]) -> None:
    """Parse `words` as the command does, by the dataclass and the words that it hands to `run_command`."""
    package = (ROOT / name.replace(".", "/")).is_dir()
    module = importlib.import_module(f"{name}.__main__" if package else name)
    with mock.patch.object(module, "run_command") as run, mock.patch("sys.argv", [name, *words]):
        module.main()
    settings, _, program, given = run.call_args.args
    parse_flags(settings, program, words if given is None else given)


@each_page
def test_every_flag_in_the_text_exists(page: Path) -> None:
    for line in [line for code in spans(page) for line in lines_of(code)]:
        flags = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", line))
        if not re.search(COMMAND, line) and not re.match(OTHERS, line):
            assert flags <= every_flag(), f"{line}: no command takes {flags - every_flag()}"


@functools.cache
def every_flag() -> frozenset[str]:
    """Those that the text may speak of without a command before them."""
    rows = [row for command in FLAGS for row in flags_of(settings_of(command))]
    switches = {flag.replace("--", "--no-", 1) for flag, takes, *_ in rows if takes == PLAIN[bool]}
    return frozenset({"--help", "--quick", "--json"} | {flag for flag, *_ in rows} | switches)


@each_page
def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for code in (*blocks(page, "bash"), *spans(page)):
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
