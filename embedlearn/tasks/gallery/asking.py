"""What `embedlearn search` does: from films, cases or vectors to the most similar cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import require_folder
from embedlearn.gallery.face import Store
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.opening import find_case, open_gallery
from embedlearn.gallery.pictures import pictures_of, require_folders
from embedlearn.gallery.similar import Wanted, own_cases, similar
from embedlearn.gallery.where import Compare, Condition, Or, parse_condition
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.tasks.gallery.flags import Search
from embedlearn.tasks.gallery.showing import Film, Shown, show

if TYPE_CHECKING:
    from embedlearn.encoders.checkpoints import SavedEncoder


@dataclass(frozen=True, eq=False)
class Query:
    """What is asked: embeddings (float32 [V, D]) of one case.

    `films` are their films (None where one is not at hand), `titles` what to call them; `rows` are the query's own
    cases in the gallery, and `patients` what its patient may be called there. `preprocessing` is what the films went
    through, where films are asked with.
    """

    vectors: NDArray[np.float32]
    films: list[Film | None]
    titles: list[str]
    rows: list[int]
    patients: list[str]
    preprocessing: Preprocessing | None = None


def search_gallery(settings: Search) -> None:
    """Act on the flags. Raises an `EmbedlearnError` for what a user can mend."""
    for flag, path in (("--out", settings.out), ("--table", settings.table)):
        if path:
            require_folder(path.parent, flag)
    require_folders(settings.pictures)
    with open_gallery(settings.gallery, settings.store, device=settings.device) as gallery:
        if not len(gallery):
            raise ArgumentError(f"{settings.gallery}: holds no case; add some with embedlearn index --add")
        names = _names(gallery)
        wanted = Wanted(
            settings.k, _where(settings.where, gallery, names), settings.one_per_patient, settings.twins,
            settings.combine, settings.expand, settings.rerank,
        )  # fmt: skip
        ask = _ask_films if settings.films else _ask_cases if settings.case else _ask_vectors
        query = ask(settings, gallery, names)
        hits = similar(gallery, query.vectors, wanted, _own(settings, gallery, query))
        if not len(hits):
            asked = f"--where {settings.where}: no case meets it" if settings.where else f"{settings.gallery}: no case"
            raise ArgumentError(f"{asked} but the query's own; ask for others, or with --same-patient")
        pictures = pictures_of(gallery, names, query.preprocessing, settings.pictures)
        films = [pictures.of(token) for token in hits.cases.column("film").to_pylist()] if pictures else []
    show(settings, query.films, query.titles, Shown(hits, films or [None] * len(hits), pictures is not None))


def _names(gallery: Store) -> Identities | None:
    """How the gallery names films and patients; None where that cannot be told any more."""
    try:
        return gallery.names
    except StorageError as error:
        say(f"  note: {error}")
        return None


def _where(text: str | None, gallery: Store, names: Identities | None) -> Condition | None:
    if text is None:
        return None
    condition = parse_condition(text).check(gallery.schema, "--where")
    return names.condition(condition, gallery.values("source")) if names else condition


def _ask_films(settings: Search, gallery: Store, names: Identities | None) -> Query:
    """Films as a query: embedded by the encoder that made the gallery."""
    from embedlearn.encoders.devices import choose_device
    from embedlearn.radiographs.manifest import build_manifest
    from embedlearn.sources import collect_films, embed_collection

    for path in settings.films:
        if not path.is_file():
            raise ArgumentError(f"{path}: wanted a film to ask with, got nothing there; check the path")
    saved = _encoder_of(settings, gallery)
    manifest = build_manifest([{"path": path.absolute(), "label": "?"} for path in settings.films], "query")
    collection = collect_films(manifest, saved.preprocessing, skippable=False)
    embeddings = embed_collection(saved, collection, choose_device(settings.device), "embedding films")
    rows: list[int] = []
    if names and "film" in gallery.columns:
        tokens = tuple(names.film(digest) for digest in collection.films.digests)
        rows = gallery.matching(Compare("film", "in", tokens)).tolist()
    films: list[Film | None] = list(collection.films[slice(None)])
    told = [name for path in settings.films for name in _patient_of(path)]
    patients = _called(settings, gallery, names, told)
    return Query(embeddings.vectors, films, [path.name for path in settings.films], rows, patients, saved.preprocessing)


def _ask_cases(settings: Search, gallery: Store, names: Identities | None) -> Query:
    """Cases of the gallery as a query."""
    rows = [find_case(gallery, names, name, "--case") for name in settings.case]
    pictures = pictures_of(gallery, names, None, settings.pictures)
    tokens = gallery.take(rows).column("film").to_pylist() if pictures else []
    films: list[Film | None] = [pictures.of(token) for token in tokens] if pictures else [None] * len(rows)
    titles = [f"{name[:16]}…" if len(name) > 16 else name for name in settings.case]
    return Query(gallery.vectors_of(rows), films, titles, rows, _called(settings, gallery, names, []))


def _ask_vectors(settings: Search, gallery: Store, names: Identities | None) -> Query:
    """Embeddings from a file as a query."""
    assert settings.vector is not None
    flag = f"--vector {settings.vector}"
    try:
        vectors = np.atleast_2d(np.load(settings.vector, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ArgumentError(f"{flag}: wanted an .npy file of numbers ({error or 'it is empty'})") from error
    if vectors.dtype.kind not in "fiu" or not vectors.size:
        raise ArgumentError(f"{flag}: wanted numbers [D] or [N, D], got {vectors.dtype} {list(vectors.shape)}")
    try:
        vectors = gallery.about.checked(vectors)
    except ArgumentError as error:
        raise ArgumentError(f"{flag}: {str(error).removeprefix('X: ')}") from error
    titles = [settings.vector.name] * len(vectors)
    return Query(vectors, [None] * len(vectors), titles, [], _called(settings, gallery, names, []))


def _patient_of(path: Path) -> list[str]:
    """The patient that a DICOM file names."""
    from embedlearn.radiographs.dicom import dicom_patient, is_dicom

    with path.open("rb") as file:
        head = file.read(132)
    patient = dicom_patient(path) if is_dicom(path, head) else None
    return [patient] if patient else []


def _called(settings: Search, gallery: Store, names: Identities | None, patients: Sequence[str]) -> list[str]:
    """What the query's patient may be called in the gallery."""
    known = [] if settings.same_patient else [*patients, *([settings.patient] if settings.patient else [])]
    if known and not names:
        flag = "--patient" if settings.patient else f"{settings.films[0]} names a patient"
        raise ArgumentError(
            f"{flag}: without the salt the patient cannot be told; restore it, ask with --case, or --same-patient"
        )
    if known and "patient" not in gallery.columns:
        raise ArgumentError(f"--patient: {settings.gallery} knows no patients; leave it out")
    sources = gallery.values("source") if known else []
    return [token for name in known if names for token in names.patients(name, sources)]


def _own(settings: Search, gallery: Store, query: Query) -> Condition | None:
    """Which cases are not to be found: the query itself, its pictures and, unless asked for, its patient's."""
    if not settings.same_patient:
        if not query.patients and not query.rows:
            say("  note: whose films these are is not known, so no case is left out; --patient names the patient")
        return own_cases(gallery, query.rows, query.patients)
    if not query.rows:
        return None
    own = gallery.take(query.rows)
    left_out = [name for name in ("id", *([] if settings.twins else ["twin"])) if name in own.column_names]
    return Or(tuple(Compare(name, "in", tuple(own.column(name).to_pylist())) for name in left_out))


def _encoder_of(settings: Search, gallery: Store) -> SavedEncoder:
    """The encoder that made the gallery, from the run that is named or one of those under --runs."""
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.runs import choose_maker

    about = gallery.about
    run = choose_maker(settings.run, settings.runs, about.encoder, settings.gallery)
    saved = load_encoder(run.encoder)
    about.require_same(saved.digest, saved.preprocessing.digest, str(settings.gallery))
    return saved
