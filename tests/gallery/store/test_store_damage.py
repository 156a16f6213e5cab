"""Every file of a shelf torn, flipped, replaced by nonsense: named, never misread, nothing else ever opened."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_cases import items, read_items, rewrite, work

from embedlearn.errors import StorageError
from embedlearn.files import value_digest
from embedlearn.gallery.store import manifest
from embedlearn.gallery.store.log import PAGE
from embedlearn.gallery.store.shelf import Shelf

FILES = (
    "CURRENT",
    "changes-000002.log",
    "generation-000002/empty",
    "generation-000002/items.bin",
    "generation-000002/lengths.txt",
    "generation-000002/manifest.json",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "gallery"
    work(folder, lambda _: None, rounds=2)
    assert read_items(folder) == items(8)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {*FILES, "lock"}
    return folder


@pytest.fixture
def gallery(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "gallery"))


def message_of(folder: Path) -> str:
    """What reading says against the shelf; empty where all its items are there."""
    try:
        found = read_items(folder)
    except StorageError as error:
        return str(error).replace("\n", "no line break, please")
    assert found == items(8)
    return ""


@pytest.mark.parametrize("name", FILES)
def test_torn(gallery: Path, name: str) -> None:
    """Every file that has a byte is missed as soon as its last one is."""
    path = gallery / name
    whole = path.read_bytes()
    lengths = {0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 1}
    for length in sorted(length for length in lengths if 0 <= length < len(whole)):
        rewrite(path, whole[:length])
        assert message_of(gallery).startswith(f"{path}: "), length
    rewrite(path, whole)
    assert message_of(gallery) == ""


@pytest.mark.parametrize("name", FILES)
def test_flipped(gallery: Path, name: str) -> None:
    """Found wherever it is, but in the log's slots, of which one is enough, and in the space behind them."""
    path = gallery / name
    whole = path.read_bytes()
    rng = random.Random(name)
    places = range(len(whole)) if len(whole) < 3000 else sorted(rng.sample(range(len(whole)), 400))
    for place in places:
        rewrite(path, whole[:place] + bytes([whole[place] ^ rng.randint(1, 255)]) + whole[place + 1 :])
        harmless = path.suffix == ".log" and place < 2 * PAGE
        message = message_of(gallery)
        if path.name == "manifest.json" and whole[place : place + 1].isspace():
            harmless = message == ""  # one space for another, between two words of the JSON
        assert message == "" if harmless else message.startswith(f"{path}: "), (place, message)


@pytest.mark.parametrize("name", FILES)
def test_too_long(gallery: Path, name: str) -> None:
    """Found, but behind the log, where it is what a crash leaves."""
    path = gallery / name
    with path.open("ab") as file:
        file.write(b"x")
    message = message_of(gallery)
    assert message == "" if path.suffix == ".log" else message.startswith(f"{path}: ")


@pytest.mark.parametrize("name", FILES)
def test_missing_a_link_a_folder_or_a_pipe(gallery: Path, sound: Path, name: str) -> None:
    path = gallery / name
    kinds: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: path.symlink_to(sound / name),
        path.mkdir,
        lambda: os.mkfifo(path),
    )
    for place, make in enumerate(kinds):
        path.unlink() if not path.is_dir() or path.is_symlink() else path.rmdir()
        make()
        expected = f"{gallery}: there is no gallery" if name == "CURRENT" and place == 0 else f"{path}: "
        assert message_of(gallery).startswith(expected)
        path.touch() if place == 0 else None


def test_the_lock_holds_nothing_that_counts(gallery: Path) -> None:
    (gallery / "lock").write_bytes(os.urandom(1000))
    assert message_of(gallery) == ""
    (gallery / "lock").unlink()
    work(gallery, lambda _: None, rounds=1)
    assert read_items(gallery) == items(12)


def test_a_damaged_current_stops_a_writer_too(gallery: Path) -> None:
    """Or it would remove generations that it takes for old."""
    before = set(gallery.rglob("*"))
    (gallery / "CURRENT").write_bytes(b"embedlearn-shelf-1 7 what\n")
    for use in (Shelf(gallery).exists, Shelf(gallery).writing().__enter__):
        with pytest.raises(StorageError, match=f"{gallery}/CURRENT: damaged"):
            use()
    assert set(gallery.rglob("*")) == before


def signed(body: dict[str, Any]) -> bytes:
    """A manifest whose checksum is right, whatever it says."""
    return json.dumps({**body, "checksum": value_digest(body)}).encode()


def test_formats_to_come_are_called_so(gallery: Path) -> None:
    path = gallery / "generation-000002" / "manifest.json"
    for body in ({"format": "embedlearn-gallery-2", "checksum": 1}, {"format": "embedlearn-gallery-17", "x": []}):
        rewrite(path, signed(body))
        assert message_of(gallery) == f"{path}: wanted embedlearn-gallery-1, got {body['format']}; upgrade embedlearn"
    (gallery / "CURRENT").write_bytes(b"embedlearn-shelf-2 2 " + b"0" * 64 + b"\n")
    assert "CURRENT: wanted embedlearn-shelf-1, got embedlearn-shelf-2; upgrade embedlearn" in message_of(gallery)


NONSENSE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1 << 70, "", "x", [], {}, [[]], {"a": 1}, "../../passwd", "0" * 64, ["0" * 64], "\ud800",
)  # fmt: skip
NAMES = ("../x", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\0b", "a\nb", "manifest.json", "ü", "x" * 200, "-rf")


def test_manifests_that_lie(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a checksum that is right: no entry is taken on trust, and nothing outside the folder is opened."""
    path = gallery / "generation-000002" / "manifest.json"
    honest = json.loads(path.read_bytes())
    del honest["checksum"]
    entry = honest["files"]["items.bin"]
    lies: list[dict[str, Any]] = [{**honest, key: value} for key in honest for value in NONSENSE]
    lies += [{name: value for name, value in honest.items() if name != key} for key in honest]
    for key in entry:
        lies += [{**honest, "files": {"items.bin": {**entry, key: value}}} for value in NONSENSE]
        lies.append({**honest, "files": {"items.bin": {name: entry[name] for name in entry if name != key}}})
    lies.append({**honest, "files": {"items.bin": {**entry, "extra": 1}}})
    lies += [{**honest, "files": {name: entry}} for name in NAMES]
    opened: list[str] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, *rest: opened.append(os.path.realpath(name)) or real(name, *rest))
    for lie in lies:
        rewrite(path, signed(lie))
        message = message_of(gallery) if lie.get("about") == honest["about"] else message_when_opened(gallery)
        if lie.get("about") in ({}, {"a": 1}):  # which is for the gallery to look into
            assert message == ""
        else:
            assert message.startswith(f"{path}: "), lie
    assert len(lies) > 100
    assert all(name.startswith(str(gallery.resolve())) for name in opened)


def message_when_opened(folder: Path) -> str:
    try:
        Shelf(folder).open().close()
    except StorageError as error:
        return str(error)
    return ""


def test_manifests_that_are_noise(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = gallery / "generation-000002" / "manifest.json"
    whole = path.read_bytes()
    rng = random.Random(0)
    noise = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"\0" * 100,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"NaN",
        b"1" * 9999,
    ]
    noise += [whole.decode().encode(code) for code in ("utf-16", "utf-32")]
    noise += [whole.replace(b'"number": 2', b'"number": 1e999'), whole + whole, signed({"about": [[]] * 9})]
    for _ in range(300):
        start, stop = sorted(rng.sample(range(len(whole)), 2))
        other = rng.choice((rng.randbytes(rng.randint(0, 50)), whole[stop:], b'"', b"}", b",", b"9" * 40, b"null"))
        noise.append(whole[:start] + other + whole[rng.choice((start, stop)) :])
    for data in noise:
        rewrite(path, data)
        message = message_of(gallery)
        assert message.startswith(f"{path}: ") or message == json_alike(data, whole), data[:300]
    monkeypatch.setattr(manifest, "_LARGEST", len(whole) - 1)
    rewrite(path, whole)
    assert message_of(gallery).startswith(f"{path}: damaged")


def json_alike(data: bytes, whole: bytes) -> str | None:
    """An empty message is right where noise came out as the same JSON."""
    try:
        return "" if json.loads(data) == json.loads(whole) else None
    except ValueError:
        return None


def test_currents_that_are_noise(gallery: Path) -> None:
    path = gallery / "CURRENT"
    whole = path.read_bytes()
    rng = random.Random(1)
    texts = [b"", b"\n", b"2", b"2\n", b"embedlearn-shelf-1", whole.strip(), whole * 2, b"\xff" * 500, bytes(90)]
    texts += [
        whole.replace(b" 2 ", number) for number in (b" 1 ", b" -2 ", b" 02 ", b" 2_0 ", b" 99999999999999999999 ")
    ]
    for _ in range(300):
        place = rng.randrange(len(whole))
        texts.append(whole[:place] + rng.randbytes(rng.randint(0, 3)) + whole[place + rng.randint(1, 3) :])
    for text in texts:
        rewrite(path, text)
        assert message_of(gallery).startswith(f"{path}: ") or text == whole


def test_a_generation_under_anothers_number(gallery: Path) -> None:
    """As after a copy that mixed two galleries."""
    shelf = Shelf(gallery)
    with shelf.open() as held, shelf.writing():
        shelf.publish(lambda _: {})
        shutil.rmtree(gallery / "generation-000003")
        shutil.copytree(held.folder, gallery / "generation-000003")
    assert "generation-000003/manifest.json: wanted the manifest of generation 3, got another's" in message_of(gallery)
