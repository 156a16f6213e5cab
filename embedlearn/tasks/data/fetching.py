"""`data fetch`: published sets from Kaggle, and how to get them by hand."""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from embedlearn.console import say
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import require_folder
from embedlearn.tasks.data.flags import Fetch

HANDLES = {
    "kermany": "paultimothymooney/chest-xray-pneumonia",
    "radiography": "tawsifurrahman/covid19-radiography-database",
}
CACHE = "KAGGLEHUB_CACHE"  # kagglehub's own word for where it puts things


def fetch(settings: Fetch) -> None:
    """Download the set and say where it lies.

    Raises `ArgumentError` where kagglehub is not installed, `StorageError` where it does not get the set; the message
    says how to get it by hand.
    """
    by_hand = f"or by hand: {_by_hand(settings)}"
    try:
        kagglehub = importlib.import_module("kagglehub")
    except ImportError:
        wanted = f"fetch {settings.name}: kagglehub is not installed; pip install 'embedlearn[kaggle]'"
        raise ArgumentError(f"{wanted}, {by_hand}") from None
    if settings.out:
        require_folder(settings.out, "--out")
    try:
        with _going_to(settings.out):
            folder = Path(kagglehub.dataset_download(HANDLES[settings.name])).absolute()
    except Exception as error:  # whatever the network, Kaggle and its package raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StorageError(
            f"fetch {settings.name}: Kaggle did not give it ({reason}); try again with a network and, where Kaggle "
            f"asks for them, credentials (kaggle.com/settings), {by_hand}"
        ) from error
    say(f"{settings.name} lies in {folder}")
    say(f"next: {_next(folder)}")


def _by_hand(settings: Fetch) -> str:
    folder = settings.out or Path(settings.name)
    page = f"https://www.kaggle.com/datasets/{HANDLES[settings.name]}"
    return f"download the zip of {page}, unpack it into {folder}, then {_next(folder)}"


def _next(folder: Path) -> str:
    return f"python -m embedlearn.data show {shlex.quote(str(folder))}"


@contextlib.contextmanager
def _going_to(folder: Path | None) -> Iterator[None]:
    """Let kagglehub keep what it downloads in `folder`."""
    before = os.environ.get(CACHE)
    if folder:
        os.environ[CACHE] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(CACHE, None)
        else:
            os.environ[CACHE] = before
