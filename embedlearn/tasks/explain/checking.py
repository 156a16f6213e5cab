"""`embedlearn explain check`: from a run and films to verdicts on its maps."""

from __future__ import annotations

import numpy as np
import torch

from embedlearn.console import progress, say
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import EXPLAIN, choose_run, open_run
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.explanations.checks.question import FEWEST, CheckedFilms, CheckedNetwork, thin_classes
from embedlearn.explanations.checks.report import CHECKED, HEADINGS, PAIRS, draw_checks, one_line, save_verdicts, table
from embedlearn.explanations.checks.run import run_checks
from embedlearn.explanations.checks.verdict import Verdict
from embedlearn.explanations.methods import named_method
from embedlearn.files import require_folder
from embedlearn.flags import as_plain
from embedlearn.provenance import describe_software
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.phantom import SOURCES
from embedlearn.tasks.cards import renew_cards
from embedlearn.tasks.explain.flags import Check
from embedlearn.tasks.lungs import numbered_together, outlined_lungs
from embedlearn.tasks.unseen import less_seen, unseen_films

WIDTH = 120  # of the printed table where there is no terminal


def check_maps(settings: Check) -> bool:
    """Act on the flags; whether no map failed. Raises an `EmbedlearnError` for what a user can mend."""
    _require_methods(settings.methods)
    run = choose_run(settings.run, settings.runs)
    out = settings.out or run.folder / EXPLAIN
    require_folder(out, "--out")
    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    lungs = outlined_lungs(settings.masks, settings.boxes, saved.preprocessing)
    collection, classes = unseen_films(settings, run, saved, settings.classes)
    against = None
    if settings.against:
        other = open_run(settings.against)
        against = _network(load_encoder(other.encoder), device)
        collection = less_seen(collection, other, saved.preprocessing)
    frame = collection.manifest.frame
    labels = np.array([class_of(label, classes) for label in frame["label"]])
    cases = frame["case"].to_numpy(np.int64)
    if lungs:
        cases, lungs = numbered_together(collection, lungs, run, saved.preprocessing)
    films = CheckedFilms(collection.films[:], labels, cases)
    _require_cases(films, classes, settings)
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
    say(PAIRS)
    say(f"wrote {out}: {CHECKED}, check.png")
    if out.resolve() == (run.folder / EXPLAIN).resolve():
        renew_cards(run.folder, "with what the checks said")
    return all(verdict.passed is not False for verdict in verdicts)


def _require_methods(names: tuple[str, ...]) -> None:
    for name in names:
        try:
            named_method(name)
        except ArgumentError as error:
            raise ArgumentError(f"--methods{str(error).removeprefix('--method')}") from None


def _require_cases(films: CheckedFilms, classes: tuple[str, ...], settings: Check) -> None:
    """Say which classes have too few cases. Raises `EpisodeError` for one that was named."""
    thin = thin_classes(films, classes, settings.seed)
    if not thin:
        return
    told = (
        f"{', '.join(f'{name} has {count}' for name, count in thin.items())}, wanted {2 * FEWEST} unseen cases or more"
    )
    if named := [name for name in thin if name in settings.classes]:
        raise EpisodeError(f"--classes {' '.join(named)}: {told}; leave such classes out or give more films")
    say(f"  note: left out for too few films: {told}")


def _network(saved: SavedEncoder, device: torch.device) -> CheckedNetwork:
    return CheckedNetwork(saved.encoder.to(device).eval(), saved.preprocessing)


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
