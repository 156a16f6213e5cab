"""Embeddings on disk come back as they went, and nothing else passes for them."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from embedlearn.embeddings import FOLDER_FILE, Embeddings, Shards, load_embeddings, read_shards
from embedlearn.errors import ManifestError, MismatchError, StorageError
from embedlearn.radiographs.manifest import COLUMNS, build_manifest

ENCODER = "0123456789abcdef" * 4


def make(films: int = 7, dimensions: int = 5) -> Embeddings:
    rng = np.random.default_rng(0)
    rows = [
        {"path": f"/films/{number}.png", "label": "healthy", "patient": None if number % 2 else "1"}
        for number in range(films)
    ]
    manifest = build_manifest(rows, "set").with_columns(case=range(films))
    vectors = rng.normal(size=(films, dimensions)).astype(np.float32)
    return Embeddings(vectors, manifest.frame, ENCODER, "settings", vectors.mean(0))


def test_a_round_trip_changes_nothing(tmp_path: Path) -> None:
    made = make()
    made.save(tmp_path / "films.parquet")
    read = load_embeddings(tmp_path / "films.parquet")
    assert read.vectors.dtype == np.float32
    assert np.array_equal(read.vectors, made.vectors)
    assert np.array_equal(read.center, made.center)
    assert_frame_equal(read.frame, made.frame)
    assert (read.encoder, read.preprocessing) == (made.encoder, made.preprocessing)
    assert len(read) == 7


def test_other_tools_can_read_the_file(tmp_path: Path) -> None:
    made = make()
    made.save(tmp_path / "films.parquet")
    frame = pd.read_parquet(tmp_path / "films.parquet")
    assert frame.columns.tolist() == [*COLUMNS, "case", "vector"]
    assert np.array_equal(np.stack(frame["vector"].tolist()), made.vectors)


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        make().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_selection_keeps_vectors_beside_their_rows() -> None:
    made = make()
    kept = made.where(made.frame["patient"].notna())
    assert kept.frame["path"].tolist() == [f"/films/{number}.png" for number in (0, 2, 4, 6)]
    assert kept.frame.index.tolist() == [0, 1, 2, 3]
    assert np.array_equal(kept.vectors, made.vectors[::2])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite(value: float) -> None:
    made = make()
    made.vectors[4, 2] = value
    with pytest.raises(ManifestError, match="the vector of row 4 is not finite; embed the films again"):
        Embeddings(made.vectors, made.frame, ENCODER, "settings", made.center)


def test_vectors_that_do_not_fit_their_rows() -> None:
    made = make()
    for vectors in (made.vectors[:6], made.vectors.ravel()):
        with pytest.raises(ManifestError, match=r"wanted a vector for each of 7 rows, got .*\("):
            Embeddings(vectors, made.frame, ENCODER, "settings", made.center)


def test_the_wrong_encoder_is_named_with_the_remedy() -> None:
    make().require_encoder(ENCODER, Path("films.parquet"), Path("runs/a"))
    with pytest.raises(MismatchError) as error:
        make().require_encoder("f" * 64, Path("films.parquet"), Path("runs/a"))
    message = str(error.value)
    assert message.startswith("films.parquet: wanted embeddings by the encoder of runs/a (ffffffffffff), got ")
    assert ENCODER[:12] in message
    assert "embed the films again" in message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"films\.parquet: there is no such file; wanted embeddings made by"):
        load_embeddings(tmp_path / "films.parquet")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "films.parquet"
    make(400).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ManifestError, match=r"films\.parquet: torn or not a Parquet file .*; embed the films again"):
        load_embeddings(path)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("path,label\na.png,healthy\n")
    with pytest.raises(ManifestError, match=r"films\.csv: torn or not a Parquet file"):
        load_embeddings(tmp_path / "films.csv")


def test_another_parquet_file(tmp_path: Path) -> None:
    make().frame.to_parquet(tmp_path / "films.parquet")
    with pytest.raises(ManifestError, match=r"films\.parquet: a Parquet file, but not of embeddings; wanted one made"):
        load_embeddings(tmp_path / "films.parquet")


@pytest.mark.parametrize("place", range(500, 60_000, 5_000))
def test_a_flipped_bit_in_the_rows_or_vectors(tmp_path: Path, place: int) -> None:
    path = tmp_path / "films.parquet"
    make(400, 32).save(path)
    spoilt = bytearray(path.read_bytes())
    spoilt[place] ^= 16
    path.write_bytes(spoilt)
    with pytest.raises(ManifestError, match=r"films\.parquet: torn or not a Parquet file"):
        load_embeddings(path)


def test_a_flipped_bit_in_the_footer_is_refused_or_harmless(tmp_path: Path) -> None:
    path, made = tmp_path / "films.parquet", make(4, 3)
    made.save(path)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            assert np.array_equal(load_embeddings(path).vectors, made.vectors)
        except ManifestError:
            refused += 1
    assert refused > len(whole) / 7 / 4


# A folder of shards.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten films in shards of four."""
    made = make(10)
    shards = Shards(tmp_path / "films", "plan", 10, 4, ENCODER, "settings", [float(value) for value in made.center])
    rows = pa.Table.from_pandas(made.frame, preserve_index=False)
    for number in range(3):
        part = slice(4 * number, 4 * number + 4)
        shards.write(number, rows.slice(4 * number, 4), made.vectors[part])
    shards.save()
    return shards.folder


def test_shards_come_back_as_the_file_does(folder: Path, tmp_path: Path) -> None:
    made, read = make(10), load_embeddings(folder)
    assert np.array_equal(read.vectors, made.vectors) and read.vectors.dtype == np.float32
    assert np.array_equal(read.center, made.center)
    assert_frame_equal(read.frame, made.frame)
    assert (read.encoder, read.preprocessing) == (made.encoder, made.preprocessing)
    assert np.array_equal(load_embeddings(folder / "part-00002.parquet").vectors, made.vectors[8:])


def test_shards_that_are_missing_are_counted(folder: Path) -> None:
    (folder / "part-00001.parquet").unlink()
    with pytest.raises(ManifestError, match=r"films: 1 of 3 shards are missing, from part-00001\.parquet on; the same"):
        load_embeddings(folder)


def test_a_shard_of_another_number_size_width_or_plan(folder: Path) -> None:
    shards, made = read_shards(folder), make(10)
    rows = pa.Table.from_pandas(made.frame, preserve_index=False)
    others = (
        (dataclasses.replace(shards, plan="other"), 1, 4, 5),
        (shards, 1, 3, 5),
        (shards, 1, 4, 4),
    )
    for other, number, size, width in others:
        other.write(number, rows.slice(4, size), made.vectors[4 : 4 + size, :width])
        assert [shards.has(each) for each in range(3)] == [True, False, True]
        with pytest.raises(ManifestError, match=r"part-00001\.parquet: not shard 1 of what embeddings\.json speaks of"):
            load_embeddings(folder)
    shards.path(1).write_bytes(shards.path(0).read_bytes())
    assert not shards.has(1)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": "other"}', '{"format": "embedlearn-embedding-shards-1", "films": 3}'],
)
def test_a_damaged_description(folder: Path, text: str) -> None:
    (folder / FOLDER_FILE).write_text(text)
    with pytest.raises(ManifestError, match=r"embeddings\.json: damaged or something else"):
        load_embeddings(folder)


def test_numbers_of_films_that_cannot_be(folder: Path) -> None:
    for name, value in (("films", 0), ("films", "10"), ("shard", -1), ("shard", 2.5)):
        plain = json.loads((folder / FOLDER_FILE).read_text())
        (folder / "spoilt").mkdir(exist_ok=True)
        (folder / "spoilt" / FOLDER_FILE).write_text(json.dumps({**plain, name: value}))
        with pytest.raises(ManifestError, match=r"embeddings\.json: damaged or something else"):
            load_embeddings(folder / "spoilt")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"a folder without embeddings\.json; wanted one made by embedlearn embed"):
        load_embeddings(tmp_path)


def test_saving_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "films.parquet").mkdir()
    with pytest.raises(StorageError, match=r"films\.parquet: cannot be written"):
        make().save(tmp_path / "films.parquet")


def test_a_row_far_down_that_is_not_finite_is_named():
    from embedlearn.arrays import BLOCK, checked_matrix
    from embedlearn.errors import ArgumentError

    rows = np.ones((BLOCK + 9, 2))
    rows[BLOCK + 5, 1] = np.inf
    with pytest.raises(ArgumentError, match=f"row {BLOCK + 5} "):
        checked_matrix(rows, np.float32)
