"""Flags from a dataclass, mistakes in one line, progress only for eyes that watch, signals held back."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from embedlearn.console import DataFlags, progress, run_command, say, stopping
from embedlearn.errors import EmbedlearnError, ManifestError
from embedlearn.flags import require_number

STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Deep:
    """Settings inside settings."""

    depth: int = 3
    """How deep."""


@dataclass(frozen=True, kw_only=True)
class Settings(DataFlags):
    """A command to try things on."""

    share: float = 0.5
    """A share."""
    quick: bool = False
    """Whether to hurry."""
    out: Path = Path("out")
    """Where to write."""
    deep: Deep = field(default_factory=Deep)

    def __post_init__(self) -> None:
        require_number("--share", self.share, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Demanding:
    """A command that cannot guess everything."""

    out: Path
    """Where to write."""


def parse(*arguments: str) -> Settings:
    got: list[Settings] = []
    run_command(Settings, got.append, "try", arguments)
    return got[0]


def refuse(capsys: pytest.CaptureFixture[str], action: Callable[[Settings], None], *arguments: str) -> str:
    """The one line on standard error with which a command that exits with code 2 complains."""
    with pytest.raises(SystemExit) as exit_:
        run_command(Settings, action, "try", arguments)
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err.rstrip("\n")


def raising(error: BaseException) -> Callable[[Settings], None]:
    def action(_: Settings) -> None:
        raise error

    return action


def test_no_flags_give_the_defaults() -> None:
    assert parse() == Settings()


def test_flags_reach_their_fields() -> None:
    settings = parse(
        *("--data", "a", "--data", "ieee8023:b", "--map", "tb=x", "flu=y", "--columns", "path=file"),
        *("--share", "0.25", "--quick", "--out", "there", "--depth", "7"),
    )
    assert settings == Settings(
        data=("a", "ieee8023:b"), map=("tb=x", "flu=y"), columns=("path=file",),
        share=0.25, quick=True, out=Path("there"), deep=Deep(7),
    )  # fmt: skip
    assert parse("--no-quick").quick is False


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--shares", "1"], "Unrecognized options: --shares, 1; perhaps --share"),
        (["--shar", "1", "--dept", "2"], "Unrecognized options: --shar, 1, --dept, 2; perhaps --depth, --share"),
        (["--quik"], "Unrecognized options: --quik; perhaps --quick"),
        (["--nonsense"], "Unrecognized options: --nonsense"),
        (["stray"], "Unrecognized options: stray"),
        (["--quick", "yes"], "Unrecognized options: yes"),
        (["--share", "half"], "Error parsing --share: could not convert string to float: 'half'"),
        (["--share"], "Missing value for argument '--share'. Expected 1 values"),
        (["--share", "2"], "--share: wanted a number from 0 to 1, got 2"),
    ],
)
def test_a_wrong_flag(capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str) -> None:
    line = refuse(capsys, raising(AssertionError("a command with a wrong flag must not act")), *arguments)
    assert line == f"try: {complaint} (--help lists the flags)"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("watched", [True, False])
def test_a_wrong_flag_reads_the_same_on_every_terminal(encoding: str, watched: bool) -> None:
    leader, follower = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "embedlearn.embed", "--devise", "--out=x"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "TERM": "xterm"},
        stdout=follower if watched else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    os.close(leader)
    os.close(follower)
    assert done.stderr == (
        b"embedlearn embed: Unrecognized options: --devise; perhaps --device (--help lists the flags)\n"
    )


def test_a_flag_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run_command(Demanding, print, "try", [])
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("try: Missing from try: --out PATH Where to write.")


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run_command(Settings, raising(AssertionError()), "try", ["--help"])
    assert not exit_.value.code
    out, err = capsys.readouterr()
    assert "--depth INT" in out
    assert err == ""


@pytest.mark.parametrize("error", [EmbedlearnError("films: gone"), ManifestError("films:\n  gone")])
def test_a_users_mistake_is_one_line(capsys: pytest.CaptureFixture[str], error: EmbedlearnError) -> None:
    assert refuse(capsys, raising(error)) == "try: films: gone"


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(Settings, raising(ZeroDivisionError()), "try", [])


def test_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run_command(Settings, raising(KeyboardInterrupt()), "try", [])
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "try: interrupted\n"


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    command = f"{shlex.quote(sys.executable)} -m embedlearn.embed --help | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith("usage: embedlearn embed")
    assert done.stderr == ""


# Progress.


def draw() -> None:
    with progress("drawing films") as report:
        for done in range(1, 5):
            report(done, 4)


def test_progress_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    draw()
    assert capsys.readouterr() == ("", "")


def test_progress_is_drawn_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which Rich takes for a terminal
    draw()
    out, err = capsys.readouterr()
    assert out == ""
    assert "drawing films" in err
    assert "4/4" in err


def test_progress_without_work_draws_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("drawing films"):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("rank", ["0", "1", "10", None])
def test_of_several_processes_only_the_first_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rank: str | None
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("RANK", rank) if rank else monkeypatch.delenv("RANK", raising=False)
    say("kept epoch 3")
    draw()
    out, err = capsys.readouterr()
    assert out == ("kept epoch 3\n" if rank in ("0", None) else "")
    assert ("4/4" in err) if rank in ("0", None) else (err == "")
    with pytest.raises(SystemExit) as exit_:
        run_command(Settings, raising(EmbedlearnError("films: gone")), "try", [])
    assert exit_.value.code == 2
    assert capsys.readouterr().err == ("try: films: gone\n" if rank in ("0", None) else "")


# Being asked to stop.


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that reach whoever listened before."""
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in STOPS}
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("first", STOPS)
@pytest.mark.parametrize("second", STOPS)
def test_a_request_to_stop_is_noted_and_a_second_one_interrupts(
    heard: list[int], first: signal.Signals, second: signal.Signals
) -> None:
    with stopping() as asked:
        assert asked == []
        signal.raise_signal(first)
        assert asked == [first]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)
        assert asked == [first]
    assert heard == []


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_signals_are_given_back_however_the_work_ends(heard: list[int], error: type[BaseException] | None) -> None:
    with pytest.raises(error) if error else contextlib.nullcontext(), stopping() as asked:
        if error:
            raise error
    for number in STOPS:
        signal.raise_signal(number)
    assert heard == list(STOPS) and asked == []


def test_off_the_main_thread_signals_are_left_alone(heard: list[int]) -> None:
    before = [signal.getsignal(number) for number in STOPS]
    seen: list[object] = []

    def work() -> None:
        with stopping() as asked:
            seen.extend([asked, [signal.getsignal(number) for number in STOPS]])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[], before]
    assert [signal.getsignal(number) for number in STOPS] == before
