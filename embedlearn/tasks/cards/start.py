"""What a run started from, and what may be said of films and labels it was not shown."""

from __future__ import annotations

from pathlib import PurePath

from embedlearn.tasks.cards.facts import Facts
from embedlearn.tasks.cards.notes import STARTED
from embedlearn.tasks.cards.words import listed

RANDOM, IMAGENET, RUN, FILE = "none", "imagenet", "run", "file"
NOT_KNOWN = {RUN: "what labels the run it started from has learnt is not told here"}


def start_of(facts: Facts) -> str:
    """`RANDOM`, `IMAGENET`, `RUN` (whose films were compared with these when the training began) or `FILE`."""
    weights: str = facts.settings["weights"]
    if weights in (RANDOM, IMAGENET):
        return weights
    file = PurePath(weights).suffix == ".safetensors" or any(note.startswith(STARTED) for note in facts.notes)
    return FILE if file else RUN


def first_weights(facts: Facts) -> str:
    return {
        RANDOM: f"random, seed {facts.settings['seed']}",
        IMAGENET: "ImageNet's",
        RUN: "those of another run, which has learnt from none of the films that are unseen here",
        FILE: "those of a file, whose SHA-256 was not kept",
    }[start_of(facts)]


def before(facts: Facts) -> str:
    """What is not known of its first weights; nothing where they were random."""
    start = start_of(facts)
    return "" if start == RANDOM else NOT_KNOWN.get(start, "what its first weights saw is not known")


def unseen(facts: Facts, what: str = "") -> str:
    """That it has not seen something; of first weights that were not random, that this training has not shown it."""
    words = f"this training has not shown it {what}" if before(facts) else f"it has not seen {what}"
    return words.strip()


def never_seen(facts: Facts) -> str:
    """A sentence on the labels it was not shown; nothing where there are none."""
    labels, doubt = facts.config["data"]["labels_never_seen"], before(facts)
    if not labels:
        return ""
    told = f"{unseen(facts, listed(labels))}; {doubt}." if doubt else f"it has never seen {listed(labels)}."
    return told[0].upper() + told[1:]
