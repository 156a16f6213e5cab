"""Files whose digests are right and whose content is absurd: a storage error, and nothing else."""

import copy
import json
import shutil
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gallery_cases import rows_of
from gallery_folders import COUNT, QUERIES, VECTORS, forge, gallery_in, generation_of

from embedlearn.errors import StorageError
from embedlearn.gallery import folder as folders
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.store import disk

STRANGE = [None, True, -1, 0, 1.5, 2**63, 10**400, "ivf", [1], {"a": 1}]

NEVER = [("format",), ("count",), ("vectors",), ("index",), ("plan",), ("vectors", "dimension")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(folders, "describe_software", dict)
    for name in ("sync", "sync_bytes"):
        monkeypatch.setattr(disk, name, lambda _: None)


def use(folder):
    """Ask a gallery everything; whether it answered."""
    try:
        with Gallery.open(folder, writable=True) as opened:
            assert repr(opened.about)
            assert str(opened.chosen)
            assert len(opened) >= 0
            assert opened.extra is not None
            opened.kneighbors(QUERIES, 3)
            opened.add(VECTORS[:1], rows_of(["new"]))
            opened.take([0])
            opened.find(["c0"])
            opened.vectors_of([0])
            opened.remove(["new"])
            opened.compact()
            opened.kneighbors(QUERIES[:1], 3)
    except StorageError as error:
        assert str(folder) in str(error)  # noqa: PT017
        return False
    return True


def places(value, path=()):
    """Every place in plain data, from the outside in."""
    yield path
    for name in value if isinstance(value, dict) else ():
        yield from places(value[name], (*path, name))


def changed(plain, path, value):
    """A copy with another value at a place, or without it where the value is `...`."""
    plain = copy.deepcopy(plain)
    *outer, last = path
    inside = plain
    for name in outer:
        inside = inside[name]
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return plain


@pytest.mark.parametrize("kind", ["flat", "ivf"])
def test_a_manifest_that_says_anything_at_all(tmp_path, kind, tmp_path_factory):
    made = gallery_in(tmp_path / "made", kind, tmp_path_factory)
    about = json.loads((generation_of(made) / "manifest.json").read_text())["about"]
    for path in places(about):
        if not path or path[0] in ("columns", "software") or (kind == "ivf" and path[0] not in ("index", "plan")):
            continue
        for value in [*STRANGE, ...]:
            folder = tmp_path / "forged"
            shutil.copytree(made, folder)
            forge(folder, changed(about, path, value))
            answered = use(folder)
            assert not (answered and path in NEVER), (path, value)
            shutil.rmtree(folder)
    forge(made, about)
    assert use(made)


def npy(array, **header):
    """An .npy file that says of itself what `header` says."""
    words = {"descr": "<f4", "fortran_order": False, "shape": array.shape, **header}
    text = repr(words).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text + array.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage" * 5000,
        npy(VECTORS[:-1]),
        npy(VECTORS[:-1], shape=(COUNT, 8)),
        npy(VECTORS, shape=(COUNT * 8,)),
        npy(VECTORS, shape=(8, COUNT)),
        npy(VECTORS, shape=(-1, 8)),
        npy(VECTORS, shape=(2**62, 8)),
        npy(VECTORS, fortran_order=True),
        npy(VECTORS, descr=">f4"),
        npy(VECTORS, descr="<i4"),
        npy(VECTORS.astype(float), descr="<f8"),
        npy(VECTORS, descr="|O"),
        b"PK\x03\x04" + bytes(40_000),
        b"\x80\x04" + bytes(40_000),
    ],
)
def test_vectors_that_are_something_else(tmp_path, data, tmp_path_factory):
    folder = gallery_in(tmp_path / "gallery", "flat", tmp_path_factory)
    (generation_of(folder) / "vectors.npy").write_bytes(data)
    forge(folder)
    assert not use(folder)


@pytest.mark.parametrize("name", ["vectors.npy", "rows.parquet", "index.faiss"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_there_is_empty_or_garbage(tmp_path, name, kind, tmp_path_factory):
    for number, data in enumerate((None, b"", b"garbage", b"Ix" + bytes(500))):
        folder = gallery_in(tmp_path / str(number), kind, tmp_path_factory)
        path = generation_of(folder) / name
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        forge(folder)
        assert not use(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_the_index_of_another_gallery(tmp_path, kind, tmp_path_factory):
    others = [gallery_in(tmp_path / other, other, tmp_path_factory) for other in KINDS if other != kind]
    Gallery(kind, device="cpu").fit(VECTORS[:300]).save(tmp_path / "fewer")
    Gallery(kind, device="cpu").fit(VECTORS[:, :6]).save(tmp_path / "narrower")
    for other in [*others, tmp_path / "fewer", tmp_path / "narrower"]:
        folder = gallery_in(tmp_path / "gallery", kind, tmp_path_factory)
        shutil.copy(generation_of(other) / "index.faiss", generation_of(folder) / "index.faiss")
        forge(folder)
        assert not use(folder)
        shutil.rmtree(folder)


def test_rows_that_are_of_something_else(tmp_path, tmp_path_factory):
    rows = rows_of([f"c{number}" for number in range(COUNT)])
    strange = [rows[:-1], rows.drop_columns(["id"]), rows.select(["label", "id"]), pa.table({}), rows.select([])]
    for place, table in enumerate(strange):
        folder = gallery_in(tmp_path / str(place), "flat", tmp_path_factory)
        pq.write_table(table, generation_of(folder) / "rows.parquet")
        forge(folder)
        assert not use(folder)


def test_a_log_of_other_changes(tmp_path, tmp_path_factory):
    """A log goes with the manifest that it was begun for; another one's is refused."""
    folder, other = (gallery_in(tmp_path / name, "flat", tmp_path_factory) for name in ("one", "other"))
    forge(other, {**json.loads((generation_of(other) / "manifest.json").read_text())["about"], "more": 1})
    with Gallery.open(other, writable=True) as opened:
        opened.add(np.ones((1, 8)), rows_of(["new"]))
    shutil.copy(other / "changes-000001.log", folder / "changes-000001.log")
    assert not use(folder)
