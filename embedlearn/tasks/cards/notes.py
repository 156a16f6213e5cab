"""Notes of other commands, of which a card prints only those it knows to give nothing away, and counts the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from embedlearn.tasks.cards.words import bullets, clean, counted

STARTED = "the training started from "
OF_FILMS = (
    "The films are synthetic phantoms: drawings, of no patient, fit to try the toolkit and for nothing clinical",
    "@ names no patients for # of # films",
    "@ names no patients for any of its # films",
    "@ names no patients: near-identical pictures stand in for them, so two different films of one patient may fall on "
    "both sides of a split",
    "@: # of # patients stand on both sides of the published split",
    "@: the published split is kept in the column published_split and decides nothing by itself",
    "@: # films beside the class folders were left out",
    "@: # links to folders were not followed",
    "@: # films that are no radiograph were left out",
    "@: # films without a frontal view (PA or AP) were left out",
    "@: # films named in metadata.csv are not in images/ and were left out",
    "@: # films named in the lists are not there and were left out",
    "@: # films are of a collection that no metadata.xlsx tells",
    "@: # films that metadata.csv does not list take the label of their folder",
    "@: # films have findings marked uncertain",
    "@: # films of several frames were left out",
    "@: # objects without an image were left out",
    "@: # DICOM files that cannot be read were left out",
    "@: # rows without a finding were left out",
    "@: # rows name a file that an earlier row names with the same label; merged",
    "@: # files stand in rows that contradict each other on label or patient and were left out",
    "@: its films are a part of NIH ChestX-ray14; never test on one and train on the other",
)
OF_EPISODES = (
    "warning: at # shot the @ alone reaches accuracy # (encoder #, best heads): the score may rest on where films come "
    "from",
    "warning: at # shots the @ alone reaches accuracy # (encoder #, best heads): the score may rest on where films "
    "come from",
    "warning: not every source has films of @; a source can give a class away",
    "warning: only # cases of @; other patients may give another picture",
    "warning: # of # films of @ name no patient: only their near-identical films are kept together, and the interval "
    "by patient may be too narrow",
    "warning: the temperature from base films makes probabilities worse here with @: the base classes are another "
    "question",
    "warning: @: transductive, an answer depends on the other queries",
    "note: no base films at hand, so that no bound for the unknown could be carried over",
    "note: the films are synthetic phantoms; the numbers say nothing about patients",
    "# films left out: they, their patient or their twin were seen in pretraining",
    "# shots: no temperature fitted on base films",
    "# shots: no bound for the unknown from base films",
    "other queries and the leakage gap are left out",
    "unknown films and supports are left out",
)


def known_notes(notes: Iterable[str], forms: Sequence[str], names: Iterable[str], where: str) -> list[str]:
    """A list of the notes that begin as one of `forms`, up to its end, and of how many more stand in the file `where`.

    In a form, # stands for a number and @ for one or several of `names`, which the card prints anyway.
    """
    pattern = _pattern(forms, names)
    found = [pattern.match(note) for note in notes]
    told = [clean(match[0]) + "." for match in found if match]
    if further := len(found) - len(told):
        told.append(f"{counted(further, 'note is', 'notes are')} not repeated here: see `{where}`.")
    return bullets(told)


def _pattern(forms: Sequence[str], names: Iterable[str]) -> re.Pattern[str]:
    name = "|".join(re.escape(word) for word in sorted(set(names) - {""}, key=len, reverse=True)) or "(?!)"
    parts = {"@": f"(?:{name})(?:, (?:{name}))*", "#": r"\d[\d,]*(?:\.\d+)?"}
    written = ("".join(parts.get(part, re.escape(part)) for part in re.split("([@#])", form)) for form in forms)
    return re.compile(f"(?:{'|'.join(written)})(?=$|[.,:;]| [(])")
