"""manifest.json: which files a generation holds, and the digests of every block of them."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedlearn.errors import StorageError
from embedlearn.files import value_digest
from embedlearn.gallery.store import disk

NAME = "manifest.json"
FORMAT = "embedlearn-gallery-1"
BLOCK = 1 << 24  # bytes that share a digest
_LARGEST = 1 << 26
_FILE = re.compile(r"(?!manifest\.json\Z)[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """A file: its length, its SHA-256 and that of each 16 MiB block, in hexadecimal."""

    bytes: int
    sha256: str
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says; `about` is plain data that is not looked into here, `checksum` that of all the rest."""

    number: int
    about: dict[str, Any]
    files: dict[str, Entry]
    checksum: str


def write_manifest(folder: Path, number: int, about: Mapping[str, Any]) -> str:
    """Digest and sync every file of `folder`, then write its manifest; the checksum of that. Raises `OSError`."""
    files = {path.name: asdict(_describe(path)) for path in sorted(folder.iterdir())}
    body = {"format": FORMAT, "number": number, "about": about, "files": files}
    body = json.loads(json.dumps(body, allow_nan=False))
    checksum = value_digest(body)
    text = json.dumps({**body, "checksum": checksum}, indent=1)
    if len(text) > _LARGEST:
        raise ValueError(f"about: wanted plain data that fits into {_LARGEST} bytes, got {len(text)}")
    disk.write_new(folder / NAME, text.encode())
    disk.sync_folder(folder)
    return checksum


def read_manifest(descriptor: int, path: Path, number: int) -> Manifest:
    """The manifest that lies open, which may hold anything at all; `path` is its name in messages.

    Raises `StorageError` where it is damaged, of another version, or not that of generation `number`.
    """
    with disk.naming(path, "read", disk.RESTORE):
        text = disk.read(descriptor, _LARGEST + 1, 0)
    try:
        if len(text) > _LARGEST:
            raise ValueError("too long")
        body = json.loads(text, parse_constant=_refuse)
        version, checksum = body["format"], body.pop("checksum")
        if version != FORMAT and re.fullmatch(r"embedlearn-gallery-[0-9]{1,9}", version):
            raise StorageError(f"{path}: wanted {FORMAT}, got {version}; upgrade embedlearn")
        if version != FORMAT or checksum != value_digest(body) or not isinstance(body["about"], dict):
            raise ValueError("not what was written")
        if body["number"] != number:
            raise StorageError(f"{path}: wanted the manifest of generation {number}, got another's; {disk.RESTORE}")
        files = {name: _parse(name, **entry) for name, entry in body["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StorageError(f"{path}: damaged, or not written by embedlearn; {disk.RESTORE}") from error
    return Manifest(number, body["about"], files, checksum)


def block_digest(descriptor: int, block: int) -> str:
    """SHA-256 of the bytes that lie in a file's block."""
    digest, start = hashlib.sha256(), block * BLOCK
    for piece in range(start, start + BLOCK, 1 << 20):
        digest.update(disk.read(descriptor, min(1 << 20, start + BLOCK - piece), piece))
    return digest.hexdigest()


def _describe(path: Path) -> Entry:
    """Sync a file and digest it; a second thread takes the blocks, so each byte is read once for both digests."""
    if not _FILE.fullmatch(path.name):
        raise ValueError(f"{path.name}: no name for a file of a generation; wanted letters, digits and . _ -")
    with disk.opened(path) as descriptor, ThreadPoolExecutor(1) as second:
        disk.sync(descriptor)
        size, whole, blocks = os.fstat(descriptor).st_size, hashlib.sha256(), []
        for start in range(0, size, BLOCK):
            data = disk.read(descriptor, BLOCK, start)
            blocks.append(second.submit(hashlib.sha256, data))
            whole.update(data)
        return Entry(size, whole.hexdigest(), tuple(block.result().hexdigest() for block in blocks))


def _parse(name: str, bytes: int, sha256: str, blocks: list[str]) -> Entry:
    """An entry of which nothing is taken on trust."""
    if not _FILE.fullmatch(name) or type(bytes) is not int or type(blocks) is not list:
        raise ValueError("an entry that is not ours")
    if not 0 <= bytes < 1 << 63 or len(blocks) != -(-bytes // BLOCK):
        raise ValueError("not as many digests as blocks")
    if not all(_SHA256.fullmatch(digest) for digest in (sha256, *blocks)):
        raise ValueError("a digest that is none")
    return Entry(bytes, sha256, tuple(blocks))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
