"""What a newcomer meets first: `--help` of every command, complete and quick."""

import dataclasses
import functools
import importlib
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import tyro

from embedlearn.__main__ import COMMANDS

SECONDS = 0.5
TYRO_APPENDS = "(repeatable)"
SUBCOMMANDS = ("fewshot predict", "explain check", "data show", "data fetch", "data convert")


@functools.cache
def run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, encoding="utf-8", env=environment)


def settings_of(command: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The dataclass that the command takes its flags from."""
    name, *words = command.split()
    module = importlib.import_module(f"embedlearn.{name}")
    taken: list[Any] = []
    monkeypatch.setattr(module, "run_command", lambda settings, *_: taken.append(settings))
    module.main(words)
    return taken[0]


def leaves(settings: Any) -> Iterator[tuple[str, Any]]:
    """Each field's flag (a word without one by its metavar) and default; a dataclass stands for its own fields."""
    hints = get_type_hints(settings, include_extras=True)
    for item in dataclasses.fields(settings):
        hint = hints[item.name]
        marks = getattr(hint, "__metadata__", ())
        if dataclasses.is_dataclass(hint):
            yield from leaves(hint)
        elif tyro.conf.Positional in marks:
            yield next(mark.metavar for mark in marks if getattr(mark, "metavar", None)), item.default
        else:
            yield f"--{item.name.replace('_', '-')}", item.default


def entries(text: str) -> dict[str, str]:
    """Of each flag, and of each word without one, all that its entry in the help says, on one line."""
    lines = "\n".join(line.strip("│ ") for line in text.splitlines() if line[0:1] in "│╰")
    start = r"(?:-\w [A-Z]+, )?--|\[?\[?[A-Z]{4,}"
    blocks = re.findall(rf"^(?:{start})[^╰]*?(?=^(?:{start})|^╰)", lines, re.MULTILINE)
    names = (re.sub(r"^-\w [A-Z]+, |^[\[]*", "", block) for block in blocks)
    return {re.split(r"[\s,]", name)[0]: " ".join(block.split()) for name, block in zip(names, blocks, strict=True)}


def show(default: object) -> str:
    if default is dataclasses.MISSING:
        return "(required)"
    return f"(default: {' '.join(map(str, default)) if isinstance(default, tuple) else default})"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_under_both_names(command: str) -> None:
    module, package = run(f"embedlearn.{command}", "--help"), run("embedlearn", command, "--help")
    assert (module.returncode, module.stderr) == (0, "")
    assert module.stdout.startswith(f"usage: embedlearn {command} ")
    assert package.stdout == module.stdout
    assert (package.returncode, package.stderr) == (0, "")


@pytest.mark.parametrize("command", [*COMMANDS, *SUBCOMMANDS])
def test_every_setting_is_a_flag_with_a_default_and_a_sentence(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = entries(run("embedlearn", *command.split(), "--help").stdout)
    wanted = dict(leaves(settings_of(command, monkeypatch)))
    assert set(told) == set(wanted)
    for flag, default in wanted.items():
        sentence = told[flag].removesuffix(TYRO_APPENDS).removesuffix(show(default))
        assert sentence != told[flag], f"no default: {told[flag]}"
        assert sentence.endswith(". "), f"no sentence: {told[flag]}"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_quick(command: str) -> None:
    """In seconds of processor time, in one of three starts, for a busy machine disturbs some."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run.__wrapped__("embedlearn", command, "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert any(seconds() < SECONDS for _ in range(3))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_neither_arrays_nor_tensors(command: str) -> None:
    code = f"""
import json, sys
from embedlearn.{command} import main
try:
    main(["--help"])
except SystemExit:
    print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "tyro" in loaded
    assert loaded & {"numpy", "torch", "pandas", "scipy", "sklearn", "PIL", "matplotlib"} == set()


def test_every_command_has_its_module() -> None:
    folder = Path(importlib.import_module("embedlearn").__file__ or "").parent
    runnable = {path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8")}
    assert runnable - {"__main__"} == set(COMMANDS)


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_package_lists_its_commands(words: tuple[str, ...]) -> None:
    done = run("embedlearn", *words)
    assert (done.returncode, done.stderr) == (0, "")
    for name, line in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", done.stdout, re.MULTILINE)


def test_an_unknown_command() -> None:
    done = run("embedlearn", "pretrian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"embedlearn: pretrian: no such command; wanted {', '.join(COMMANDS)}\n"
