"""The README's Python runs, and its commands and flags exist."""

import re
from pathlib import Path

from embedlearn.__main__ import COMMANDS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_runs(capsys):
    names: dict[str, object] = {}
    for block in blocks("python"):  # a reader goes on in the same session
        if "httpx" in block:  # which wants a server: tests/web/test_readme_client.py
            continue
        exec(compile(block, "README.md", "exec"), names)
    assert "Estimate(mean=" in capsys.readouterr().out


def test_every_command_that_is_named_exists():
    named = set(re.findall(r"python -m embedlearn\.(\w+)", README))
    assert named == set(COMMANDS)


def test_every_make_target_that_is_named_exists():
    makefile = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", " ".join(blocks("bash"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_picture_that_is_shown_is_there():
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).parent.parent / picture).is_file(), picture
