"""A file is there whole or as it was before; a digest names content."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedlearn.errors import StorageError
from embedlearn.files import cache_folder, file_digest, replacing, value_digest, write_json, write_text


def test_writing_and_replacing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "note.txt"
    write_text(path, "first")
    write_text(path, "zweiter ß")
    assert path.read_text(encoding="utf-8") == "zweiter ß"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stays_until_the_block_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
        assert beside.suffix == path.suffix
    assert path.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_changes_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with replacing(tmp_path / "note.txt") as first, replacing(tmp_path / "note.txt") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "note.txt").read_text() == "first"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    def write_in_vain() -> None:
        with replacing(path) as beside:
            beside.symlink_to("/dev/full")
            beside.write_text("new")

    with pytest.raises(StorageError, match=r"note\.txt: cannot be written \(No space left on device\); nothing was"):
        write_in_vain()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match=r"note\.txt: cannot be written \(Permission denied\)"):
        write_text(tmp_path / "note.txt", "new")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["file/note.txt", "file/deeper/note.txt"])
def test_a_file_in_place_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"note\.txt: cannot be written \((File exists|Not a directory)\)"):
        write_text(tmp_path / name, "new")


def test_json_keeps_the_order_of_keys_and_refuses_nan(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"z": 1, "a": "ß"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"z": float("nan")})
    assert path.read_text(encoding="utf-8") == '{\n  "z": 1,\n  "a": "ß"\n}\n'


def test_a_files_digest_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"abc")
    assert file_digest(tmp_path / "note.txt") == hashlib.sha256(b"abc").hexdigest()


def test_a_values_digest_knows_values_and_not_the_order_of_keys() -> None:
    value = {"a": 1, "b": {"c": [1, 2], "d": None}}
    assert value_digest(value) == value_digest({"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert value_digest(value) != value_digest({"a": 1, "b": {"c": [2, 1], "d": None}})


def test_a_values_digest_is_the_same_in_every_process() -> None:
    code = "from embedlearn.files import value_digest; print(value_digest({'a': 1, 'b': 'ß', 'c': 0.1}))"
    fresh = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout.strip()
        for seed in "12"
    ]
    assert fresh == [value_digest({"a": 1, "b": "ß", "c": 0.1})] * 2


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"EMBEDLEARN_CACHE": "/mine", "XDG_CACHE_HOME": "/xdg"}, "/mine"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/embedlearn"),
        ({"HOME": "/home/me"}, "/home/me/.cache/embedlearn"),
        ({"EMBEDLEARN_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/embedlearn"),
    ],
)
def test_the_cache_folder(environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EMBEDLEARN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)
