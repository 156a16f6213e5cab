"""Hundreds of random steps against a plain dictionary: added, removed, compacted, closed, opened, read by another."""

import numpy as np
import pytest
from amounts import mostly_slow
from gallery_cases import plain_neighbours, rows_of, whole

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery import folder as folders
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.store import disk
from embedlearn.gallery.where import parse_condition

WHERE = parse_condition("label == 'healthy' or view == None")
WIDTH = 4


class Model:
    """What a gallery should hold: of each id its row number and its vector."""

    def __init__(self, ids, vectors):
        self.numbers = {name: row for row, name in enumerate(ids)}
        self.vectors = dict(zip(ids, vectors, strict=True))
        self.count = len(ids)

    def add(self, ids, vectors):
        self.numbers.update((name, self.count + place) for place, name in enumerate(ids))
        self.vectors.update(zip(ids, vectors, strict=True))
        self.count += len(ids)

    def remove(self, ids):
        for name in ids:
            del self.numbers[name], self.vectors[name]

    def compact(self):
        self.numbers = {name: row for row, name in enumerate(sorted(self.numbers, key=self.numbers.get))}
        self.count = len(self.numbers)

    def require_same(self, gallery, rng):
        """The gallery holds what this does, and answers as a plain loop over it."""
        ids = sorted(self.numbers, key=self.numbers.get)
        rows = [self.numbers[name] for name in ids]
        assert len(gallery) == len(ids)
        assert gallery.find([*ids, "x"]).tolist() == [*rows, -1]
        assert gallery.take(rows).to_pylist() == rows_of(ids).to_pylist()
        expected = np.array([self.vectors[name] for name in ids], np.float32).reshape(-1, WIDTH)
        assert np.array_equal(gallery.vectors_of(rows), expected)
        queries = whole(int(rng.integers(1, 30)), WIDTH, int(rng.integers(10**6)), offset=1)
        for where in (None, WHERE):
            allowed = None if where is None else where.mask(rows_of(ids))
            squared, places = plain_neighbours(queries, expected, 7, allowed)
            distances, found = gallery.kneighbors(queries, 7, where)
            assert np.array_equal(found, np.array([*rows, -1])[places])
            np.testing.assert_allclose(distances, squared, rtol=1e-6)


@pytest.mark.parametrize("seed", mostly_slow([0, 1, 2], [0]))
def test_random_steps(tmp_path, seed, monkeypatch):
    monkeypatch.setattr(folders, "describe_software", dict)
    for name in ("sync", "sync_bytes"):  # durability has its own tests
        monkeypatch.setattr(disk, name, lambda _: None)
    rng = np.random.default_rng(seed)
    ids = [f"c{number}" for number in range(20)]
    vectors = whole(20, WIDTH, seed, offset=1)
    model = Model(ids, vectors)
    Gallery("flat", device="cpu", seed=seed).fit(vectors, rows_of(ids)).save(tmp_path / "g")
    gallery = Gallery.open(tmp_path / "g", writable=True)
    done = set()
    for step in range(150):
        deed = str(
            rng.choice(
                ["add", "add again", "remove", "nonsense", "compact", "open", "read"],
                p=[0.3, 0.1, 0.3, 0.1, 0.05, 0.1, 0.05],
            )
        )
        if deed.startswith("add"):
            known = (
                [f"c{number}" for number in range(20 + 3 * step)]
                if deed == "add again"
                else [f"c{20 + 3 * step + place}" for place in range(3)]
            )
            new = [name for name in rng.permutation(known).tolist() if name not in model.numbers][
                : int(rng.integers(4))
            ]
            vectors = whole(len(new), WIDTH, 1000 + step, offset=1)
            gallery.add(vectors, rows_of(new))
            model.add(new, vectors)
        elif deed == "remove":
            gone = rng.permutation(list(model.numbers)).tolist()[: int(rng.integers(5))]
            assert gallery.remove(gone) == len(gone)
            model.remove(gone)
        elif deed == "nonsense":
            with pytest.raises(ArgumentError):
                gallery.remove([*model.numbers, "x"])
            with pytest.raises(ArgumentError):
                gallery.add([[np.nan] * WIDTH], rows_of(["n"]))
        elif deed == "compact" and len(gallery):
            gallery.compact()
            model.compact()
        elif deed == "open":
            gallery.close()
            gallery = Gallery.open(tmp_path / "g", writable=True)
        elif deed == "read":
            with Gallery.open(tmp_path / "g") as reader:
                model.require_same(reader, rng)
                with pytest.raises(StorageError):
                    reader.remove([])
        done.add(deed)
        if step % 3 == 0:
            model.require_same(gallery, rng)
    gallery.close()
    with Gallery.open(tmp_path / "g") as reader:
        model.require_same(reader, rng)
    assert len(done) == 7
