"""Both cards of a run folder, from its files alone."""

from __future__ import annotations

from pathlib import Path

from embedlearn.console import say
from embedlearn.encoders.runs import CONFIG
from embedlearn.errors import CheckpointError, EmbedlearnError
from embedlearn.files import write_text
from embedlearn.tasks.cards.data import data_card
from embedlearn.tasks.cards.facts import WRONG, read_facts
from embedlearn.tasks.cards.model import model_card

MODEL_CARD = "MODEL_CARD.md"
DATA_CARD = "DATA_CARD.md"


def write_cards(folder: Path) -> tuple[Path, Path]:
    """Write `MODEL_CARD.md` and `DATA_CARD.md` into a run folder; their paths.

    They hold what the folder's files say and nothing else, so that the same files give the same bytes; what a file
    that is missing or of a wrong form would tell is told as not known. No path, no name of a film or of another file
    than the run's own, and no patient stands in them. Raises `CheckpointError` where the folder is no finished run or
    its `config.json` is of a wrong form, `StorageError`.
    """
    try:
        facts = read_facts(folder)
        texts = {folder / MODEL_CARD: model_card(facts), folder / DATA_CARD: data_card(facts)}
    except WRONG as error:
        wrong = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{folder / CONFIG}: not as a training writes it ({wrong}); restore it") from error
    for path, text in texts.items():
        write_text(path, text)
    return folder / MODEL_CARD, folder / DATA_CARD


def renew_cards(folder: Path, why: str) -> None:
    """Write the cards behind a command that has made something of a run, and say so; a note where that fails."""
    try:
        model_card, data_card = write_cards(folder)
        say(f"wrote {model_card} and {data_card}: {why}")
    except EmbedlearnError as error:
        say(f"note: no card: {error}")
