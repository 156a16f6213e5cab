"""Writing files whole or not at all, and naming their contents."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embedlearn.errors import StorageError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a fresh path beside `path`; when the block ends well, rename it onto `path`.

    A reader sees the old file or the new one, never a half. Raises `StorageError` where the disk refuses.
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def require_folder(folder: Path, flag: str) -> None:
    """Raise `StorageError` unless files can be written into `folder`, or it can be made; called before long work."""
    place = Path(folder).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise StorageError(f"{flag} {folder}: {place} is no folder that can be written to; name another")


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all. Raises `StorageError`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` as indented JSON, keys in their order, NaN refused. Raises `StorageError`."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def written_before(record: Path, form: str) -> list[str]:
    """The names in `written` of a record of this `format`, files beside it; none where there is no such record."""
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
        return [name for name in told["written"] if Path(name).name == name] if told["format"] == form else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def value_digest(value: Any) -> str:
    """SHA-256, in hexadecimal, of plain data written as canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def cache_folder() -> Path:
    """Where decoded films and phantoms are kept: `$EMBEDLEARN_CACHE`, else `embedlearn` in the user's cache folder."""
    if chosen := os.environ.get("EMBEDLEARN_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "embedlearn"
