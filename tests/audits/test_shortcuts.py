"""Shortcuts that are built into films are found, and those that are not there are not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedlearn.audits.features import (
    BORDER,
    CORNERS,
    HEADER,
    HIDDEN,
    HISTOGRAM,
    SOURCE,
    THUMBNAIL,
    box_place,
    corner_squares,
    file_features,
    hide_lungs,
    histograms,
    probe_features,
)  # fmt: skip
from embedlearn.audits.films import SIDE, WHOLE, AuditedFilms
from embedlearn.audits.judging import Judged, judge
from embedlearn.audits.probes import border_ring
from embedlearn.audits.replicates import Estimate
from embedlearn.audits.shortcuts import TELLING, _headline, _of_probe, _of_source, level_of, shortcuts_chapter
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.masks import find_masks, read_mask
from embedlearn.radiographs.reading import film_header, preprocess, read_film

FILMS = 120
PIXEL_PROBES = (BORDER, CORNERS, HIDDEN, HISTOGRAM, THUMBNAIL)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all films: their headers tell nothing."""
    path = tmp_path_factory.mktemp("film") / "film.png"
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(path)
    return path


def noise(count: int = FILMS, side: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 190, (count, side, side), dtype=np.uint8)


def ill(count: int = FILMS) -> NDArray[np.bool_]:
    return np.random.default_rng(1).random(count) < 0.4


def audited(file: Path, films: NDArray[np.uint8], *, source: NDArray[np.str_] | None = None) -> AuditedFilms:
    there = np.where(ill(len(films)), "ill", "well")
    frame = pd.DataFrame({"path": str(file), "class": there, "source": "set", "case": np.arange(len(films))})
    if source is not None:
        frame["source"] = source
    return AuditedFilms(frame, films, np.tile(np.array([[films.shape[1], films.shape[2]]]), (len(films), 1)))


def judged(found: AuditedFilms) -> Judged:
    told = judge(
        probe_features(found, hide_lungs(None)), found.frame["class"].to_numpy(dtype=str), np.arange(len(found))
    )
    assert told is not None
    return told


def telling(found: AuditedFilms) -> set[str]:
    """The probes that tell who is ill."""
    told = judged(found)
    return {view for view in told.views if told.auc(view, "ill").low > TELLING}


def test_films_alike_are_told_by_nothing(file: Path) -> None:
    assert telling(audited(file, noise())) == set()


def test_a_mark_in_a_corner_is_seen_by_all_that_see_the_corner(file: Path) -> None:
    films = noise()
    films[ill(), :6, :6] = 250
    assert telling(audited(file, films)) == {BORDER, CORNERS, HIDDEN, HISTOGRAM, THUMBNAIL}


def test_a_mark_on_the_edge_is_not_in_a_corner(file: Path) -> None:
    films = noise()
    films[ill(), 26:40, :4] = 250
    found = telling(audited(file, films))
    assert {BORDER, HIDDEN} <= found
    assert CORNERS not in found


def test_what_lies_in_the_lungs_is_blacked_out(file: Path) -> None:
    films = noise()
    films[ill(), 20:40, 16:44] //= 2
    assert telling(audited(file, films)) == {HISTOGRAM, THUMBNAIL}
    blackout = hide_lungs(None)
    same = [probe_features(audited(file, found), blackout)[HIDDEN] for found in (films, noise())]
    assert np.array_equal(*same)


def test_the_shape_of_a_film_leaks_to_its_header_alone(tmp_path: Path) -> None:
    frame = audited(tmp_path, noise()).frame
    shapes = np.where(ill()[:, None], [[120, 200]], [[200, 120]])
    wide, high = (tmp_path / f"{name}.png" for name in ("wide", "high"))
    Image.new("L", (200, 120)).save(wide)
    Image.new("L", (120, 200)).save(high)
    frame["path"] = np.where(ill(), str(wide), str(high))
    greys = np.random.default_rng(0).integers(60, 190, (FILMS, 200, 120), dtype=np.uint8)
    raw = [film.reshape(shape) for film, shape in zip(greys, shapes, strict=True)]
    films = np.stack([preprocess(film, WHOLE) for film in raw])
    assert telling(AuditedFilms(frame, films, shapes)) == {HEADER}


def test_a_source_that_goes_with_a_class_is_told_by_its_name(file: Path) -> None:
    source = np.where(ill() ^ (np.arange(FILMS) % 9 == 0), "a", "b")
    assert telling(audited(file, noise(), source=source)) == {SOURCE}


def test_a_header_says_what_the_file_is(tmp_path: Path) -> None:
    for number, name in enumerate(("one.png", "two.jpg", "three.png")):
        Image.new("L", (40, 40), 30 * number).save(tmp_path / name)
    found = file_features([tmp_path / name for name in ("one.png", "two.jpg", "three.png")])
    formats = found[:, -3:-1]
    assert formats.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_histogram_is_of_the_film_without_the_black_around_it(file: Path) -> None:
    film = np.full((100, 50), 200, np.uint8)
    frame = audited(file, noise(1)).frame
    found = histograms(AuditedFilms(frame, preprocess(film, WHOLE)[None], np.array([[100, 50]])))
    assert found[0].tolist() == [1 if grey == 200 * 32 // 256 else 0 for grey in range(32)]


def test_corners_are_four_squares_of_an_eighth() -> None:
    corners = corner_squares(32)
    assert corners.sum() == 4 * 4 * 4
    assert corners[0, 0] and corners[-1, 3] and not corners[0, 4] and not corners[16, 16]


def test_one_place_is_hidden_on_all_films_and_grows_by_what_masks_show() -> None:
    low = np.zeros((192, 150), bool)
    low[60:190, 20:60] = True
    plain, grown = hide_lungs(None), hide_lungs({3: low, 5: low})
    assert np.array_equal(plain.place, box_place(32))
    assert not len(plain.covered)
    assert (grown.place & ~plain.place).any()
    assert (grown.place | ~plain.place).all()
    assert grown.covered == pytest.approx(np.ones(2), abs=0.02)
    rare = hide_lungs({0: low, **{row: np.pad(np.ones((40, 40), bool), 60) for row in range(1, 40)}})
    assert np.array_equal(rare.place, plain.place)
    assert rare.covered[0] < 0.9


def test_the_box_holds_the_lungs_of_real_films(shared_data: Path) -> None:
    films = {path.stem: path for path in (shared_data / "lungmasks" / "images").iterdir()}
    masks = find_masks(shared_data / "lungmasks" / "masks", films)
    sizes = {stem: film_header(films[stem]) for stem in masks}
    lungs = [read_mask(path, sizes[stem]["height"], sizes[stem]["width"]) for stem, path in masks.items()]
    place, ring = (found.repeat(3, 0).repeat(3, 1) for found in (box_place(32), border_ring(32) & ~box_place(32)))
    covered, seen = [], []
    for mask in lungs:
        at = [np.arange(length) * 96 // length for length in mask.shape]
        covered.append((mask & place[np.ix_(*at)]).sum() / mask.sum())
        seen.append((mask & ring[np.ix_(*at)]).sum() / mask.sum())
    assert np.mean(covered) > 0.975
    assert np.min(covered) > 0.8
    assert (100 * np.mean(seen), 100 * np.max(seen)) == pytest.approx((1.5, 13), abs=0.5)


def test_neither_border_nor_corners_see_what_the_box_hides(file: Path) -> None:
    films = noise()
    films[ill(), 4:54, 4:60] //= 2
    given = [probe_features(audited(file, found), hide_lungs(None)) for found in (films, noise())]
    for view in (BORDER, CORNERS, HIDDEN):
        assert np.array_equal(*(found[view] for found in given))


def made_up(aucs: dict[str, tuple[tuple[float, float], ...]]) -> Judged:
    """Judged by probes with such intervals: of each class, ill and odd, the ends."""
    found = np.array([[[np.mean(ends), *np.linspace(*ends, 1000)] for ends in of] for of in aucs.values()])
    return Judged(tuple(aucs), ("ill", "odd"), found, found, 90, 90, {})


def test_the_headline_leads_with_the_class_that_matters_and_hides_no_other() -> None:
    told = made_up({HEADER: ((0.42, 0.68), (0.8, 0.9)), BORDER: ((0.44, 0.63), (0.45, 0.55))})
    best, asked = _headline(told, None), _headline(told, "ill")
    assert best.sentence.startswith("Without looking at the lungs odd is told") and "best told" not in best.sentence
    assert asked.sentence.startswith("Without looking at the lungs ill is told")
    assert "best told is odd, with AUC .850" in asked.sentence
    assert (best.level, asked.level) == ("warning", "warning")
    assert _headline(told, "unknown") == best


def test_what_so_few_cases_cannot_say_is_not_said() -> None:
    open_, clear = ((0.4, 0.72), (0.4, 0.72)), ((0.47, 0.58), (0.5, 0.59))
    for told, level in ((made_up({HEADER: open_}), "note"), (made_up({HEADER: clear}), "fine"),
                        (made_up({HEADER: clear, BORDER: open_}), "note")):  # fmt: skip
        for found in (_headline(told, None), _of_source("a", told), _of_probe(told, told.views[-1])):
            assert found.level == level
            assert ("cannot be said" in found.sentence) == (level == "note")


@pytest.mark.parametrize(("found", "level"), [
    (Estimate(0.9, 0.71, 0.95), "warning"), (Estimate(0.9, 0.7, 1), "note"), (Estimate(0.6, 0.5, 0.7), "note"),
    (Estimate(0.55, 0.51, 0.6), "fine"), (Estimate(0.9, np.nan, np.nan), "note"),
])  # fmt: skip
def test_the_lower_end_warns_and_only_the_upper_end_clears(found: Estimate, level: str) -> None:
    assert level_of(found) == level


def test_a_chapter_holds_models_against_the_best_probe(file: Path, tmp_path: Path) -> None:
    films = noise()
    films[ill(), :6, :6] = np.random.default_rng(3).integers(100, 190, (int(ill().sum()), 6, 6))
    source = np.where(np.arange(FILMS) % 2, "a", "b")
    rng = np.random.default_rng(2)
    good = np.column_stack([ill() + rng.normal(0, 0.1, FILMS), rng.normal(size=(FILMS, 3))]).astype(np.float32)
    blind = rng.normal(size=(FILMS, 4)).astype(np.float32)
    given = audited(file, films, source=source)
    chapter = shortcuts_chapter(given, lungs=None, models={"trained": good, "untrained": blind})
    keys = {finding.key: finding for finding in chapter.findings}
    assert keys["shortcuts.lift.trained"].level == "fine"
    assert keys["shortcuts.lift.untrained"].level == "note"
    assert keys["shortcuts.without-lungs"].level == "warning"
    assert "a model's score on this set says little" in keys["shortcuts.without-lungs"].sentence
    assert {"shortcuts.within.a", "shortcuts.within.b", "shortcuts.lift.trained.ill"} <= set(keys)
    assert json.loads(json.dumps(chapter.data, allow_nan=False))["all"]["films"] == FILMS
    chapter.figures["shortcuts"].picture.save(tmp_path / "figure.png")
    useless = shortcuts_chapter(audited(file, films), lungs=None, models={"trained": blind})
    assert {finding.key: finding.level for finding in useless.findings}["shortcuts.lift.trained"] == "warning"


def test_too_few_cases_are_only_noted(file: Path) -> None:
    chapter = shortcuts_chapter(audited(file, noise(12)), lungs=None, models={})
    assert [finding.level for finding in chapter.findings] == ["note"]


@pytest.mark.slow
def test_the_known_shortcuts_of_a_real_set_remain_after_resizing(shared_data: Path) -> None:
    manifest = read_data(shared_data / "sandrofab")
    films = np.stack([preprocess(read_film(path, target=2 * SIDE), WHOLE) for path in manifest.paths])
    headers = [film_header(path) for path in manifest.paths]
    frame = manifest.frame.assign(case=manifest.frame["patient"].fillna(manifest.frame["path"]).factorize()[0])
    frame["class"] = frame["label"].str.partition("/")[0]
    found = AuditedFilms(frame, films, np.array([[header["height"], header["width"]] for header in headers]))
    told = judge(probe_features(found, hide_lungs(None)), frame["class"].to_numpy(dtype=str), frame["case"].to_numpy())
    assert told is not None
    assert told.auc(HEADER, "covid-19").value > 0.95
    assert told.auc(BORDER, "covid-19").value > 0.97
