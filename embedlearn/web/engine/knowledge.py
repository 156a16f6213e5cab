"""What is known at one time: a gallery as it was opened, examples from it, its map and its films."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.face import Store
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.pictures import Pictures, pictures_of
from embedlearn.gallery.similar import Hits, Wanted, own_cases, similar
from embedlearn.gallery.where import Compare, Condition, parse_condition
from embedlearn.radiographs.cases import find_twins
from embedlearn.radiographs.splits import SEEN
from embedlearn.web.engine.answering import Calibration, Responder
from embedlearn.web.engine.examples import Examples, gallery_examples
from embedlearn.web.engine.latent import Latent, own_latent, stored_latent
from embedlearn.web.face import Sought, UnknownError
from embedlearn.web.forms import Case, ClassMade, SimilarCase

LOOKED_AT = 10  # of the nearest cases, whether they show the film that was sent
USUAL = ("label", "source", "view")
OURS = ("rank", "distance", "same_picture", "picture", "seen", "place")
Vector = NDArray[np.float32]
Film = NDArray[np.uint8]


@dataclass(frozen=True)
class Served:
    """What is served, whatever the gallery holds at the moment.

    `columns`: what may be shown of a case. `learnt`: the classes the encoder was trained on; `classes`: those to answer
    with, where they are named. `map`: a folder that `visualize` wrote. `pictures`: folders with films of the gallery,
    `films`: files of films by their SHA-256; `seen`: the SHA-256 of those that the encoder was trained on.
    """

    open: Callable[[], Store]
    saved: SavedEncoder
    calibration: Calibration
    learnt: Sequence[str]
    classes: Sequence[str]
    columns: Sequence[str]
    map: Path | None = None
    pictures: Sequence[Path] = ()
    films: Mapping[str, Path] | None = None
    seen: frozenset[str] = frozenset()
    seed: int = 0


class Knowledge:
    """A gallery and all that is made of it once, to be asked by several threads.

    `revision` says which content of the gallery it is.
    """

    def __init__(self, served: Served) -> None:
        self.served = served
        self.store = served.open()
        try:
            self._learn()
        except BaseException:
            self.store.close()
            raise

    def _learn(self) -> None:
        served, store, encoder = self.served, self.store, self.served.saved
        store.about.require_same(encoder.digest, encoder.preprocessing.digest, "--gallery")
        if not len(store):
            raise ArgumentError("--gallery: holds no case; add some with embedlearn index --add")
        self.revision = store.loaded
        self.notes: list[str] = []
        self.names: Identities | None = None
        try:
            self.names = store.names
        except StorageError as error:
            self.notes.append(str(error))
        if strange := [name for name in served.columns if name not in store.columns and name not in USUAL]:
            raise ArgumentError(
                f"--show {strange[0]}: no column of the gallery; wanted some of {', '.join(store.columns)}"
            )
        if strange := [name for name in served.columns if name in OURS]:
            raise ArgumentError(f"--show {strange[0]}: stands for something else in an answer; leave it out")
        self.columns = [name for name in served.columns if name in store.columns]
        self.pictures: Pictures | None = pictures_of(
            store, self.names, encoder.preprocessing, served.pictures, served.films
        )
        examples = gallery_examples(store, served.learnt, served.classes, served.seed)
        self.responder = Responder(examples, served.calibration)
        self.latent: Latent | None = (
            stored_latent(served.map, store, self.names, encoder.digest)
            if served.map
            else own_latent(store, encoder.digest, encoder.preprocessing.digest, served.seed)
        )
        self.count = len(store)
        self.made = self.classes(self.responder)

    def close(self) -> None:
        """Let go of the gallery."""
        self.store.close()

    def own(self, vector: Vector, square: Film, digest: str, patient: str | None) -> Condition | None:
        """Which cases are a film's own: it itself, those that show the same to the eye, and its patient's, where known.

        `vector` float32 [D] and `square` uint8 [S, S] are its embedding and what the encoder sees.
        """
        if self.names is None or "film" not in self.store.columns:
            return None
        _, near = self.store.kneighbors(vector[None], LOOKED_AT)
        near = near[near >= 0]
        alike = near[self._same_pictures(self.store.take(near), square)]
        rows = np.union1d(alike, self.store.matching(Compare("film", "in", tuple(self.names.films(digest)))))
        known = patient and "patient" in self.store.columns
        patients = self.names.patients(patient, self.store.values("source")) if known and patient else []
        return own_cases(self.store, rows.tolist(), patients)

    def responder_without(self, own: Condition | None) -> Responder:
        """The heads, fitted to examples that are not the film's own."""
        left = self.examples_without(own)
        return self.responder if left is self.responder.examples else Responder(left, self.served.calibration)

    def examples_without(self, own: Condition | None) -> Examples:
        """The examples that are not a film's own."""
        if own is None:
            return self.responder.examples
        ids = self.store.take(self.store.matching(own)).column("id").to_pylist()
        return self.responder.examples.without(set(ids))

    def similar(self, vector: Vector, wanted: Wanted, own: Condition | None) -> Hits:
        """The cases most similar to one embedding, float32 [D]."""
        try:
            return similar(self.store, vector[None], wanted, own)
        except ArgumentError:  # in a database a case may go while it is being looked up
            return similar(self.store, vector[None], wanted, own)

    def wanted(self, sought: Sought) -> Wanted:
        """What is wanted of a search. Raises `ArgumentError`, also for a column that may not be shown."""
        return Wanted(sought.k, self._condition(sought.where), sought.one_per_patient, sought.twins)

    def shown_hits(self, hits: Hits, square: Film | None) -> list[SimilarCase]:
        """The hits as they are given out; `square` uint8 [S, S] is the film that was asked with."""
        again = self._same_pictures(hits.cases, square)
        return [
            SimilarCase(
                **self._plain(case), rank=place + 1, distance=round(float(hits.distances[place]), 6),
                same_picture=again[place],
            )
            for place, case in enumerate(hits.cases.to_pylist())
        ]  # fmt: skip

    def case(self, id: str) -> Case:
        """What may be shown of a case. Raises `UnknownError`."""
        return Case(**self._plain(self._taken(id)))

    def token(self, id: str) -> str | None:
        """The token of a case's film. Raises `UnknownError`."""
        token: str | None = self._taken(id).get("film")
        return token

    def vector(self, id: str) -> Vector:
        """A case's embedding, float32 [D]. Raises `UnknownError`."""
        found: Vector = self.store.vectors_of(self._row(id))[0]
        return found

    def classes(self, responder: Responder) -> list[ClassMade]:
        """The classes that answers are made from, with the places of their prototypes."""
        examples = responder.examples
        names = list(responder.counts)
        means = np.stack([examples.vectors[examples.labels == name].mean(0) for name in names])
        places = self.latent.place(means) if self.latent else [None] * len(names)
        return [
            ClassMade(name=name, examples=responder.counts[name], place=place)
            for name, place in zip(names, places, strict=True)
        ]

    def _condition(self, where: str | None) -> Condition | None:
        """What cases must meet. Raises `ArgumentError`, also for a column that may not be shown."""
        if where is None:
            return None
        condition = parse_condition(where, "where")
        if hidden := sorted(condition.columns() - {"id", *self.columns}):
            raise ArgumentError(f"where: wanted columns {', '.join(('id', *self.columns))}, got {hidden[0][:40]}")
        return condition.check(self.store.schema, "where")

    def _row(self, id: str) -> NDArray[np.int64]:
        rows = self.store.find([id])
        if rows[0] < 0:
            raise UnknownError("no such case in the gallery; take an id from /v1/search")
        return rows

    def _taken(self, id: str) -> dict[str, Any]:
        case: dict[str, Any] = self.store.take(self._row(id)).to_pylist()[0]
        return case

    def _plain(self, case: Mapping[str, Any]) -> dict[str, Any]:
        shown = {name: _plain_value(case[name]) for name in self.columns}
        id = str(case["id"])
        place = self.latent.place_of(id) if self.latent else None
        pictured, seen = self.pictures is not None and self.pictures.has(case.get("film")), case.get("split") in SEEN
        return {**shown, "id": id, "picture": pictured, "seen": seen, "place": place}

    def _same_pictures(self, cases: pa.Table, square: Film | None) -> list[bool]:
        """Which cases show, to the eye, the film that was asked with."""
        tokens = cases.column("film").to_pylist() if self.pictures and "film" in cases.column_names else []
        films = [self.pictures.of(token) if self.pictures else None for token in tokens]
        there = [place for place, film in enumerate(films) if film is not None]
        if square is None or not there:
            return [False] * len(cases)
        stack = np.stack([square, *(film for film in films if film is not None)])
        again = {there[other - 1] for first, other in find_twins(stack) if first == 0}
        return [place in again for place in range(len(cases))]


def _plain_value(value: Any) -> Any:
    """A value of a column as JSON holds it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
