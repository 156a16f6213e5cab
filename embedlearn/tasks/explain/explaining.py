"""`embedlearn explain`: from films and examples to maps, pictures and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.console import DataFlags, progress, say
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.inputs import FilmSource, standardise
from embedlearn.encoders.runs import EXPLAIN, Run, choose_run
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.explanations.checks.report import stored_verdict
from embedlearn.explanations.exact import Explained, exact_maps
from embedlearn.explanations.filmmap import FilmMap
from embedlearn.explanations.methods import Method, named_method, trap
from embedlearn.explanations.pairs import Pair, pair_maps
from embedlearn.explanations.readout import read_encoder
from embedlearn.explanations.support import Question, Support
from embedlearn.explanations.targets import Target, case_target
from embedlearn.files import require_folder
from embedlearn.flags import split_pairs
from embedlearn.radiographs.cases import find_twins
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import build_manifest, class_of
from embedlearn.sources import Collection, collect_films, embed_collection, named_films, seen_by
from embedlearn.tasks.explain.drawing import Reason
from embedlearn.tasks.explain.flags import Explain
from embedlearn.tasks.explain.writing import write_reasons
from embedlearn.tasks.unseen import unseen_films

BATCH = 16


@dataclass(frozen=True, eq=False)
class Examples:
    """Films with the names of their classes, str [N], and their cases, int64 [N]."""

    collection: Collection
    classes: NDArray[np.str_]
    cases: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Asked:
    """Films to explain; of each its class (None where it is not known) and those cases of the examples it is of."""

    collection: Collection
    classes: list[str | None]
    own: list[set[int]]


@dataclass(frozen=True, eq=False)
class Case:
    """A film that others are compared with: uint8 [S, S], its path, and the score of being like it."""

    path: Path
    film: NDArray[np.uint8]
    target: Target


def show_reasons(settings: Explain) -> None:
    """Act on the flags. Raises an `EmbedlearnError` for what a user can mend."""
    method = named_method(settings.method)
    run = choose_run(settings.run, settings.runs)
    out = settings.out or run.folder / EXPLAIN
    require_folder(out, "--out")
    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    examples = _examples(settings, run, saved)
    asked = _asked(settings, run, examples, saved)
    vectors = embed_collection(saved, examples.collection, device, "embedding examples").vectors
    explainer = _Explainer(settings, saved, device, method, examples, vectors, _case(settings, saved, device))
    reasons: list[Reason] = []
    with progress("explaining films") as report:
        for reason in explainer.reasons(asked):
            reasons.append(reason)
            report(len(reasons), len(asked.classes))
    if caution := trap(settings.method):
        say(f"  note: {settings.method}: {caution}")
    verdict = stored_verdict(run.folder / EXPLAIN, saved.digest, settings.method)
    write_reasons(out, settings, reasons, examples.collection.manifest.paths, saved, verdict)


def _examples(settings: Explain, run: Run, saved: SavedEncoder) -> Examples:
    """The examples that are named, or the run's films that its encoder has not seen."""
    if settings.support is None:
        collection, classes = unseen_films(DataFlags(skip_bad=settings.skip_bad), run, saved, settings.classes)
        cases = collection.manifest.frame["case"].to_numpy(np.int64)
    else:
        names, columns = split_pairs("--map", settings.map), split_pairs("--columns", settings.columns)
        manifest = read_data(settings.support, names=names, columns=columns)
        collection, seen = seen_by(run, manifest, saved.preprocessing, settings.skip_bad)
        _note_seen(seen, "examples")
        classes = settings.classes or tuple(sorted(set(manifest.frame["label"])))
        cases = collection.manifest.frame["case"].to_numpy(np.int64)
    named = np.array([class_of(label, classes) or "" for label in collection.manifest.frame["label"]])
    if missing := sorted(set(classes) - set(named)):
        found = ", ".join(sorted(set(collection.manifest.frame["label"])))
        raise EpisodeError(f"--classes: wanted examples of {', '.join(missing)}, got labels {found}; name others")
    kept = named != ""
    for flag, name in (("--why", settings.why), ("--why-not", settings.why_not)):
        if name and name not in classes:
            raise ArgumentError(f"{flag} {name}: no example is of this class; wanted one of {', '.join(classes)}")
    return Examples(collection.where(kept), named[kept], cases[kept])


def _note_seen(seen: NDArray[np.bool_], what: str) -> None:
    if seen.any():
        say(f"  note: {seen.sum()} of {len(seen)} {what}: the encoder has seen them, their patient or their twin")


def _asked(settings: Explain, run: Run, examples: Examples, saved: SavedEncoder) -> Asked:
    """The films that are named, or some of the examples' own."""
    if settings.films:
        return _named(settings, run, examples, saved)
    kept = np.isin(np.arange(len(examples.classes)), _some(examples, settings.each, settings.seed))
    own = [{int(case)} for case in examples.cases[kept]]
    return Asked(examples.collection.where(kept), [str(name) for name in examples.classes[kept]], own)


def _named(settings: Explain, run: Run, examples: Examples, saved: SavedEncoder) -> Asked:
    """The films that are named. One that is an example, or its near-identical picture, is of that example's case."""
    paths = named_films("FILM", *settings.films)
    manifest = build_manifest([{"path": path, "label": "?"} for path in paths], "asked")
    collection, seen = seen_by(run, manifest, saved.preprocessing, settings.skip_bad)
    _note_seen(seen, "films")
    count = len(examples.classes)
    twins = find_twins(np.concatenate([examples.collection.films[:], collection.films[:]]), against=count)
    known = {digest: row for row, digest in enumerate(examples.collection.films.digests)}
    same = [known.get(digest) for digest in collection.films.digests]
    own = [set() if row is None else {int(examples.cases[row])} for row in same]
    for example, film in twins:
        if example < count:
            own[film - count].add(int(examples.cases[example]))
    if met := sum(map(bool, own)):
        say(f"  note: {met} films are among the examples, or can hardly be told from one; that case is left out")
    return Asked(collection, [None if row is None else str(examples.classes[row]) for row in same], own)


def _some(examples: Examples, each: int, seed: int) -> NDArray[np.int64]:
    """Rows of `each` films of every class, no two of one case."""
    order = np.random.default_rng(seed).permutation(len(examples.classes))
    chosen = []
    for name in sorted(set(examples.classes)):
        rows = order[examples.classes[order] == name]
        firsts = np.unique(examples.cases[rows], return_index=True)[1]
        chosen.append(rows[np.sort(firsts)[:each]])
    return np.concatenate(chosen)


def _case(settings: Explain, saved: SavedEncoder, device: torch.device) -> Case | None:
    """The film that each is compared with, where one is named."""
    if settings.case is None:
        return None
    path = settings.case.absolute()
    if not path.is_file():
        raise ArgumentError(f"--case {settings.case}: wanted a film to compare with, got nothing there; check the path")
    manifest = build_manifest([{"path": path, "label": "?"}], "case")
    collection = collect_films(manifest, saved.preprocessing, skippable=False)
    vector = embed_collection(saved, collection, device, "embedding the case").vectors[0]
    return Case(path, collection.films[:][0], case_target(path.name, torch.from_numpy(vector)))


@dataclass(frozen=True, eq=False)
class _Explainer:
    """All that films are explained with: `vectors` float32 [N, D] are the examples' embeddings."""

    settings: Explain
    saved: SavedEncoder
    device: torch.device
    method: Method
    examples: Examples
    vectors: NDArray[np.float32]
    case: Case | None

    @torch.no_grad()
    def reasons(self, asked: Asked) -> Iterator[Reason]:
        """Of each film its question and the maps of its targets."""
        encoder = self.saved.encoder.to(self.device).eval()
        source = FilmSource(asked.collection.films, self.device)
        for start in range(0, len(asked.classes), BATCH):
            rows = np.arange(start, min(start + BATCH, len(asked.classes)))
            inputs = standardise(source.greys(rows), self.saved.preprocessing)
            features = encoder.backbone(inputs)
            embeddings = encoder.project(encoder.pool(features))
            questions = [
                self._question(vector, asked.own[row])
                for row, vector in zip(rows, embeddings.cpu().numpy(), strict=True)
            ]
            explained = self._explained(inputs, features, embeddings, questions)
            for place, row in enumerate(rows):
                yield self._reason(asked, int(row), questions[place], explained, place, features[place])

    def _question(self, vector: NDArray[np.float32], own: set[int]) -> Question:
        support = Support(self.vectors, self.examples.classes, self.examples.cases)
        found = support.question(vector, own, self.settings.why, self.settings.why_not, self.settings.neighbours)
        return replace(found, targets=(*found.targets[:3], self.case.target)) if self.case else found

    def _explained(
        self, inputs: Tensor, features: Tensor, embeddings: Tensor, questions: Sequence[Question]
    ) -> Explained:
        """The maps [B, 4, h, w] of a batch, by the method that was asked for; constants are those of exact maps."""
        encoder = self.saved.encoder
        vectors = torch.stack([torch.stack([target.vector for target in one.targets]) for one in questions]).to(inputs)
        offsets = torch.tensor([[target.offset for target in one.targets] for one in questions]).to(inputs)
        exact = exact_maps(features, read_encoder(encoder), vectors, offsets, embeddings)
        if self.settings.method == "exact":
            return exact
        maps = [self.method(encoder, inputs, vectors[:, slot]) for slot in range(vectors.shape[1])]
        return replace(exact, maps=torch.stack(maps, 1))

    def _reason(
        self, asked: Asked, row: int, question: Question, explained: Explained, place: int, features: Tensor
    ) -> Reason:
        exact = self.settings.method == "exact"
        maps = [
            FilmMap(
                target.name,
                explained.maps[place, slot].cpu().numpy(),
                float(explained.scores[place, slot]),
                float(explained.constants[place, slot]) if exact else None,
            )
            for slot, target in enumerate(question.targets)
        ]
        case = self.case or self._nearest(question)
        pair = self._pair(features, case) if self.settings.pairs else None
        return Reason(asked.collection.manifest.paths[row], asked.classes[row], question, maps, case.path, pair)

    def _nearest(self, question: Question) -> Case:
        row = int(question.nearest[0])
        collection = self.examples.collection
        return Case(collection.manifest.paths[row], collection.films[np.array([row])][0], question.targets[-1])

    def _pair(self, features: Tensor, case: Case) -> Pair:
        encoder = self.saved.encoder
        greys = torch.from_numpy(np.array(case.film))[None, None].to(self.device).float() / 255
        both = torch.stack([features, encoder.backbone(standardise(greys, self.saved.preprocessing))[0]])
        return pair_maps(both[0], both[1], read_encoder(encoder), encoder.project(encoder.pool(both)))
