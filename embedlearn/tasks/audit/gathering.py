"""From the films that an audit is asked about to what its chapters are made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.audits.films import WHOLE, AuditedFilms
from embedlearn.audits.judging import FEWEST
from embedlearn.audits.twins import Pictures, find_pictures
from embedlearn.console import progress, say
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import Run, open_run
from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.flags import split_pairs
from embedlearn.radiographs.cases import join_cases
from embedlearn.radiographs.labels import COVID, HEALTHY
from embedlearn.radiographs.labelsets import NO, UNKNOWN, YES, all_labels, finding_targets, label_sets
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import Manifest, class_of, join
from embedlearn.radiographs.reading import upright_sides
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection, collect_films, describe, embed_collection, read_named, seen_by
from embedlearn.tasks.audit.flags import Audit

ROLE, LEARNT = "role", "learnt"
TRAINED, UNTRAINED = "trained", "untrained"
FINDING = "any finding"


@dataclass(frozen=True, eq=False)
class Asked:
    """What an audit is of.

    `whole` are all films, `pictures` which of them show the same. `unseen` says which rows, bool [N], are of no case
    that a run has met in training; `judged` those of them that are of a class: a label is told from these. `models` are
    embeddings float32 [N, D] by name, and `positive` is the class that matters most.
    """

    whole: AuditedFilms
    pictures: Pictures
    unseen: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    models: Mapping[str, NDArray[np.float32]]
    positive: str
    notes: tuple[str, ...]
    network: Network | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """A run's encoder, and the films as it reads them, row for row those of the audit."""

    run: Run
    saved: SavedEncoder
    collection: Collection


def gather(settings: Audit) -> Asked:
    """Read and decode what the flags name, embed it where a run is named, and find what films show the same.

    Raises an `EmbedlearnError` for what a user can mend.
    """
    run = open_run(settings.run) if settings.run else None
    manifest = _named(settings, run)
    collection = collect_films(manifest, WHOLE, settings.skip_bad)
    describe(collection.manifest)
    shapes = _shapes(collection.manifest.paths)
    models: dict[str, NDArray[np.float32]] = {}
    network, seen = None, np.zeros(len(shapes), bool)
    if run:
        network, seen = _network(settings, run, collection.manifest)
        models = _embedded(network, settings)
    frame = collection.manifest.frame
    if network:
        frame = frame.assign(**{LEARNT: _learnt(network)})
    with progress("looking for films that show the same") as report:
        pictures = find_pictures(
            AuditedFilms(frame, collection.films, shapes), vectors=models.get(TRAINED), progress=report
        )
    cases = join_cases(Manifest(frame), [(int(a), int(b)) for a, b in pictures.pairs])
    seen |= np.isin(cases, cases[seen])  # pictures that only the audit recognises
    classes, named, notes = _classes(frame.assign(case=cases), settings)
    frame = frame.assign(case=cases, **{"class": named})
    if (judged := frame["class"].notna().to_numpy() & ~seen).sum() < len(frame):
        notes.append(f"labels are told from {judged.sum():,} of {len(frame):,} films: those of {', '.join(classes)}"
                     + (", which the run has not seen" if run else ""))  # fmt: skip
    if len(set(frame["class"][judged])) < 2:
        raise ManifestError(
            f"--classes: wanted films of two classes or more{' that the run has not seen' if run else ''}, got "
            f"{', '.join(sorted(set(frame['class'][judged]))) or 'none'}; name other classes or more films"
        )
    if network and (alike := int((seen & ~frame[LEARNT]).sum())):
        notes.append(f"{alike:,} films share a patient or a picture with the run's training and are not judged either")
    for note in notes:
        say(f"  note: {note}")
    return Asked(
        AuditedFilms(frame, collection.films, shapes), pictures, ~seen, judged, models,
        settings.positive or _most_wanted(frame[judged]), (*manifest.notes, *notes), network,
    )  # fmt: skip


def _named(settings: Audit, run: Run | None) -> Manifest:
    """The films that are named, or the run's, or phantoms; with the examples of --support, a column `role`."""
    if run and not settings.data:
        if settings.map or settings.columns:
            raise ArgumentError("--map and --columns: are for films that DATA names; name them or leave these out")
        own = run.manifest()
        return Manifest(own.frame.drop(columns=["case", "sha256", "class"], errors="ignore"), own.notes)
    asked = read_named(settings)
    if not settings.support:
        return asked
    names, columns = split_pairs("--map", settings.map), split_pairs("--columns", settings.columns)
    examples = read_data(settings.support, names=names, columns=columns)
    roles = ["query"] * len(asked) + ["support"] * len(examples)
    sources = pd.concat([asked.frame["source"], examples.frame["source"]], ignore_index=True)
    # A source that stands in both keeps its name, so that its patients can meet.
    return join([asked, examples]).with_columns(source=sources.astype("string"), role=roles)


def _shapes(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Height and width of each film, upright, int64 [N, 2]."""
    with ThreadPoolExecutor(os.cpu_count()) as pool, progress("reading headers") as report:
        found = []
        for number, sides in enumerate(pool.map(upright_sides, paths), 1):
            found.append(sides)
            report(number, len(paths))
    return np.array(found, np.int64).reshape(-1, 2)


def _network(settings: Audit, run: Run, manifest: Manifest) -> tuple[Network, NDArray[np.bool_]]:
    """The run's encoder with the films as it reads them, and which of them it has seen, bool [N]."""
    saved = load_encoder(run.encoder)
    collection, seen = seen_by(run, manifest, saved.preprocessing)
    return Network(run, saved, collection), seen


def _learnt(network: Network) -> NDArray[np.bool_]:
    """Which of the films themselves the run has learnt from or was chosen by, bool [N]; not their like."""
    own = network.run.manifest().frame
    return network.collection.manifest.frame["sha256"].isin(own["sha256"][own["split"].isin(SEEN)]).to_numpy(bool)


def _embedded(network: Network, settings: Audit) -> dict[str, NDArray[np.float32]]:
    """The films' embeddings by the run's encoder and by its untrained network."""
    device = choose_device(settings.device)
    encoders = {TRAINED: network.saved, UNTRAINED: load_encoder(network.run.untrained)}
    return {
        name: embed_collection(saved, network.collection, device, f"embedding, {name}").vectors
        for name, saved in encoders.items()
    }


def _classes(frame: pd.DataFrame, settings: Audit) -> tuple[tuple[str, ...], pd.Series, list[str]]:
    """The classes that are told apart, the class of each film (missing where it has none), and notes."""
    if "labels" in frame and frame["labels"].str.contains("|", regex=False).any():
        return _binary(frame, settings)
    classes = settings.classes
    notes = []
    if not classes:
        roots = frame["label"].str.partition("/")[0]
        counts = frame.groupby(roots)["case"].nunique()
        classes = tuple(sorted(counts.index[counts >= FEWEST]))
        if few := sorted(counts.index[counts < FEWEST]):
            notes.append(
                f"labels of fewer than {FEWEST} cases take no part: {', '.join(few)}; name them with --classes"
            )
    if settings.positive and settings.positive not in classes:
        raise ArgumentError(f"--positive {settings.positive}: wanted one of {', '.join(classes)}, got another")
    named = frame["label"].map(lambda label: class_of(label, classes)).astype("string")
    if missing := sorted(set(settings.classes) - set(named.dropna())):
        got = ", ".join(sorted(set(frame["label"])))
        raise ArgumentError(f"--classes: wanted films of {', '.join(missing)}, got labels {got}; name others")
    return tuple(classes), named, notes


def _binary(frame: pd.DataFrame, settings: Audit) -> tuple[tuple[str, ...], pd.Series, list[str]]:
    """Of sets of labels: films with the finding asked about against the rest, by default any finding against none."""
    if settings.classes:
        raise ArgumentError("--classes: these films have sets of labels; name one finding with --positive instead")
    if settings.positive is None:
        unsure = frame["uncertain"].notna() if "uncertain" in frame else pd.Series(False, frame.index)
        ill = np.array([bool(labels) for labels in label_sets(frame)])
        name, rest, target = FINDING, HEALTHY, np.where(ill, YES, np.where(unsure, UNKNOWN, NO))
    else:
        name, rest = settings.positive, f"no {settings.positive}"
        target = finding_targets(frame, [settings.positive])[:, 0]
        if not (target == YES).any():
            got = ", ".join(sorted(all_labels(frame)))
            raise ArgumentError(f"--positive {settings.positive}: no film has this finding; got {got}")
    named = pd.Series(target, frame.index).map({YES: name, NO: rest}).astype("string")
    note = f"films have sets of labels: {name} is told from {rest}; another finding is asked about by --positive"
    return (name, rest), named, [note]


def _most_wanted(frame: pd.DataFrame) -> str:
    """COVID-19 where it is among the classes, else any finding, else the class of the fewest cases."""
    counts = frame.groupby("class")["case"].nunique()
    return next((name for name in (COVID, FINDING) if name in counts.index), str(counts.idxmin()))
