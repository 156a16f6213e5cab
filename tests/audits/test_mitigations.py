"""What mitigations do to films, what they take from the probes, and how that is told."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from embedlearn.audits.features import BORDER, BOX, CORNERS, HIDDEN, HISTOGRAM, SOURCE, THUMBNAIL, box_place
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.measured import MODEL, WEIGHT, trimmed_place
from embedlearn.audits.mitigations import MITIGATIONS, Measured, measure, mitigated, mitigations_chapter, verdict_of
from embedlearn.audits.replicates import Estimate
from embedlearn.audits.scoring import balanced_weights
from embedlearn.pages.blocks import Table, Text
from embedlearn.radiographs.mitigation import Mitigation, even_greys, mitigate
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

SIDE = 48
FEW = 60  # replicates


def draw_film(seed: int, height: int = 96, width: int = 80) -> NDArray[np.uint8]:
    soft = gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 4)
    return np.clip(128 + 500 * soft, 0, 255).astype(np.uint8)


def audited_of(folder: Path, films: Sequence[NDArray[np.uint8]], **columns: Sequence[str]) -> AuditedFilms:
    paths = [folder / f"{number}.png" for number in range(len(films))]
    for path, film in zip(paths, films, strict=True):
        Image.fromarray(film).save(path)
    frame = pd.DataFrame({"path": [str(path) for path in paths], "case": np.arange(len(films)), **columns})
    squares = np.stack([preprocess(film, Preprocessing(size=SIDE, fit="pad")) for film in films])
    return AuditedFilms(frame, squares, np.array([film.shape for film in films]))


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> AuditedFilms:
    """Forty films whose class shows in a bright border and, of every other one, in its greys; two sources."""
    films = [draw_film(seed) for seed in range(40)]
    for number in range(20):
        films[number][:5] = films[number][-5:] = 255
        if number % 2:
            films[number][5:-5] = films[number][5:-5] // 2
    sources = ["a"] * 16 + ["b"] * 4 + ["a"] * 4 + ["b"] * 16
    classes = ["ill"] * 20 + ["well"] * 20
    return audited_of(tmp_path_factory.mktemp("films"), films, **{"class": classes, "source": sources})


@pytest.fixture(scope="module")
def rows(leaking: AuditedFilms) -> dict[str, Measured]:
    weights = balanced_weights(leaking.frame["class"], leaking.frame["source"])
    greys = mitigated(leaking, Mitigation(trim=0.1, intensity=True))
    return {
        "as they are": measure(leaking, positive="ill", replicates=FEW),
        "trim": measure(mitigated(leaking, Mitigation(trim=0.1)), positive="ill", replicates=FEW),
        "lungs": measure(mitigated(leaking, Mitigation(lungs=True)), positive="ill", replicates=FEW),
        "balance": measure(leaking, weights=weights, positive="ill", replicates=FEW),
        "all together": measure(greys, positive="ill", weights=weights, replicates=FEW),
    }


def auc(measured: Measured, view: str) -> float:
    assert measured.judged is not None
    return measured.judged.auc_value(view, "ill")


def test_films_are_mitigated_as_one_by_one_and_padded_again(tmp_path: Path) -> None:
    films = [draw_film(0, 96, 48), draw_film(1, 40, 90), draw_film(2, 48, 48)]
    audited = audited_of(tmp_path, films, **{"class": ["ill"] * 3, "source": ["a"] * 3})
    box = (0.25, 0.25, 0.75, 0.75)
    found = mitigated(audited, Mitigation(0.05, lungs=True, intensity=True), dict.fromkeys(range(3), box))
    for row in range(3):
        alone = mitigate(audited.content(row), Mitigation(0.05, lungs=True, intensity=True), box)
        again = preprocess(alone, Preprocessing(size=SIDE, fit="pad"))
        assert np.array_equal(found.films[np.array([row])][0], again)
        kept = np.divide(alone.shape, audited.content(row).shape)
        assert found.shapes[row] / audited.shapes[row] == pytest.approx(kept, abs=0.02)
        buffer = io.BytesIO()
        Image.fromarray(alone).save(buffer, "PNG")
        assert found.frame[WEIGHT][row] == pytest.approx(len(buffer.getvalue()) / alone.size)
        assert abs(found.content(row).shape[0] / found.content(row).shape[1] - alone.shape[0] / alone.shape[1]) < 0.1


def test_the_films_themselves_stay_as_they_were(leaking: AuditedFilms) -> None:
    films, frame = np.array(leaking.films[np.arange(40)]), leaking.frame.copy()
    mitigated(leaking, Mitigation(trim=0.2, lungs=True, intensity=True))
    assert np.array_equal(films, leaking.films[np.arange(40)])
    pd.testing.assert_frame_equal(frame, leaking.frame)


def test_mitigated_films_can_be_chosen_from(leaking: AuditedFilms) -> None:
    chosen = mitigated(leaking, Mitigation(intensity=True)).where(np.arange(40) % 4 == 0)
    assert len(chosen.frame[WEIGHT]) == len(chosen) == 10
    assert np.array_equal(chosen.content(1), even_greys(leaking.content(4)))


def test_a_trim_takes_a_border_away(rows: dict[str, Measured]) -> None:
    assert auc(rows["as they are"], BORDER) > 0.98
    assert auc(rows["trim"], BORDER) < 0.9
    assert auc(rows["all together"], BORDER) < 0.85


def test_even_greys_take_the_histogram_away(rows: dict[str, Measured]) -> None:
    assert auc(rows["as they are"], HISTOGRAM) > 0.95
    assert auc(rows["trim"], HISTOGRAM) > auc(rows["all together"], HISTOGRAM) + 0.05


def test_balanced_weights_take_the_source_away(rows: dict[str, Measured]) -> None:
    assert auc(rows["as they are"], SOURCE) == pytest.approx(0.75, abs=0.06)
    assert auc(rows["balance"], SOURCE) < 0.6
    assert auc(rows["balance"], BORDER) > 0.98


def test_around_cropped_lungs_nothing_is_left_to_see(rows: dict[str, Measured]) -> None:
    assert HIDDEN in rows["as they are"].probes
    assert HIDDEN not in rows["lungs"].probes
    assert rows["lungs"].anew and not rows["balance"].anew


def test_the_best_probe_is_the_largest_in_every_replicate(rows: dict[str, Measured]) -> None:
    found = rows["as they are"]
    by_hand = np.max([found.aucs(view) for view in found.around], axis=0)
    assert np.array_equal(found.best(found.around), by_hand)


def test_probes_that_may_see_the_lungs_are_told_from_those_that_do_not(rows: dict[str, Measured]) -> None:
    assert set(rows["as they are"].around) == set(rows["balance"].blind) == {BORDER, CORNERS, HIDDEN}
    assert set(rows["as they are"].seeing) == {HISTOGRAM, THUMBNAIL}
    assert rows["trim"].blind == (HIDDEN,)
    assert set(rows["trim"].around) == {BORDER, CORNERS, HIDDEN}
    assert rows["all together"].blind == rows["lungs"].around == ()


@pytest.mark.parametrize("trim", [0.05, 0.1, 0.3])
def test_a_trimmed_film_hides_the_same_lungs(trim: float) -> None:
    """Each pixel of the trimmed film is hidden that reaches into the box of the whole film."""
    top, left, bottom, right = BOX
    first, last = (trim + (1 - 2 * trim) * (np.arange(32) + end) / 32 for end in (0, 1))
    down, across = (last > top) & (first < bottom), (last > left) & (first < right)
    assert np.array_equal(trimmed_place(trim), np.outer(down, across))
    assert np.array_equal(trimmed_place(0.0), box_place(32))


@pytest.fixture(scope="module")
def spotted(tmp_path_factory: pytest.TempPathFactory) -> AuditedFilms:
    """Films of noise, of which every other one has a bright spot in the middle of a lung."""
    films = [np.random.default_rng(seed).integers(0, 200, (48, 48)).astype(np.uint8) for seed in range(60)]
    for film in films[::2]:
        film[20:28, 12:18] = 255
    columns = {"class": ["ill", "well"] * 30, "source": ["a", "a", "b", "b"] * 15}
    return audited_of(tmp_path_factory.mktemp("spots"), films, **columns)


def test_a_spot_in_a_lung_is_no_shortcut(spotted: AuditedFilms) -> None:
    before = measure(spotted, positive="ill", replicates=FEW)
    assert auc(before, THUMBNAIL) > 0.95
    for mitigation in (Mitigation(trim=0.1), Mitigation(lungs=True), Mitigation(intensity=True)):
        boxes = dict.fromkeys(range(60), (0.1, 0.1, 0.8, 0.9))
        after = measure(mitigated(spotted, mitigation, boxes), positive="ill", replicates=FEW)
        said = mitigations_chapter({"as they are": before, "after": after}).findings[0]
        assert said.level != "warning"
        assert (said.value is None) == mitigation.lungs
    assert mitigations_chapter({"as they are": before, "twins": before}).findings[0].level != "warning"


def test_what_stays_around_the_lungs_is_warned_of(rows: dict[str, Measured]) -> None:
    said = mitigations_chapter({"as they are": rows["as they are"], "twins": rows["as they are"]}).findings[0]
    assert said.level == "warning"
    assert "these films still tell it without the lungs" in said.sentence


@pytest.mark.parametrize(
    ("made", "weighted", "level"),
    [((0.5, 0.4, 0.59), False, "fine"), ((0.5, 0.4, 0.59), True, "note"), ((0.5, 0.4, 0.61), False, "note")],
)
def test_a_shortcut_is_gone_only_where_all_of_the_interval_is_low(
    rows: dict[str, Measured], made: tuple[float, float, float], weighted: bool, level: str
) -> None:
    after = rows["balance" if weighted else "trim"]
    assert after.judged is not None
    after = replace(after, judged=replace(after.judged, found=np.full_like(after.judged.found, 0.5)))
    assert verdict_of(after, Estimate(*made))[0] == level


def test_no_film_counts_more_than_ten_times_the_mean() -> None:
    sizes = {("ill", "a"): 200, ("well", "a"): 150, ("ill", "b"): 211, ("well", "b"): 2, ("well", "c"): 5}
    pairs = np.repeat(np.array(list(sizes)), list(sizes.values()), axis=0)
    weights = balanced_weights(pairs[:, 0], pairs[:, 1])
    assert weights.mean() == pytest.approx(1)
    assert weights[-7:] == pytest.approx(10)
    sums = [weights[(pairs == cell).all(1)].sum() for cell in list(sizes)[:3]]
    assert sums == pytest.approx([(568 - 70) / 3] * 3)


def test_weights_are_told_and_what_they_make_is_no_effect(rows: dict[str, Measured]) -> None:
    found = rows["balance"]
    weights = np.repeat([0.625, 2.5, 2.5, 0.625], [16, 4, 4, 16])
    assert found.counting == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    chapter = mitigations_chapter(rows)
    said = next(finding for finding in chapter.findings if finding.key == "mitigations.balance")
    assert "source name from" not in said.sentence
    assert "worth 26 of equal weight" in said.sentence
    assert said.level == "note"
    assert any(isinstance(block, Text) and "AUC below .5" in block.words for block in chapter.blocks)


def test_a_model_is_held_against_the_probes(leaking: AuditedFilms) -> None:
    noise = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = measure(leaking, vectors=noise, positive="ill", replicates=FEW)
    assert MODEL not in found.probes
    assert found.lift is not None
    said = mitigations_chapter({"as they are": found, "balance": found}).findings[-1]
    assert (said.key, said.level) == ("mitigations.lift", "warning")
    assert said.value == pytest.approx(found.lift.value)
    assert found.lift.value == pytest.approx(found.aucs(MODEL)[0] - max(auc(found, view) for view in found.probes))
    assert measure(leaking, positive="none such", replicates=FEW).positive is None


def test_the_chapter_says_what_falls_what_stays_and_how_to_take_it(rows: dict[str, Measured]) -> None:
    chapter = mitigations_chapter(rows)
    keys = [found.key for found in chapter.findings]
    assert keys == [
        "mitigations",
        *(f"mitigations.{name}" for name in ("trim", "lungs", "balance", "all-together", "source")),
    ]
    said = {found.key: found for found in chapter.findings}
    trim = said["mitigations.trim"]
    assert "lowers the border ring from" in trim.sentence
    assert MITIGATIONS["trim"].taken in trim.sentence
    change = rows["trim"].best(rows["trim"].around)[0] - rows["as they are"].best(rows["as they are"].around)[0]
    assert trim.value == pytest.approx(change)
    assert trim.low is not None and trim.high is not None and trim.low <= trim.value <= trim.high
    assert said["mitigations.source"].level == "note"
    assert all(f"{name} ." in said["mitigations.source"].sentence for name in rows)
    assert "no probe of pixels is left that does not see the lungs" in said["mitigations.lungs"].sentence
    assert said["mitigations.lungs"].value is None
    assert "Saved anew" not in said["mitigations.balance"].sentence
    assert "A training takes it" not in said["mitigations.all-together"].sentence
    last = rows["all together"]
    assert said["mitigations"].value == pytest.approx(last.best(last.around)[0])
    assert "(which may see of the lungs)" in said["mitigations"].sentence
    json.dumps(chapter.data, allow_nan=False)


def test_the_table_stands_before_and_after(rows: dict[str, Measured]) -> None:
    chapter = mitigations_chapter(rows)
    (table,) = [block for block in chapter.blocks if isinstance(block, Table)]
    assert table.columns == ("", *rows)
    cells = {row.name: row.cells for row in table.groups[0].rows}
    assert table.groups[0].name == "ill against the rest"
    assert cells[THUMBNAIL][0].main == f"{auc(rows['as they are'], THUMBNAIL):.3f}".removeprefix("0")
    assert cells[HIDDEN][2].main == "–"
    for name, shown in chapter.figures.items():
        assert len(shown.picture.panels) == 8
        assert len(shown.picture._replace(panels=shown.picture.panels[:1]).svgs(name)) == 1


def test_settings_that_leave_too_few_are_named_and_left_out(leaking: AuditedFilms, rows: dict[str, Measured]) -> None:
    few = measure(leaking.where(np.arange(40) < 28), positive="ill", replicates=FEW)
    chapter = mitigations_chapter({"as they are": rows["as they are"], "twins": few})
    assert chapter.findings == ()
    assert any(isinstance(block, Text) and block.words.startswith("Twins is not held") for block in chapter.blocks)
    (only,) = mitigations_chapter({"as they are": few}).findings
    assert only.level == "note" and "fewer than two classes" in only.sentence
