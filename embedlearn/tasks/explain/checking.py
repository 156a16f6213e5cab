"""`embedlearn explain check`: from a run and films to verdicts on its maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from embedlearn.console import progress, say
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import choose_run, open_run
from embedlearn.errors import ManifestError
from embedlearn.explanations.checks.lungs import LungFilms, read_lung_boxes, read_lung_masks
from embedlearn.explanations.checks.question import CheckedFilms, CheckedNetwork
from embedlearn.explanations.checks.report import HEADINGS, draw_checks, one_line, save_verdicts, table
from embedlearn.explanations.checks.run import run_checks
from embedlearn.explanations.checks.verdict import Verdict
from embedlearn.explanations.methods import named_method
from embedlearn.files import require_folder
from embedlearn.flags import as_plain
from embedlearn.provenance import describe_software
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.phantom import SOURCES
from embedlearn.tasks.explain.flags import Check
from embedlearn.tasks.explain.writing import CHECKED, FOLDER
from embedlearn.tasks.unseen import less_seen, unseen_films

WIDTH = 110  # of the printed table where there is no terminal


def check_maps(settings: Check) -> bool:
    """Act on the flags; whether no map failed. Raises an `EmbedlearnError` for what a user can mend."""
    for name in settings.methods:
        named_method(name)
    run = choose_run(settings.run, settings.runs)
    out = settings.out or run.folder / FOLDER
    require_folder(out.parent, "--out")
    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    lungs = _lungs(settings, saved)
    collection, classes = unseen_films(settings, run, saved, settings.classes)
    against = None
    if settings.against:
        other = open_run(settings.against)
        against = _network(load_encoder(other.encoder), device)
        collection = less_seen(collection, other, saved.preprocessing)
    frame = collection.manifest.frame
    labels = np.array([class_of(label, classes) for label in frame["label"]])
    films = CheckedFilms(collection.films[:], labels, frame["case"].to_numpy(np.int64))
    network = _network(saved, device)
    with progress("checking maps") as report:
        verdicts = run_checks(
            network, films, settings.methods, against=against, lungs=lungs, queries=settings.at_most,
            foreign=not set(run.manifest().frame["source"]) <= set(SOURCES), seed=settings.seed, progress=report,
        )  # fmt: skip
    _print(verdicts)
    about = {
        "encoder": saved.digest,
        "lag": network.lag,
        "settings": as_plain(settings),
        "software": describe_software(),
    }
    save_verdicts(out / CHECKED, verdicts, about)
    draw_checks(out / "check.png", verdicts, settings.theme)
    for name in settings.methods:
        say(one_line(verdicts, name))
    say(f"wrote {out}: {CHECKED}, check.png")
    return all(verdict.passed is not False for verdict in verdicts)


def _network(saved: SavedEncoder, device: torch.device) -> CheckedNetwork:
    return CheckedNetwork(saved.encoder.to(device).eval(), saved.preprocessing)


def _lungs(settings: Check, saved: SavedEncoder) -> list[LungFilms]:
    """The films whose lungs are outlined, by masks and by boxes, where these are named."""
    found = []
    if settings.masks:
        found.append(read_lung_masks(settings.masks, saved.preprocessing))
    if settings.boxes:
        found.append(read_lung_boxes(settings.boxes, _films_beside(settings.boxes), saved.preprocessing))
    return found


def _films_beside(boxes: Path) -> Path:
    """The folder images beside a file of boxes, or beside the folder that it lies in."""
    for folder in (boxes.absolute().parent / "images", boxes.absolute().parent.parent / "images"):
        if folder.is_dir():
            return folder
    raise ManifestError(f"--boxes {boxes}: wanted its films in a folder images beside it, got none; put them there")


def _print(verdicts: list[Verdict]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    printed = Table(*HEADINGS)
    for row in table(verdicts):
        printed.add_row(*map(Text, row))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(printed)
    for verdict in verdicts:
        say(f"  {verdict.method}, {verdict.check}: {verdict.sentence}")
