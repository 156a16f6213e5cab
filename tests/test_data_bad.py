"""What people hand over by mistake: each gives `data` one clear line, and no traceback."""

import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from embedlearn import data
from embedlearn.radiographs.reading import read_film


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path):
    """A set of two classes with two good films each."""
    for number, name in enumerate(["healthy/a", "healthy/b", "tb/c", "tb/d"]):
        grey = np.random.default_rng(number).integers(0, 256, (40, 40), dtype=np.uint8)
        path = tmp_path / "set" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)
    return tmp_path / "set"


def show(*words):
    data.main(["show", *map(str, words), "--out", "shown", "--each", "0"])
    return json.loads(Path("shown/show.json").read_text(encoding="utf-8"))


def png_bomb(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes whose header claims so many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def dicom(path: Path, **elements: object) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3", "DX"
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)


SIDES = {"Rows": 40, "Columns": 40, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 1,
         "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip


def spoil(place: Path) -> None:
    """Bad films of many kinds beside good ones."""
    png_bomb(place / "healthy/bomb.png", 60_000, 60_000)
    dicom(place / "healthy/bare.dcm", **SIDES)
    (place / "healthy/empty.png").touch()
    (place / "healthy/text.jpg").write_text("<html>404</html>")
    (place / "healthy/tiny.png").write_bytes(b"")
    Image.new("L", (9, 9)).save(place / "healthy/tiny.png")


WANTED = {
    "bomb.png": "60000 x 60000",
    "bare.dcm": "without pixel data",
    "empty.png": "empty file",
    "text.jpg": 'starts with "<html>404',
    "tiny.png": "9 x 9",
}


def test_show_names_every_bad_film_and_goes_on(folder, capsys):
    spoil(folder)
    found = show(folder)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    for name, words in WANTED.items():
        assert words in found["unreadable"][str(folder / "healthy" / name)]
        assert sum(name in line and words in line for line in lines) == 1
    assert len(found["unreadable"]) == len(WANTED)
    assert found["problems"][0]["count"] == len(WANTED)


def test_a_quick_look_sees_what_headers_tell(folder):
    spoil(folder)
    told = {one["key"]: one["films"] for one in show(folder, "--quick")["problems"]}
    assert told["sides"] == [str(folder / "healthy" / name) for name in ("bomb.png", "tiny.png")]
    assert told["unreadable"] == [str(folder / "healthy" / name) for name in ("empty.png", "text.jpg")]


@pytest.mark.parametrize("name", WANTED)
def test_convert_stops_at_a_bad_film_and_can_leave_it_out(name, folder, refused, capsys):
    spoil(folder)
    for other in set(WANTED) - {name}:
        (folder / "healthy" / other).unlink()
    complaint = refused(data.main, "convert", folder, "--out", "copy")
    assert name in complaint and WANTED[name] in complaint and "--skip-bad" in complaint
    data.main(["convert", str(folder), "--out", "copy", "--skip-bad"])
    assert "4 films" in capsys.readouterr().out


def test_a_set_of_bad_films_only_is_shown_and_not_converted(folder, refused):
    for path in folder.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:60])
    assert len(show(folder)["unreadable"]) == 4
    assert "none of 4 films" in refused(data.main, "convert", folder, "--out", "copy", "--skip-bad")


def table(name: str, content: bytes) -> str:
    Path(name).write_bytes(content)
    return name


@pytest.mark.parametrize("command", ["show", "convert"])
@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"path,label\nset/healthy/a.png,tb\nset/gone.png,tb\n", "got 1 that do not"),
        (b"path,label,label\nset/healthy/a.png,tb,healthy\n", "got label twice"),
        (b"path,label\nset/healthy/a.png,caf\xe9\nset/tb/c.png,caf\xc3\xa9\n", "wanted UTF-8, got"),
        (b"path,finding\nset/healthy/a.png,tb\n", "--columns label=COLUMN"),
        (b"path,label\n", "got 1 lines"),
        (b"", "got 0 lines"),
        (b"path,label\nset/healthy/a.png,tb,x\n", "wanted 2 fields, got 3"),
        (b"path,label\nset/healthy/a.png,\n", "got a blank"),
    ],
)
def test_a_table_that_cannot_be_used(command, content, wanted, folder, refused):
    assert wanted in refused(data.main, command, table("films.csv", content), "--out", "out")
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["show", "convert"])
def test_a_path_that_is_no_set(command, folder, refused, tmp_path):
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", bytes(80 << 20))
    paths = ("self", "empty", "notes.txt", "bomb.npz", "gone", "two\nlines", "kermany:set", "x" * 5000)
    for path in paths:
        complaint = refused(data.main, command, path, "--out", "out")
        assert complaint.startswith(f"embedlearn data {command}: ")
    assert not Path("out").exists()


def test_links_that_lead_in_a_circle_are_not_followed(folder):
    (folder / "tb/parent").symlink_to(folder, target_is_directory=True)
    (folder / "again").symlink_to(folder / "tb", target_is_directory=True)
    (folder / ".hidden").mkdir()  # nothing in it is looked at, so that nothing is to be told
    (folder / ".hidden/link").symlink_to(folder, target_is_directory=True)
    found = show(folder)
    told = {one["key"]: one["films"] for one in found["problems"]}
    assert told["links"] == [str(folder / "again"), str(folder / "tb/parent")]
    assert found["films"] == 4


def test_a_film_that_is_a_link_to_itself(folder):
    (folder / "tb/round.png").symlink_to("round.png")
    assert list(show(folder)["unreadable"]) == [str(folder / "tb/round.png")]


def test_names_that_are_no_text(folder, refused):
    os.rename(os.fsencode(folder / "tb/c.png"), os.fsencode(folder / "tb") + b"/caf\xe9.png")
    assert "UTF-8" in refused(data.main, "show", folder)


def test_a_set_in_a_folder_whose_name_has_a_line_break(folder, tmp_path, capsys):
    folder.rename(tmp_path / "my\nset")
    assert show(tmp_path / "my\nset")["films"] == 4
    assert "my\\nset: no published layout" in capsys.readouterr().out
    data.main(["convert", "my\nset", "--out", "copy"])
    assert Path("copy/images/my_set/a.png").is_file()


def test_a_folder_that_may_not_be_read(folder, refused, monkeypatch):
    """The one who tests may be root, whom nothing is forbidden."""
    real = os.scandir

    def scandir(path="."):
        if Path(os.fsdecode(path)).name == "tb":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "Permission denied" in refused(data.main, "show", folder)


@pytest.mark.parametrize("command", ["show", "convert"])
def test_a_folder_that_cannot_be_written_is_told_before_the_work(command, folder, refused):
    Path("file").touch()
    assert "file/inside: " in refused(data.main, command, folder, "--out", "file/inside")


@pytest.mark.parametrize("words", [("show", "."), ("show", "../set", "--out", "tb"), ("convert", ".", "--out", "copy")])
def test_nothing_is_written_among_the_films(words, folder, refused, monkeypatch):
    monkeypatch.chdir(folder)
    assert "would count as films" in refused(data.main, *words)
    assert sorted(os.listdir()) == ["healthy", "tb"]


def test_deep_and_cmyk_films_are_converted_as_they_are_read(folder):
    Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40).save(folder / "tb/deep.png")
    Image.new("CMYK", (40, 40), (0, 0, 0, 128)).save(folder / "tb/cmyk.jpg")
    data.main(["convert", str(folder), "--out", "copy"])
    deep, cmyk = (read_film(Path(f"copy/images/set/{name}.png")).astype(int) for name in ("deep", "cmyk"))
    assert (deep.min(), deep.max()) == (0, 255)
    assert abs(cmyk - 127).max() < 4


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((), "PATH: wanted"),
        (("t.csv",), "--out: wanted"),
        (("t.csv", "--out", "x", "--size", "3"), "--size"),
        (("t.csv", "--out", "x", "--frame", "0"), "--frame 0"),
        (("t.csv", "--out", "x", "--frame", "first"), "--frame first"),
        (("t.csv", "--out", "x", "--trim", "0.5"), "--trim"),
        (("t.csv", "--out", "x", "--masks", "m"), "add --lungs"),
        (("t.csv", "--out", "x.csv", "--lungs"), "leave --lungs out"),
        (("t.csv", "--out", "x.parquet", "--size", "64"), "leave --size out"),
        (("t.csv", "--out", "x.csv", "--skip-bad"), "leave --skip-bad out"),
        (("t.csv", "--out", "x.PARQUET"), "name x.parquet"),
        (("set", "--out", "copy", "--columns", "label=dx"), "no PATH is one"),
    ],
)
def test_flags_that_do_not_fit(words, wanted, refused, folder):
    assert wanted in refused(data.main, "convert", *words)
