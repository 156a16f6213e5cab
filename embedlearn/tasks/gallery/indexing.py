"""What `embedlearn index` does: from films to a gallery, in a folder or in a database, and changes to one."""

from __future__ import annotations

import contextlib
import secrets
import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.console import progress, say
from embedlearn.embeddings import Embeddings, load_embeddings
from embedlearn.errors import ArgumentError, EmbedlearnError, StorageError
from embedlearn.flags import as_plain
from embedlearn.gallery.about import About
from embedlearn.gallery.face import Store
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.identities import Identities, new_salt
from embedlearn.gallery.kinds import WORTH_IT
from embedlearn.gallery.opening import find_case, is_there, open_gallery, require_free
from embedlearn.gallery.quality import headline, quality_of_rows
from embedlearn.gallery.quality.headline import QUERIES
from embedlearn.gallery.records import OWN, case_rows
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.gallery.flags import Index
from embedlearn.tasks.gallery.pictures import joined_twins

CHUNK = 65_536  # cases added at once, which a killed process keeps or not
COMPARED = 200_000_000  # pairs of cases that are compared for the headline, at most


@dataclass(frozen=True, eq=False)
class Films:
    """Embeddings of films, numbers (int [N]) that near-identical pictures share, and how films were prepared.

    The last two are None where only embeddings are at hand.
    """

    embeddings: Embeddings
    twins: NDArray[np.int64] | None
    preprocessing: Preprocessing | None

    def where(self, mask: NDArray[np.bool_]) -> Films:
        """The films for which the mask [N] holds."""
        twins = None if self.twins is None else self.twins[mask]
        return Films(self.embeddings.where(mask), twins, self.preprocessing)

    def rows(self, names: Identities, keep: tuple[str, ...], id_column: str | None) -> pa.Table:
        """What a gallery keeps of them."""
        return case_rows(self.embeddings.frame, names, twins=self.twins, keep=keep, id_column=id_column)


def make_gallery(settings: Index) -> None:
    """A new gallery, or one in the place of another. Raises an `EmbedlearnError` for what a user can mend."""
    require_free(settings.out, settings.store, replace=settings.replace)
    salt = None if settings.plain else _salt_of(settings) or new_salt()
    films = _films(settings)
    rows = films.rows(Identities(salt), settings.keep_columns, settings.id_column)
    embeddings = films.embeddings
    preprocessing = as_plain(films.preprocessing) if films.preprocessing else None
    extra = {"id_column": settings.id_column, "preprocessing": preprocessing}
    made_by = {"encoder": embeddings.encoder, "preprocessing": embeddings.preprocessing}
    if len(rows) >= WORTH_IT:
        say(f"building an index over {len(rows):,} cases, which takes up to half a minute a million")
    if settings.store:
        about = About(embeddings.vectors.shape[1], settings.metric, **made_by)
        said = _fill_database(settings, settings.store, about, embeddings.vectors, rows, salt, extra)
    else:
        gallery = Gallery(settings.kind, settings.metric, settings.recall, settings.device, seed=settings.seed)
        gallery.fit(embeddings.vectors, rows, **made_by, salt=salt, extra=extra)
        gallery.save(settings.out, replace=settings.replace)
        said = str(gallery.chosen)
    say(f"index: {said}")
    _say_quality(films, rows, settings)
    store = " --store URL" if settings.store else ""
    again = f"python -m embedlearn.search {shlex.quote(str(settings.out))} FILM.png -k 10{store}"
    say(f"wrote {settings.out}: {len(rows):,} cases of {embeddings.vectors.shape[1]} numbers; next: {again}")


def add_cases(settings: Index) -> None:
    """More cases for a gallery that is there."""
    with open_gallery(settings.out, settings.store, writable=True, device=settings.device) as gallery:
        films = _films(settings)
        embeddings = films.embeddings
        gallery.about.require_same(embeddings.encoder, embeddings.preprocessing, str(settings.out))
        kept = [name for name in gallery.columns if name not in OWN]
        if missing := [name for name in kept if name not in embeddings.frame]:
            say(f"  note: the films have no column {', '.join(missing)}; it stays empty for them")
        keep = tuple(name for name in kept if name not in missing)
        rows = films.rows(gallery.names, keep, gallery.extra.get("id_column"))
        if strange := sorted(set(rows.column("source").to_pylist()) - set(gallery.values("source"))):
            say(f"  note: {', '.join(strange)}: not yet a source here; patients are compared within a source only")
        known = gallery.find(rows.column("id").to_pylist()) >= 0
        if known.any() and not settings.skip_known:
            count = f"{int(known.sum())} of {len(rows)}"
            raise ArgumentError(f"--add: {count} cases are in {settings.out} already; --skip-known leaves them out")
        fresh = np.flatnonzero(~known)
        rows = joined_twins(gallery, rows.take(pa.array(fresh)), films.preprocessing)
        for start in range(0, len(fresh), CHUNK):
            part = fresh[start : start + CHUNK]
            gallery.add(embeddings.vectors[part], rows.slice(start, CHUNK))
        left = f", {int(known.sum()):,} were there already" if known.any() else ""
        say(f"added {len(fresh):,} cases to {settings.out}, which has {len(gallery):,}{left}")
        _say_pending(gallery, settings)


def remove_cases(settings: Index) -> None:
    """Fewer cases."""
    with open_gallery(settings.out, settings.store, writable=True, device="cpu") as gallery:
        try:
            names = gallery.names
        except StorageError:
            names = None
        rows = [find_case(gallery, names, name, "--remove") for name in settings.remove]
        count = gallery.remove(gallery.take(rows).column("id").to_pylist())
        say(f"removed {count:,} cases from {settings.out}, which has {len(gallery):,}")
        _say_pending(gallery, settings)


def compact_gallery(settings: Index) -> None:
    """The same cases with an index over all of them."""
    with open_gallery(settings.out, None, writable=True, device=settings.device) as gallery:
        assert isinstance(gallery, Gallery)
        pending = gallery.pending
        gallery.compact()
        say(f"index: {gallery.chosen}")
        say(f"wrote {settings.out}: {len(gallery):,} cases, {pending:,} changes folded in")


def _fill_database(
    settings: Index,
    store: str,
    about: About,
    vectors: NDArray[np.float32],
    rows: pa.Table,
    salt: bytes | None,
    extra: dict[str, Any],
) -> str:
    """Load a gallery under another name, which it has until it is whole; the kind of its index, in words."""
    from embedlearn.gallery.postgres import PostgresGallery

    kind = "hnsw" if settings.kind == "hnsw" else "exact"
    name, loading = str(settings.out), f"{str(settings.out)[:30]}-{secrets.token_hex(4)}"
    try:
        with PostgresGallery.create(store, loading, about, rows.schema, salt=salt, extra=extra) as gallery:
            with progress("loading cases") as report:
                for start in range(0, len(rows), CHUNK):
                    gallery.add(vectors[start : start + CHUNK], rows.slice(start, CHUNK))
                    report(min(start + CHUNK, len(rows)), len(rows))
            if kind == "hnsw":
                gallery.index()
        PostgresGallery.rename(store, loading, name, replace=settings.replace)
    except BaseException:
        with contextlib.suppress(EmbedlearnError):
            PostgresGallery.drop(store, loading)
        raise
    return "pgvector's graph, approximate" if kind == "hnsw" else "every case compared by the database: exact"


def _films(settings: Index) -> Films:
    """What the flags name, less films that are there byte for byte before."""
    if settings.embeddings:
        films = Films(load_embeddings(settings.embeddings), None, None)
        say("  note: near-identical pictures are looked for among films (--data), not among embeddings")
        if settings.run:
            from embedlearn.encoders.runs import open_run

            run = open_run(settings.run)
            films.embeddings.require_encoder(run.config["result"]["encoder"], settings.embeddings, settings.run)
    else:
        films = _embedded(settings)
    repeated = films.embeddings.frame["sha256"].duplicated().to_numpy()
    if repeated.any():
        say(f"  note: {int(repeated.sum()):,} films are there twice, byte for byte; each counts once")
    return films.where(~repeated)


def _embedded(settings: Index) -> Films:
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import choose_run
    from embedlearn.radiographs.cases import twin_groups
    from embedlearn.sources import MOST_COMPARED, collect_for_run, embed_collection

    run = choose_run(settings.run, settings.runs)
    saved = load_encoder(run.encoder)
    collection = collect_for_run(settings, run, saved.preprocessing)
    embeddings = embed_collection(saved, collection, choose_device(settings.device), "embedding films")
    if len(embeddings) > MOST_COMPARED:
        say(f"  note: near-identical pictures are looked for among up to {MOST_COMPARED:,} films; here they are not")
        return Films(embeddings, None, saved.preprocessing)
    return Films(embeddings, twin_groups(collection.films), saved.preprocessing)


def _salt_of(settings: Index) -> bytes | None:
    """The salt of the gallery that is to be replaced, so that its cases keep their ids."""
    if not (settings.replace and is_there(settings.out, settings.store)):
        return None
    try:
        with open_gallery(settings.out, settings.store, device="cpu") as gallery:
            if gallery.salt is None:
                say(f"  note: {settings.out} has no salt, or none any more; cases get new ids")
            return gallery.salt
    except StorageError as error:
        say(f"  note: {error}; it is replaced, and cases get new ids")
        return None


def _say_quality(films: Films, rows: pa.Table, settings: Index) -> None:
    """Whether the nearest cases share a disease or a hospital, among films that the encoder was not trained on."""
    unseen = ~films.embeddings.frame["split"].isin(SEEN).to_numpy(bool)
    if not unseen.any():
        say("  note: the encoder was trained on all of these films; what it finds among them is not measured")
        return
    vectors = About(films.embeddings.vectors.shape[1], settings.metric).checked(films.embeddings.vectors[unseen])
    if not unseen.all():
        say(f"  among the {len(vectors):,} films that the encoder was not trained on:")
    queries = max(1, min(QUERIES, COMPARED // len(vectors)))
    rows = rows.take(pa.array(np.flatnonzero(unseen)))
    for line in headline(quality_of_rows(vectors, rows, queries=queries, seed=settings.seed)):
        say(f"  {line}")


def _say_pending(gallery: Store, settings: Index) -> None:
    if isinstance(gallery, Gallery) and gallery.pending:
        out = shlex.quote(str(settings.out))
        say(f"  {gallery.pending:,} additions and removals are not folded in; what was removed stays on the disk until")
        say(f"  then: embedlearn index --out {out} --compact")
