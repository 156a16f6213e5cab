"""Galleries in folders for several tests: made once, copied, damaged and forged."""

import json
import shutil
from pathlib import Path

from gallery_cases import clustered, names, rows_of

from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.store.log import ChangeLog
from embedlearn.gallery.store.manifest import NAME, write_manifest

COUNT = 500
VECTORS = clustered(COUNT, 8)
QUERIES = clustered(20, 8, seed=1)
_made: dict[str, Path] = {}


def fitted(kind, **settings):
    fit = {"encoder": "e" * 64, "preprocessing": "p" * 64, "extra": {"run": "base", "films": [1, None]}}
    return Gallery(kind, device="cpu", **settings).fit(VECTORS, rows_of(names(COUNT)), **fit)


def gallery_in(folder, kind, tmp_path_factory):
    """A fresh copy of a saved gallery of this kind at `folder`."""
    if kind not in _made:
        _made[kind] = tmp_path_factory.mktemp("made") / kind
        fitted(kind).save(_made[kind])
    shutil.copytree(_made[kind], folder)
    return folder


def generation_of(folder):
    """The folder of the one generation."""
    (generation,) = folder.glob("generation-*")
    return generation


def flip(path, place=-1):
    """Another bit at one place of a file."""
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def forge(folder, about=None):
    """Write the manifest anew over the files as they are, with the digests that they now have."""
    generation = generation_of(folder)
    number = int(generation.name.removeprefix("generation-"))
    path, log = generation / NAME, folder / f"changes-{number:06d}.log"
    about = json.loads(path.read_text())["about"] if about is None else about
    path.unlink()
    log.unlink()
    ChangeLog.create(log, bytes.fromhex(write_manifest(generation, number, about)))
