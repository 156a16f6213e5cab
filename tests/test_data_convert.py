"""`data convert`: a table, or a copy that is whole, small, movable and resumable."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn import data
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.masks import read_boxes
from embedlearn.radiographs.mitigation import Mitigation, find_lungs, mitigate
from embedlearn.radiographs.reading import film_header, read_film
from embedlearn.tasks.data import converting


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def film(path: str, seed: int, size: tuple[int, int] = (60, 90), mode: str = "L") -> str:
    """A smooth film with a bright edge; another seed is another one."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 200, (5, 5), dtype=np.uint8)
    grey = np.array(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))
    grey[:3] = 255
    Image.fromarray(grey).convert(mode).save(path)
    return path


@pytest.fixture
def films():
    """A table of six films, two of which have the same file name, with all that can be known of them."""
    names = ["a/IM 1.png", "b/IM 1.png", "b/im 1.jpg", "a/tall.png", "b/small.png", "b/rgb.png"]
    sizes = [(60, 90), (60, 90), (60, 90), (240, 100), (20, 24), (60, 90)]
    rows = [
        {
            "path": film(f"set/{name}", seed, size, "RGB" if "rgb" in name else "L"),
            "label": ("tb", "healthy")[seed % 2],
            "labels": ("tb|nodule", "healthy")[seed % 2],
            "patient": f"Doe {seed // 2}" if seed < 5 else "",
            "source": ("one", "two/b")[seed % 2],
            "view": "PA",
            "split": ("train", "")[seed % 2],
            "age": 40 + seed,
            "sex": "F",
            "licence": "CC0",
            "ward": f"ward {seed}",
        }
        for seed, (name, size) in enumerate(zip(names, sizes, strict=True))
    ]  # fmt: skip
    pd.DataFrame(rows).assign(path=[row["path"].removeprefix("set/") for row in rows]).to_csv("set/t.csv", index=False)
    return Path("set/t.csv")


def convert(*words):
    data.main(["convert", *map(str, words)])


def files(folder):
    """All files of a copy but its table, with what is in them and when they were written."""
    inside = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name != "manifest.csv")
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in inside}


def frames_alike(one, other, but=()):
    one, other = (frame.drop(columns=["path", *but]).astype(object) for frame in (one, other))
    pd.testing.assert_frame_equal(one.where(one.notna(), None), other.where(other.notna(), None))


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_table_says_what_the_set_says(films, name):
    convert(films, "--out", name)
    pd.testing.assert_frame_equal(
        read_data(name).frame, read_data(films).frame.assign(source=read_data(name).frame["source"])
    )
    assert sorted(os.listdir()) == ["set", name]


def test_a_copy_keeps_all_columns_wherever_it_is_moved(films):
    convert(films, "--out", "copy", "--size", "45")
    before = read_data(films).frame
    Path("copy").rename("moved")
    Path("set").rename("gone")
    after = read_data("moved/manifest.csv").frame
    frames_alike(before, after)
    assert [len(set(map(str.lower, after["path"]))), after["path"].nunique()] == [6, 6]
    for old, new in zip(before["path"].str.replace("/set/", "/gone/"), after["path"], strict=True):
        whole, small = read_film(Path(old)), read_film(Path(new))
        with Image.open(new) as image:
            assert (image.mode, image.format) == ("L", "PNG")
        assert max(small.shape) == min(45, max(whole.shape))
        wanted = np.asarray(Image.fromarray(whole).resize(small.shape[::-1], Image.Resampling.LANCZOS), float)
        assert np.abs(wanted - small).mean() < 3
    assert not any("Doe" in name for name in files("moved"))


def test_the_copy_of_a_small_film_is_the_film(films):
    convert(films, "--out", "copy", "--size", "4000")
    for old, new in zip(read_data(films).paths, read_data("copy/manifest.csv").paths, strict=True):
        np.testing.assert_array_equal(read_film(old), read_film(new))


def test_a_thin_film_keeps_sides_that_can_be_read(refused):
    pd.DataFrame([{"path": film("set/thin.png", 0, (200, 20)), "label": "tb"}]).to_csv("t.csv", index=False)
    convert("t.csv", "--out", "copy", "--size", "40")
    assert read_film(read_data("copy/manifest.csv").paths[0]).shape == (160, 16)
    assert "leave 12 x 120 pixels" in refused(data.main, "convert", "t.csv", "--out", "cut", "--trim", "0.2")


def test_a_jpeg_copy(films):
    convert(films, "--out", "copy", "--format", "jpeg")
    paths = read_data("copy/manifest.csv").paths
    assert {path.suffix for path in paths} == {".jpeg"}
    assert {film_header(path)["format"] for path in paths} == {"JPEG"}


def test_a_copy_that_was_broken_off_goes_on(films, monkeypatch, capsys):
    convert(films, "--out", "whole")
    real, calls = converting.read_film, []

    def killed(path, **options):
        calls.append(path)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(path, **options)

    monkeypatch.setattr("embedlearn.tasks.data.survey.THREADS", 1)
    monkeypatch.setattr(converting, "read_film", killed)
    with pytest.raises(SystemExit) as exit_:
        convert(films, "--out", "copy")
    assert exit_.value.code == 130
    half = files("copy")
    assert not Path("copy/manifest.csv").exists() and 1 < len(half) < 7
    begun = Path("copy/images/two_b/.tall-0123abcd.png")
    begun.parent.mkdir(exist_ok=True)
    begun.write_bytes(b"half")
    monkeypatch.setattr(converting, "read_film", real)
    capsys.readouterr()
    convert(films, "--out", "copy")
    assert f"6 films, {len(half) - 1} of them there already" in capsys.readouterr().out
    now = files("copy")
    assert {name: content for name, (content, _) in now.items()} == {n: c for n, (c, _) in files("whole").items()}
    assert {name: now[name] for name in half} == half  # what was there was not written again
    assert Path("copy/manifest.csv").read_text() == Path("whole/manifest.csv").read_text()


def test_a_film_that_changed_is_copied_again(films):
    convert(films, "--out", "copy")
    film("set/a/tall.png", 99, (240, 100))
    convert(films, "--out", "copy")
    np.testing.assert_array_equal(read_film(Path("set/a/tall.png")), read_film(Path("copy/images/two_b/tall.png")))


def test_a_film_that_an_older_file_took_the_place_of_is_copied_again(films):
    convert(films, "--out", "copy")
    film("set/a/tall.png", 99, (240, 100))
    os.utime("set/a/tall.png", (10, 10))
    convert(films, "--out", "copy")
    np.testing.assert_array_equal(read_film(Path("set/a/tall.png")), read_film(Path("copy/images/two_b/tall.png")))


def test_a_copy_by_other_boxes_does_not_go_on_and_one_without_them_does_not_begin(refused):
    rows = [{"path": film(f"set/{name}.png", 0), "label": "tb"} for name in "ab"]
    pd.DataFrame(rows).assign(path=["a.png", "b.png"]).to_csv("set/t.csv", index=False)

    def boxes(names: str, side: int) -> None:
        images = [{"id": name, "file_name": f"{name}.png", "height": 60, "width": 90} for name in names]
        annotations = [{"image_id": name, "bbox": [10, 10, side, side]} for name in names]
        Path("boxes.json").write_text(json.dumps({"images": images, "annotations": annotations}))

    words = ("convert", "set/t.csv", "--out", "copy", "--lungs", "--boxes", "boxes.json")
    boxes("a", 30)
    assert "1 of 2 films have no lungs outlined" in refused(data.main, *words)
    assert not Path("copy").exists()
    boxes("ab", 30)
    data.main(list(words))
    boxes("ab", 40)
    assert "copy of other films" in refused(data.main, *words)
    Path("set/b.png").write_bytes(b"torn")
    data.main([*words, "--skip-bad", "--out", "left"])
    assert len(read_data("left/manifest.csv")) == 1


def test_a_table_that_could_not_be_read_again_is_not_written(films, refused):
    assert "t.csv: wanted each film once" in refused(data.main, "convert", films, films, "--out", "t.csv")
    assert os.listdir() == ["set"]


def test_names_for_labels_that_no_film_has_are_told(films, capsys):
    convert(films, "--out", "t.csv", "--map", "zz=silicosis", "tb=tuberculosis")
    said = capsys.readouterr().out
    assert "--map zz=silicosis: no film is labelled silicosis" in said and "--map tb" not in said


def test_a_folder_that_is_no_such_copy_is_refused(films, refused):
    convert(films, "--out", "copy")
    assert "copy of other settings" in refused(data.main, "convert", films, "--out", "copy", "--size", "30")
    film("set/c/new.png", 7)
    pd.DataFrame([{"path": "c/new.png", "label": "tb"}]).to_csv("set/u.csv", index=False)
    assert "copy of other films" in refused(data.main, "convert", films, "set/u.csv", "--out", "copy")
    assert "wanted a new folder" in refused(data.main, "convert", films, "--out", "set")


def test_an_anonymous_copy_has_numbers_only(films, capsys):
    table = pd.read_csv(films).assign(uncertain="nodule", picture=["Doe's"] * 2 + [""] * 4)
    table.replace({"source": {"one": "radiography/rsna", "two/b": "Doe clinic"}}).to_csv(films, index=False)
    convert(films, "--out", "copy", "--anonymous")
    before, after = read_data(films).frame, read_data("copy/manifest.csv").frame
    assert [Path(path).stem for path in after["path"]] == [f"{number:06d}" for number in range(1, 7)]
    same = before.groupby(["source", "patient"], dropna=False).ngroup()
    numbered = after.groupby(["source", "patient"], dropna=False).ngroup()
    assert pd.crosstab(same, numbered).astype(bool).sum().max() == 1
    assert after["patient"].isna().equals(before["patient"].isna())
    sources = before["source"].replace("Doe clinic", "source-1").to_numpy()
    changed = {"source": sources, "picture": ["1"] * 2 + [None] * 4}
    frames_alike(before.drop(columns="ward").assign(**changed), after[before.columns.drop("ward")], but=["patient"])
    everything = b"".join(content for content, _ in files("copy").values()) + Path("copy/manifest.csv").read_bytes()
    assert not any(word in everything for word in (b"Doe", b"IM 1", b"ward", str(Path.cwd()).encode()))
    said = capsys.readouterr().out
    assert "left out of manifest.csv: ward\n" in said and "labels are kept as they are" in said


def test_mitigations_are_those_of_the_library(films):
    boxes = {
        "images": [{"id": 1, "file_name": "tall.png", "height": 240, "width": 100}],
        "annotations": [{"image_id": 1, "bbox": [10, 60, 70, 120]}],
    }
    Path("boxes.json").write_text(json.dumps(boxes))
    pd.DataFrame([{"path": "a/tall.png", "label": "tb"}]).to_csv("set/one.csv", index=False)
    assert read_boxes(Path("boxes.json"))
    words = ("--trim", "0.1", "--lungs", "--intensity", "--boxes", "boxes.json")
    convert("set/one.csv", "--out", "copy", *words)
    path = Path("set/a/tall.png").absolute()
    lungs = find_lungs([path], boxes=Path("boxes.json"))[path]
    wanted = mitigate(read_film(path), Mitigation(0.1, True, True), lungs)
    np.testing.assert_array_equal(read_film(read_data("copy/manifest.csv").paths[0]), wanted)
    convert("set/one.csv", "--out", "estimated", "--lungs")
    assert read_film(read_data("estimated/manifest.csv").paths[0]).size < read_film(path).size


def test_a_bad_film_stops_it_or_is_left_out_by_name(films, refused, capsys):
    Path("set/a/tall.png").write_bytes(Path("set/a/tall.png").read_bytes()[:200])
    assert "tall.png" in (complaint := refused(data.main, "convert", films, "--out", "copy"))
    assert "--skip-bad leaves out such films" in complaint
    convert(films, "--out", "copy", "--skip-bad")
    assert "left out" in capsys.readouterr().out
    assert len(read_data("copy/manifest.csv")) == 5
