"""What is burned in is found where it was burned in, and bodies, wires and edges are not taken for it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.stats import binomtest

from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.markers import Marker, coverage, find_all, find_markers, markers_chapter, sample_films
from embedlearn.audits.markers import chapter as chapter_of_markers
from embedlearn.audits.markers.shares import share_of
from embedlearn.audits.markers.windows import highest, lowest, opened
from embedlearn.errors import ImageError
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film, scanner
from embedlearn.radiographs.phantom import markers as phantom_markers
from embedlearn.radiographs.phantom.markers import lettering

SIDE = 256
Box = tuple[float, float, float, float]


def body(seed: int = 0, side: int = SIDE) -> NDArray[np.uint8]:
    """A chest's soft stripes and dark fields on black air, uint8 [side, side], with nothing burned in."""
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    grey = 150 - 90 * np.exp(-((np.abs(across) - 0.4) ** 2 + 0.5 * down**2) / 0.08) + 12 * np.sin(18 * down)
    grey *= 1 / (1 + np.exp((np.abs(across) - 0.75) * 30))
    grain = np.random.default_rng(seed).normal(0, 2, grey.shape)
    return np.clip(grey + 8 + grain, 0, 255).astype(np.uint8)


def burned(text: str, top: int, left: int, *, ink: int = 250, scale: int = 3) -> tuple[NDArray[np.uint8], Box]:
    """The body with `text` in it, and the rectangle of its ink as shares of the film."""
    film = body()
    letters = lettering(text, scale) > 0
    rows, columns = np.nonzero(letters)
    place = film[top : top + letters.shape[0], left : left + letters.shape[1]]
    place[letters] = ink
    box = top + rows.min(), left + columns.min(), top + rows.max() + 1, left + columns.max() + 1
    return film, tuple(float(edge) / SIDE for edge in box)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two rectangles."""
    sides = [min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) for axis in (0, 1)]
    shared = max(sides[0], 0) * max(sides[1], 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize(
    ("text", "top", "left", "kind"), [("R", 12, 8, "letter"), ("L", 20, 222, "letter"), ("PORTAL", 225, 10, "text")]
)
def test_a_letter_and_a_text_are_found_where_they_are(text: str, top: int, left: int, kind: str) -> None:
    film, box = burned(text, top, left)
    (marker,) = find_markers(film)
    assert overlap(marker[:4], box) > 0.8
    assert marker.kind == kind and marker.bright


def test_dark_letters_on_a_light_film_are_dark() -> None:
    film, box = burned("RAP", 12, 8)
    (marker,) = find_markers(255 - film)
    assert overlap(marker[:4], box) > 0.8 and not marker.bright


def test_an_even_rectangle_is_a_box() -> None:
    film = body()
    film[30:60, 100:150] = 255
    (marker,) = find_markers(film)
    assert marker.kind == "box" and marker.bright
    assert overlap(marker[:4], (30 / SIDE, 100 / SIDE, 60 / SIDE, 150 / SIDE)) > 0.9


def test_a_mirrored_film_has_mirrored_markers() -> None:
    film, _ = burned("R", 12, 8)
    (marker,), (mirrored,) = find_markers(film), find_markers(np.ascontiguousarray(film[:, ::-1]))
    assert mirrored.left == pytest.approx(1 - marker.right) and mirrored.top == marker.top


def test_a_larger_film_has_the_same_markers() -> None:
    film, _ = burned("R", 12, 8, scale=2)
    large = film.repeat(8, 0).repeat(8, 1)
    (marker,) = find_markers(large)
    assert overlap(marker[:4], find_markers(film)[0][:4]) > 0.8


def draw(kind: str) -> NDArray[np.uint8]:
    """The body with what is none of ours: a wire, an electrode, a film's edge, a gas bubble."""
    image = Image.fromarray(body(side=512))
    pen = ImageDraw.Draw(image)
    if kind == "wire":
        pen.line([(0, 60), (150, 160), (300, 130), (511, 300)], fill=235, width=4)
    elif kind == "electrode":
        pen.ellipse((200, 200, 222, 222), fill=240)
    elif kind == "edge":
        pen.rectangle((0, 0, 511, 40), fill=0)
        pen.rectangle((470, 0, 511, 511), fill=0)
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["nothing", "wire", "electrode", "edge"])
def test_bodies_and_devices_are_no_markers(kind: str) -> None:
    assert find_markers(draw(kind)) == ()


def test_blank_and_tiny_films_have_none() -> None:
    for film in (np.zeros((300, 200), np.uint8), np.full((16, 16), 255, np.uint8), np.full((2000, 16), 90, np.uint8)):
        assert find_markers(film) == ()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Box]:
    """Where the phantoms' generator burns something in, as it does."""
    found: list[Box] = []
    for name in ("burn_marker", "burn_word"):

        def burn(film, *rest, burn=getattr(phantom_markers, name)) -> None:
            before = film.copy()
            burn(film, *rest)
            rows, columns = np.nonzero(before != film)
            edges = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
            found.append(tuple(float(edge) / len(film) for edge in edges))

        monkeypatch.setattr(scanner, name, burn)
    return found


def test_most_that_phantoms_have_burned_in_is_found_and_nothing_else(places: list[Box]) -> None:
    hit = burned_in = right = found = 0
    for number in range(8):
        places.clear()
        film = draw_film(LABELS[number % 4], seed=5, patient=number, source=SOURCES[number % 2], size=512)
        boxes = [marker[:4] for marker in find_markers(film)]
        right += sum(any(overlap(box, place) > 0 for place in places) for box in boxes)
        hit += sum(any(overlap(box, place) > 0 for box in boxes) for place in places)
        found, burned_in = found + len(boxes), burned_in + len(places)
    assert right >= 0.95 * found and hit >= 0.8 * burned_in and burned_in > 12


def test_most_healthy_children_carry_their_letter(shared_data: Path) -> None:
    films = sorted((shared_data / "sandrofab/NORMAL").glob("NORMAL2-*"))[:8]
    found = find_all(films)
    marked = [markers for markers in found if any(marker.right < 0.5 and marker.top < 0.6 for marker in markers)]
    assert len(marked) >= 6


def test_films_are_looked_at_in_their_order(tmp_path: Path) -> None:
    films = [burned("R", 12, 8)[0], body(), burned("PORTAL", 225, 10)[0]]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, film in zip(paths, films, strict=True):
        Image.fromarray(film).save(path)
    told: list[tuple[int, int]] = []
    found = find_all(paths, progress=lambda done, total: told.append((done, total)))
    assert found == [find_markers(film) for film in films]
    assert told == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(ImageError, match="gone"):
        find_all([tmp_path / "gone.png"])


def test_coverage_is_the_share_of_each_tile_that_markers_cover() -> None:
    markers = [Marker(0.0, 0.0, 0.25, 0.5, "text", True), Marker(0.5, 0.6, 0.9, 0.7, "letter", True)]
    fine = np.zeros((400, 400))
    for marker in markers:
        fine[
            round(400 * marker.top) : round(400 * marker.bottom), round(400 * marker.left) : round(400 * marker.right)
        ] = 1
    plain = fine.reshape(4, 100, 8, 50).mean((1, 3))
    assert np.allclose(coverage(markers, 4, 8), plain)


@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("shape", [(40, 60), (5, 30), (2, 2)])
def test_windows_are_those_of_scipy(width: int, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(width).normal(size=shape).astype(np.float32)
    assert np.array_equal(lowest(values, width), ndimage.minimum_filter(values, width))
    assert np.array_equal(highest(values, width), ndimage.maximum_filter(values, width))
    assert np.array_equal(opened(values, width), ndimage.grey_opening(values, size=width))


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 12), (40, 40), (12, 120)])
def test_intervals_of_shares_are_wilsons(successes: int, trials: int) -> None:
    known = binomtest(successes, trials).proportion_ci(method="wilson")
    counts = np.repeat([3, 0], [2 * successes, 2 * (trials - successes)])  # two films a case
    found = share_of(counts, np.arange(2 * trials) // 2)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-6)
    assert (found.films, found.cases) == (2 * trials, trials)


def test_films_are_drawn_evenly_of_each_class_and_source() -> None:
    cells = {("a", "x"): 50, ("a", "y"): 4, ("b", "x"): 20}
    frame = pd.DataFrame(
        [{"class": name, "source": source} for (name, source), count in cells.items() for _ in range(count)]
        + [{"class": None, "source": "x"}] * 5
    )
    rows = sample_films(frame, most=24, seed=1)
    drawn = frame.iloc[rows].groupby(["class", "source"]).size().to_dict()
    assert drawn == {("a", "x"): 10, ("a", "y"): 4, ("b", "x"): 10}
    assert rows.tolist() == sorted(set(rows.tolist())) == sample_films(frame, most=24, seed=1).tolist()
    assert len(sample_films(frame)) == 74


def audited(classes: list[str]) -> AuditedFilms:
    frame = pd.DataFrame({"class": classes, "source": "set", "case": np.arange(len(classes)), "path": ""})
    return AuditedFilms(frame, np.zeros((len(classes), 8, 8), np.uint8), np.full((len(classes), 2), 8))


def test_markers_that_go_with_the_class_are_a_warning() -> None:
    letter = Marker(0.05, 0.02, 0.1, 0.06, "letter", True)
    chapter = markers_chapter(audited(["a"] * 30 + ["b"] * 30), [(letter,)] * 30 + [()] * 30, of=5000)
    share, classes, told = chapter.findings
    assert (share.value, share.level, share.films) == (0.5, "note", 60) and "5,000" in share.sentence
    assert classes.value == 1.0 and classes.level == "note"
    assert told.level == "warning" and told.value == 1.0
    assert chapter.data["kinds"] == {"letter": 30, "text": 0, "box": 0}
    json.dumps(chapter.data, allow_nan=False)
    assert {name: len(shown.picture.svgs(name)) for name, shown in chapter.figures.items()} == {"markers": 2}


def test_markers_alike_in_all_classes_and_none_at_all_are_no_warning() -> None:
    letter = Marker(0.05, 0.02, 0.1, 0.06, "letter", True)
    some = np.random.default_rng(0).random(80) < 0.5
    alike = markers_chapter(audited(["a", "b"] * 40), [(letter,) if marked else () for marked in some])
    assert [finding.level for finding in alike.findings] == ["note", "note", "note"]
    none = markers_chapter(audited(["a", "b"] * 20), [()] * 40)
    assert [finding.level for finding in none.findings] == ["note"] and not none.figures
    many = markers_chapter(audited(["a", "b"] * 60), [()] * 120)
    assert many.findings[0].level == "fine" and many.findings[0].high == pytest.approx(0.031, abs=1e-3)


def test_heat_maps_tell_how_many_films_have_a_marker_there(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, NDArray[np.float64]] = {}
    monkeypatch.setattr(chapter_of_markers, "heat_maps", lambda where: shown.update(where) or {})
    tiny = Marker(0.501, 0.501, 0.51, 0.51, "letter", True)  # a part of one tile
    markers_chapter(audited(["a", "a", "a", "a", "b"]), [(tiny,), (), (tiny,), (tiny,), ()])
    assert shown["a"].max() == 0.75 and (shown["a"] > 0).sum() == 1 and not shown["b"].any()


def test_few_films_do_not_show_that_markers_tell_nothing() -> None:
    alike = [(Marker(0.05, 0.02, 0.1, 0.06, "letter", True),)] * 2 + [()] * 2  # of two classes in turn
    told = markers_chapter(audited(["a", "b"] * 800), alike * 400).findings[-1]
    assert told.level == "fine" and "little" in told.sentence
    some = np.random.default_rng(0).random(24) < 0.5
    few = markers_chapter(audited(["a", "b"] * 12), [alike[0] if marked else () for marked in some]).findings[-1]
    assert few.level == "note" and "cannot be said" in few.sentence
