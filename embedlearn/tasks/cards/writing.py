"""Both cards of a run folder, from its files alone."""

from __future__ import annotations

from pathlib import Path

from embedlearn.files import write_text
from embedlearn.tasks.cards.data import data_card
from embedlearn.tasks.cards.facts import read_facts
from embedlearn.tasks.cards.model import model_card

MODEL_CARD = "MODEL_CARD.md"
DATA_CARD = "DATA_CARD.md"


def write_cards(folder: Path) -> tuple[Path, Path]:
    """Write `MODEL_CARD.md` and `DATA_CARD.md` into a run folder; their paths.

    They hold what the folder's files say and nothing else, so that the same files give the same bytes; a file that is
    missing is told as not known. No path, no file's name and no patient stands in them. Raises `CheckpointError` where
    the folder is no finished run, `StorageError`.
    """
    facts = read_facts(folder)
    for name, text in ((MODEL_CARD, model_card(facts)), (DATA_CARD, data_card(facts))):
        write_text(folder / name, text)
    return folder / MODEL_CARD, folder / DATA_CARD
