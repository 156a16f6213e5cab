"""A gallery in a folder is opened without reading it; what is damaged is named when it is needed."""

import faiss
import numpy as np
import pytest
from gallery_cases import clustered
from gallery_folders import COUNT, QUERIES, flip, gallery_in, generation_of

from embedlearn.errors import StorageError
from embedlearn.gallery import folder as folders
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.store import generation, manifest


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(folders, "describe_software", dict)


@pytest.fixture(params=["flat", *KINDS])
def kind(request):
    return request.param


@pytest.fixture
def place(tmp_path, kind, tmp_path_factory):
    return gallery_in(tmp_path / "gallery", kind, tmp_path_factory)


@pytest.fixture
def verified(monkeypatch):
    """How many blocks were read to verify them."""
    read = []
    real = generation.block_digest
    monkeypatch.setattr(generation, "block_digest", lambda file, block: read.append(block) or real(file, block))
    return read


def test_opening_reads_nothing_large(place, verified):
    for writable in (False, True):
        with Gallery.open(place, writable=writable) as opened:
            assert (len(opened), opened.about.dimension, opened.pending) == (COUNT, 8, 0)
            assert str(opened.chosen)
    assert not verified


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("flat", "vectors.npy"),
        ("flat", "rows.parquet"),
        *((kind, "index.faiss") for kind in KINDS),
        ("ivf", "vectors.npy"),
    ],
)
@pytest.mark.parametrize("how", ["flipped", "torn", "longer", "missing"])
def test_a_damaged_file_is_named_when_it_is_needed_and_not_before(place, kind, name, how, monkeypatch):
    path = generation_of(place) / name
    if how == "flipped":
        flip(path, -9)
    elif how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b"\0" if how == "longer" else path.read_bytes()[:-1])
    if name == "index.faiss":
        monkeypatch.setattr(faiss, "read_index", lambda *_: pytest.fail("FAISS read what was not verified"))
    with Gallery.open(place) as opened:
        if name == "rows.parquet":
            assert opened.kneighbors(QUERIES, 3)[1].shape == (20, 3)
            calls = [lambda: opened.take([0]), lambda: opened.find(["c1"]), lambda: opened.columns]
        else:
            assert opened.take([5]).column("id").to_pylist() == ["c5"]
            calls = [lambda: opened.kneighbors(QUERIES, 3), lambda: opened.vectors_of([1])]
        for call in calls * 2:
            with pytest.raises(StorageError, match=rf"{name}: .*restore it from a copy"):
                call()


@pytest.mark.parametrize("kind", ["ivf", "ivfpq"])
def test_of_the_vectors_only_the_blocks_that_are_touched_are_verified(tmp_path, kind, verified, monkeypatch):
    for module in (manifest, generation, folders):
        monkeypatch.setattr(module, "BLOCK", 512)  # 16 vectors
    vectors = clustered(3000, 8)
    Gallery(kind, recall=0.5, device="cpu").fit(vectors).save(tmp_path / "gallery")
    path = generation_of(tmp_path / "gallery") / "vectors.npy"
    blocks, of_index = (-(-file.stat().st_size // 512) for file in (path, path.with_name("index.faiss")))
    with Gallery.open(tmp_path / "gallery") as opened:
        row = int(opened.kneighbors(vectors[70:71], 1)[1][0, 0])
        assert 0 < len(verified) - of_index < blocks
        before = len(verified)
        opened.kneighbors(vectors[70:71], 1)
        assert len(verified) == before
    flip(path, 128 + 32 * row)
    with Gallery.open(tmp_path / "gallery") as opened:
        with pytest.raises(StorageError, match=r"vectors.npy: damaged in block"):
            opened.kneighbors(vectors[70:71], 1)
        other = (row + 1500) % 3000
        assert np.array_equal(opened.vectors_of([other]), vectors[[other]])
