"""What every command shares: flags from a dataclass, errors in one line, progress, and words for the reader."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import tyro
from tyro.conf import UseAppendAction

from embedlearn.errors import EmbedlearnError

if TYPE_CHECKING:
    from rich.progress import Progress

Settings = TypeVar("Settings")
Report = Callable[[int, int], None]

USER_ERROR = 2
INTERRUPTED = 130
CLOSED_PIPE = 141


@dataclass(frozen=True, kw_only=True)
class DataFlags:
    """The flags by which every command is told its films."""

    data: Annotated[tuple[str, ...], UseAppendAction] = ()
    """A folder of films, a CSV or Parquet table, or LAYOUT:PATH; may be given more than once."""
    map: tuple[str, ...] = ()
    """Your names for labels, as NAME=LABEL: tb=tuberculosis."""
    columns: tuple[str, ...] = ()
    """A table's columns, as NAME=COLUMN: path=file label=finding patient=pid."""
    skip_bad: bool = False
    """Leave out films that cannot be read, naming each, instead of stopping at the first."""


def run_command(
    settings: type[Settings], action: Callable[[Settings], None], program: str, arguments: Sequence[str] | None
) -> None:
    """Parse `arguments` (the process's own where None) into `settings` and act on them.

    A mistake of the user's is printed in one line on standard error, and the process exits with code 2.
    """
    try:
        action(parse_flags(settings, program, arguments))
    except EmbedlearnError as error:
        fail(program, str(error))
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # whoever read our output, such as `head`, has gone; Python must not flush into the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(CLOSED_PIPE) from None


def parse_flags(settings: type[Settings], program: str, arguments: Sequence[str] | None) -> Settings:
    """`settings` as the flags give them. Exits with code 0 after `--help`, with 2 and one line on a wrong flag."""

    def parse() -> Settings:
        return tyro.cli(settings, prog=program, args=arguments, config=(tyro.conf.OmitArgPrefixes,))

    said = io.StringIO()
    try:
        with _unwrapped(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):  # no colours either
            return parse()
    except SystemExit as exit_:
        if exit_.code:
            fail(program, _condense(said.getvalue()))
    except EmbedlearnError as error:  # a value that the dataclass itself refuses
        fail(program, str(error))
    return parse()  # help, once more for the reader's own terminal


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Let the parser believe in a very wide terminal: it would cut a path in two where its line is full."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "10000"
    try:
        yield
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before


def fail(program: str, message: str) -> NoReturn:
    """Print one line on standard error and exit with code 2; of several processes the first prints."""
    if _is_first():
        print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(USER_ERROR)


def say(message: str) -> None:
    """Print one line for the reader, at once; of several processes that do one thing only the first speaks."""
    if _is_first():
        print(message, flush=True)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Report]:
    """Yield `report(done, total)`, which draws a bar with rate and time left on standard error, once there is work."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )  # fmt: skip
    task = bar.add_task(what, total=None, rate="")

    def report(done: int, total: int) -> None:
        if not bar.console.is_terminal or not _is_first():
            return
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total, rate=_rate(bar))

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()


@contextlib.contextmanager
def stopping() -> Iterator[list[int]]:
    """Yield a list that is no longer empty once the process was asked to stop; asked twice, it stops at once."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, ask) for number in signals}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_first() -> bool:
    """Whether this is the first of the processes that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _rate(bar: Progress) -> str:
    speed = bar.tasks[0].speed
    return f"{speed:,.0f}/s" if speed else ""


def _condense(complaint: str) -> str:
    """Tyro's complaint, paragraphs between rules, as one sentence: what is wrong, and what was perhaps meant."""
    words = [line.strip() for line in complaint.splitlines() if line.strip()]
    rules = [number for number, line in enumerate(words) if set(line) == {"-"}]
    if len(rules) < 2:
        return " ".join(words)
    text = " ".join(words[rules[0] + 1 : rules[1]])
    text = re.sub(r"^Error parsing \w+: (?=--)", "", text)  # a dataclass's own refusal names the flag
    groups = [flag for heading, flag in pairwise(words) if heading.endswith(":") and flag.startswith("--")]
    meant = sorted({flag.split()[0].rstrip(",") for flag in groups})
    hint = f"; perhaps {', '.join(meant)}" if meant and "Unrecognized" in text else ""
    return f"{text.rstrip(' .')}{hint} (--help lists the flags)"
