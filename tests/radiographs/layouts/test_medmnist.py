"""MedMNIST files: what they mean, how they are unpacked, and what is refused before it is."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hospital_trees import medmnist_file

from embedlearn.errors import ManifestError, StorageError
from embedlearn.radiographs.layouts import npzfilms, read_data
from embedlearn.radiographs.reading import film_header, read_film


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_pneumoniamnist(tmp_path: Path) -> None:
    path = medmnist_file(tmp_path / "pneumoniamnist.npz")
    manifest = read_data(path)
    with np.load(path) as arrays:
        films = np.concatenate([arrays[f"{split}_images"] for split in ("train", "val", "test")])
        numbers = np.concatenate([arrays[f"{split}_labels"][:, 0] for split in ("train", "val", "test")])
    assert manifest.frame["label"].tolist() == [("healthy", "pneumonia")[number] for number in numbers]
    assert manifest.frame["published_split"].tolist() == ["train"] * 3 + ["val"] * 2 + ["test"] * 2
    assert manifest.counts("source") == {"pneumoniamnist": 7}
    for path, film in zip(manifest.paths, films, strict=True):
        assert np.array_equal(read_film(path), film)
    assert "names no patients for any of its 7 films" in manifest.notes[0]
    assert "Kermany" in manifest.notes[1]


def test_chestmnist_has_sets_of_findings(tmp_path: Path) -> None:
    path = medmnist_file(tmp_path / "chestmnist_64.npz", columns=14)
    with np.load(path) as arrays:
        matrix = np.array(arrays["train_labels"])
    matrix[1] = 0
    _rewritten(path, train_labels=matrix)
    labels = read_data(path).frame["labels"].tolist()
    assert [len(each.split("|")) for each in labels[:3]] == [3, 1, 3]
    assert labels[:2] == ["cardiomegaly|pneumonia|fibrosis", "healthy"]


def test_other_sets_keep_their_numbers_and_colours(tmp_path: Path) -> None:
    manifest = read_data(f"medmnist:{medmnist_file(tmp_path / 'bloodmnist.npz', colour=True)}")
    assert manifest.counts() == {"0": 4, "1": 3}
    assert film_header(manifest.paths[0])["mode"] == "RGB"
    assert read_data(tmp_path / "bloodmnist.npz", names={"1": "sick"}).counts() == {"0": 4, "sick": 3}


def test_unpacked_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_data(medmnist_file(tmp_path / "pneumoniamnist.npz"))
    monkeypatch.setattr(npzfilms, "_write", None)
    again = read_data(tmp_path / "pneumoniamnist.npz")
    assert again.paths == first.paths
    assert [folder.name for folder in cache.glob("npz-*")] == [first.paths[0].parents[1].name]


def test_whole_or_not_at_all(tmp_path: Path, cache: Path) -> None:
    path = medmnist_file(tmp_path / "pneumoniamnist.npz", side=200)
    torn = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("test_images.npy").header_offset
    torn[place + 50_000] ^= 0xFF
    path.write_bytes(torn)
    with pytest.raises(ManifestError, match=r"pneumoniamnist\.npz: wanted whole films, got .*; fetch the file again"):
        read_data(path)
    assert not [left for left in cache.iterdir() if left.is_dir()]


def test_a_cache_that_cannot_be_written(tmp_path: Path, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(StorageError, match=r"cache: cannot be written .*; set EMBEDLEARN_CACHE"):
        read_data(medmnist_file(tmp_path / "pneumoniamnist.npz"))


# What is refused before a film is read.


def _rewritten(path: Path, **arrays: Any) -> Path:
    """The same file with arrays replaced, or removed where None."""
    with np.load(path) as stored:
        kept = {name: stored[name] for name in stored.files}
    np.savez_compressed(path, **{name: value for name, value in {**kept, **arrays}.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("arrays", "got"),
    [
        ({"train_images": np.zeros((3, 28, 28, 28), np.uint8)}, r"train_images\.npy as uint8 \[3, 28, 28, 28\]"),
        ({"train_images": np.zeros((3, 28, 28))}, r"train_images\.npy as float64 \[3, 28, 28\]"),
        ({"train_images": np.zeros((3, 15, 28), np.uint8)}, r"train_images\.npy as uint8 \[3, 15, 28\]"),
        ({"val_images": np.zeros((2, 0, 28), np.uint8)}, r"val_images\.npy as uint8 \[2, 0, 28\]"),
        ({"test_labels": np.zeros((3, 1), np.uint8)}, r"test_labels\.npy as uint8 \[3, 1\] for 2 films"),
        ({"test_labels": np.zeros((2, 1))}, r"test_labels\.npy as float64 \[2, 1\] for 2 films"),
        ({"test_labels": None}, r"no test_labels\.npy"),
        ({f"{split}_images": None for split in ("train", "val", "test")}, "none of them"),
    ],
)
def test_arrays_of_another_form(tmp_path: Path, arrays: dict[str, Any], got: str) -> None:
    path = _rewritten(medmnist_file(tmp_path / "pneumoniamnist.npz"), **arrays)
    with pytest.raises(ManifestError, match=rf"pneumoniamnist\.npz: wanted the arrays .*, got {got}; give a MedMNIST"):
        read_data(path)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = medmnist_file(tmp_path / "pneumoniamnist.npz")
    _rewritten(path, train_labels=np.array([[print], [print], [print]], dtype=object))
    with pytest.raises(ManifestError, match=r"got train_labels\.npy as object \[3, 1\]"):
        read_data(path)


def _bomb(path: Path, shape: tuple[int, ...], zeros: int, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A file whose train_images declare `shape` and hold that many zeros."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("train_images.npy", "w") as member:
        member.write(header.getvalue())
        for _ in range(zeros >> 20):
            member.write(bytes(1 << 20))
    return path


def test_a_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npzfilms, "SUSPICIOUS", 1 << 20)
    path = _bomb(tmp_path / "bomb.npz", (2, 1024, 1024), 2 << 20)
    with pytest.raises(ManifestError, match=r"bomb\.npz: wanted films that unpack .* 200 times .*, got .*; leave"):
        read_data(path)


def test_more_than_any_set_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npzfilms, "MAX_BYTES", 1 << 20)
    path = _bomb(tmp_path / "large.npz", (2, 1024, 1024), 2 << 20, zipfile.ZIP_STORED)
    with pytest.raises(ManifestError, match=r"large\.npz: wanted films that unpack .*, got 2,097,152 bytes; leave"):
        read_data(path)


def test_a_header_that_lies(tmp_path: Path) -> None:
    path = _bomb(tmp_path / "liar.npz", (1 << 40, 1024, 1024), 1 << 20)
    with pytest.raises(
        ManifestError, match=r"liar\.npz: wanted the arrays .*, got train_images\.npy with .* bytes for"
    ):
        read_data(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"no zip at all"])
def test_a_file_that_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.npz").write_bytes(content)
    with pytest.raises(ManifestError, match=r"film\.npz: wanted a whole \.npz file, got .*; fetch it again"):
        read_data(tmp_path / "film.npz")


def test_a_folder_under_the_name(tmp_path: Path) -> None:
    with pytest.raises(
        ManifestError, match=r"wanted one file such as pneumoniamnist\.npz, got a folder; give the file"
    ):
        read_data(f"medmnist:{tmp_path}")


def test_a_bomb_of_labels(tmp_path: Path) -> None:
    path = _rewritten(medmnist_file(tmp_path / "bomb.npz"), train_labels=np.zeros((3, 1 << 20), np.uint8))
    with pytest.raises(ManifestError, match=r"bomb\.npz: wanted films that unpack .*, got train_labels\.npy of 3,145"):
        read_data(path)
