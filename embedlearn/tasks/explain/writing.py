"""What `embedlearn explain` writes: a picture of each film, sheets of all, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import progress, say
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import plain_map, scale_of
from embedlearn.explanations.geometry import Sight, cell_at, shown_of
from embedlearn.explanations.lag import sight_of
from embedlearn.explanations.panels import reduced
from embedlearn.explanations.sheet import MOST, Answered, Matched
from embedlearn.files import write_json, written_before
from embedlearn.flags import as_plain
from embedlearn.provenance import describe_software
from embedlearn.radiographs.masks import find_masks, read_mask
from embedlearn.radiographs.reading import read_film
from embedlearn.tasks.explain.drawing import ENDINGS, Drawing, Place, Reason
from embedlearn.tasks.explain.flags import Explain

FORMAT = "embedlearn-explanations-1"
RECORD = "explain.json"


def write_reasons(
    out: Path, settings: Explain, reasons: Sequence[Reason], support: Sequence[Path], saved: SavedEncoder, verdict: str
) -> None:
    """Write all into the folder `out`, and take away what an earlier call left there.

    `support` are the paths of the examples, `verdict` is what the checks say of margin maps. Raises `ImageError`,
    `ManifestError`, `ArgumentError` or `StorageError`, before anything is written where the user can mend it.
    """
    sight = sight_of(saved.encoder, saved.preprocessing)
    scale = scale_of(reason.maps[0] for reason in reasons) if settings.method == "exact" else None
    drawing = Drawing(out, settings, sight, scale, verdict)
    places = _places(settings, reasons, sight)
    earlier = written_before(out / RECORD, FORMAT)
    names = free_names([reason.path.stem for reason in reasons])
    films: list[dict[str, Any]] = []
    answered: list[Answered] = []
    pairs: list[Matched] = []
    with progress("drawing films") as report:
        for name, reason, place in zip(names, reasons, places, strict=True):
            film = read_film(reason.path)
            drawing.draw_film(name, film, reason, place)
            if len(answered) < MOST:
                label = None if settings.why or settings.why_not else reason.label  # else a film is not judged
                answered.append(Answered(reduced(film), name, reason.question.why, reason.maps[0], label))
                if reason.pair:
                    pairs.append(drawing.matched(name, film, reason))
            films.append(_plain(name, film, reason, support, sight, verdict))
            report(len(films), len(reasons))
    drawing.draw_sheets(answered, pairs)
    about = {"encoder": saved.digest, "settings": as_plain(settings), "software": describe_software()}
    told = {"format": FORMAT, **about, "verdict": verdict, "written": drawing.written, "films": films}
    write_json(out / RECORD, told)
    for name in set(earlier) - set(drawing.written):
        (out / name).unlink(missing_ok=True)
    _tell(out, settings, reasons, verdict)


def free_names(stems: Sequence[str]) -> list[str]:
    """The names themselves; one whose pictures would have a name that is taken gets a number."""
    taken: set[str] = {"sheet", "pairs", "check"}
    names = []
    for stem in stems:
        name, number = stem, 2
        while taken & {name + ending for ending in ENDINGS}:
            name, number = f"{stem}-{number}", number + 1
        taken |= {name + ending for ending in ENDINGS}
        names.append(name)
    return names


def _places(settings: Explain, reasons: Sequence[Reason], sight: Sight) -> list[Place]:
    """The lungs of each film and the cell that was asked about, where these are named."""
    if not settings.masks and not settings.at:
        return [Place()] * len(reasons)
    masks = find_masks(settings.masks, [reason.path.stem for reason in reasons]) if settings.masks else {}
    found = []
    for reason in reasons:
        height, width = read_film(reason.path).shape
        mask = masks.get(reason.path.stem)
        lungs = read_mask(mask, height, width) if mask else None
        grid = np.shape(reason.maps[0].values)
        cell = _cell(settings.at, reason.path, (height, width), (grid[0], grid[1]), sight) if settings.at else None
        found.append(Place(lungs, cell))
    return found


def _cell(
    at: tuple[float, float], path: Path, size: tuple[int, int], grid: tuple[int, int], sight: Sight
) -> tuple[int, int]:
    """The cell that a point of the film lies in. Raises `ArgumentError` where the encoder does not see the point."""
    down, across = (min(int(share * side), side - 1) + 0.5 for share, side in zip(at, size, strict=True))
    shown = shown_of(*size, sight.preprocessing)
    inside = shown.top <= down <= shown.bottom and shown.left <= across <= shown.right
    cell = cell_at(down, across, grid, *size, sight) if inside else None
    if cell is None:
        raise ArgumentError(f"--at {at[0]} {at[1]}: the encoder does not see this point of {path}; name another")
    return cell


def _plain(
    name: str, film: NDArray[np.uint8], reason: Reason, support: Sequence[Path], sight: Sight, verdict: str
) -> dict[str, Any]:
    question = reason.question
    return {
        "name": name,
        "path": str(reason.path),
        "label": reason.label,
        "answer": question.answer,
        "why": question.why,
        "why_not": question.why_not,
        "case": str(reason.case),
        "nearest": [str(support[row]) for row in question.nearest],
        **plain_map(reason.maps, film.shape[0], film.shape[1], sight, verdict),
    }


def _tell(out: Path, settings: Explain, reasons: Sequence[Reason], verdict: str) -> None:
    for reason in reasons[:20]:
        margin = reason.maps[0]
        label = f" (labelled {reason.label})" if reason.label else ""
        say(f"{reason.path.name}{label}: {reason.question.answer}; {margin.name}: {margin.score:+.3f}")
    if len(reasons) > 20:
        say(f"  and {len(reasons) - 20} more")
    if settings.method == "exact":
        worst = max(shown.residual or 0.0 for reason in reasons for shown in reason.maps)
        say(f"  the maps and their constants add up to the scores within {worst:.1e}")
    say(f"  {verdict}")
    shown = f" (the first {MOST} on the sheet)" if len(reasons) > MOST else ""
    say(f"wrote {out}: {len(reasons)} films{shown}, sheet.png, explain.json")
