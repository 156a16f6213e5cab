"""Galleries by name: in a folder of that name, or under that name in a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.errors import ArgumentError
from embedlearn.files import require_folder
from embedlearn.flags import require_packages
from embedlearn.gallery.face import Store
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.store.shelf import Shelf
from embedlearn.gallery.where import Compare

if TYPE_CHECKING:
    from embedlearn.gallery.postgres import PostgresGallery

SCHEMES = ("postgresql://", "postgres://")


def open_gallery(name: Path, store: str | None = None, *, writable: bool = False, device: str = "auto") -> Store:
    """The gallery in the folder `name`, or of that name in the database at `store`.

    Raises `StorageError` or `ArgumentError` where there is none, and as `Gallery.open` and `PostgresGallery.open` do.
    """
    if store is None:
        return Gallery.open(name, writable=writable, device=device)
    return _postgres(store).open(store, str(name))


def is_there(name: Path, store: str | None = None) -> bool:
    """Whether there is such a gallery. Raises `StorageError` where that cannot be told."""
    return Shelf(name).exists() if store is None else _postgres(store).exists(store, str(name))


def require_free(name: Path, store: str | None, *, replace: bool) -> None:
    """Raise `ArgumentError` unless a gallery can be made there; called before long work."""
    if is_there(name, store):
        if not replace:
            raise ArgumentError(f"--out {name}: there is a gallery already; --add to it, --replace it, or name another")
    elif store is None:
        clear_unfinished(name)
        if name.is_symlink() or (name.exists() and (not name.is_dir() or any(name.iterdir()))):
            raise ArgumentError(f"--out {name}: is there, and no gallery; name a folder that is new or empty")
        require_folder(name, "--out")


def clear_unfinished(folder: Path) -> None:
    """Take away what an index that was killed may have left: a gallery's folder in which nothing was published.

    Raises `StorageError` where another process is at work there.
    """
    if (folder / "CURRENT").is_file() and not folder.is_symlink() and not is_there(folder):
        with Shelf(folder).writing():
            pass
        for name in ("CURRENT", "lock"):
            (folder / name).unlink(missing_ok=True)


def find_case(gallery: Store, names: Identities | None, name: str, flag: str) -> int:
    """The row of the case of that name: its id, what the user calls it, or the SHA-256 of its film.

    Raises `ArgumentError` where there is none, which names `flag`.
    """
    called = names.ids(name) if names else [name]
    found = [int(row) for row in gallery.find(called) if row >= 0]
    if not found and "film" in gallery.columns:
        found = gallery.matching(Compare("film", "in", tuple(names.films(name) if names else [name]))).tolist()
    if not found:
        raise ArgumentError(f"{flag} {name}: no such case in the gallery; embedlearn search prints ids, whole ones")
    return found[0]


def _postgres(store: str) -> type[PostgresGallery]:
    if not store.startswith(SCHEMES):
        raise ArgumentError(f"--store {store.partition(':')[0]}:...: wanted postgresql://USER@HOST/DATABASE")
    require_packages("--store", ("psycopg", "psycopg_pool"), "postgres")
    from embedlearn.gallery.postgres import PostgresGallery

    return PostgresGallery
