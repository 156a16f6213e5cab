"""The manifest: its columns, its selections, its joins and its name."""

from pathlib import Path

import pandas as pd
import pytest

from embedlearn.errors import ManifestError, StorageError
from embedlearn.radiographs.manifest import COLUMNS, Manifest, build_manifest, class_of, each_film_once, join

ROWS: tuple[dict[str, str | None], ...] = (
    {"path": "/films/a.png", "label": "covid-19", "patient": "1"},
    {"path": "/films/b.png", "label": "pneumonia/viral", "patient": None},
    {"path": "/films/c.png", "label": "pneumonia", "patient": "2"},
)


def small(source: str = "set") -> Manifest:
    return build_manifest(ROWS, source, ["a note"])


def test_building_fills_what_rows_lack() -> None:
    manifest = build_manifest([{**row, "age": 4} for row in ROWS], "set")
    assert tuple(manifest.frame.columns) == (*COLUMNS, "age")
    assert all(isinstance(manifest.frame[name].dtype, pd.StringDtype) for name in COLUMNS)
    assert manifest.frame["source"].tolist() == ["set"] * 3
    assert manifest.frame["split"].isna().all()
    assert manifest.frame["patient"].isna().sum() == 1
    assert manifest.paths[0] == Path("/films/a.png")
    assert len(manifest) == 3


def test_building_of_nothing() -> None:
    with pytest.raises(ManifestError, match="set: no film was found; wanted image files"):
        build_manifest([], "set")


def test_building_without_a_label() -> None:
    with pytest.raises(ManifestError, match=r"set: 1 rows have no label, the first is b\.png; label or remove"):
        build_manifest([{"path": "a.png", "label": "x"}, {"path": "b.png", "label": None}], "set")


def test_where_renumbers_and_keeps_notes() -> None:
    manifest = small()
    found = manifest.where(manifest.frame["patient"].notna())
    assert found.frame.index.tolist() == [0, 1]
    assert found.notes == ("a note",)
    assert len(manifest) == 3


def test_with_columns_leaves_the_original() -> None:
    manifest = small()
    changed = manifest.with_columns(split=["train", None, "test"], fold=(0, 1, 2))
    assert changed.counts("split") == {"test": 1, "train": 1}
    assert changed.frame["fold"].tolist() == [0, 1, 2]
    assert manifest.frame["split"].isna().all()
    assert "fold" not in manifest.frame


def test_the_finest_class_wins_and_a_prefix_of_a_word_is_none() -> None:
    assert class_of("pneumonia/viral/sars", ["pneumonia", "pneumonia/viral"]) == "pneumonia/viral"
    assert class_of("pneumonia", ["pneumonia/viral"]) is None
    assert class_of("pneumoniae", ["pneumonia"]) is None


def test_counts_leave_out_what_is_missing() -> None:
    assert small().counts() == {"covid-19": 1, "pneumonia": 1, "pneumonia/viral": 1}
    assert small().counts("patient") == {"1": 1, "2": 1}


def test_the_digest_is_of_the_rows_and_not_of_their_folder() -> None:
    moved = build_manifest([{**row, "path": str(row["path"]).replace("films", "elsewhere")} for row in ROWS], "set")
    assert moved.digest() == small().digest()
    assert small().with_columns(label=["x", "y", "z"]).digest() != small().digest()
    assert small("other").digest() != small().digest()


def test_joining_tells_sources_of_one_name_apart() -> None:
    first, second, third = small(), small(), small("other")
    joined = join([first, second, third])
    assert joined.counts("source") == {"other": 3, "set": 3, "set-2": 3}
    assert joined.frame.index.tolist() == list(range(9))
    assert joined.notes == ("a note",) * 3


def test_joining_never_merges_two_sources_into_one() -> None:
    rows = [{**row, "source": source} for row, source in zip(ROWS, ("set", "set-2", "set-2"), strict=True)]
    joined = join([small(), build_manifest(rows, "table")])
    assert joined.frame["source"].nunique() == 3


def test_saving_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "films.csv").mkdir()
    with pytest.raises(StorageError, match=r"films\.csv: cannot be written"):
        small().save(tmp_path / "films.csv")


def test_each_film_once() -> None:
    again = [{**ROWS[0], "view": "PA"}, {**ROWS[1], "patient": "9"}]
    manifest = each_film_once(build_manifest([*ROWS, *again], "set", ["a note"]))
    assert manifest.frame["path"].tolist() == ["/films/a.png", "/films/c.png"]
    assert manifest.notes[0] == "a note"
    assert manifest.notes[1].startswith("set: 1 rows name a file that an earlier row names")
    assert manifest.notes[2].endswith("left out, the first is b.png")
    with pytest.raises(ManifestError, match="set: no film is left; .*contradict"):
        each_film_once(build_manifest([ROWS[0], {**ROWS[0], "label": "healthy"}], "set"))


def test_why_no_film_is_left() -> None:
    with pytest.raises(ManifestError, match="set: no film was found; .*; 3 were lateral; 2 are not there$"):
        build_manifest([], "set", ["3 were lateral", "2 are not there"])
