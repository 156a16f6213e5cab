"""Lesions, borders and lungs: maps that lie where they should pass, and others fail."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_squares import SETTINGS, asked_of_squares, random_maps

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.explanations.checks import lesions as planted
from embedlearn.explanations.checks import question
from embedlearn.explanations.checks.borders import absolute_shares, check_borders, corners, ring
from embedlearn.explanations.checks.lesions import Lesions, at_maximum, check_lesions, plant_lesions
from embedlearn.explanations.checks.lungs import LungFilms, check_lungs
from embedlearn.explanations.checks.places import centre_maps, first_cells, ordered, positive_shares
from embedlearn.explanations.checks.question import CheckedNetwork
from embedlearn.explanations.geometry import Sight, on_film, to_grid
from embedlearn.radiographs.phantom import draw_with_mask
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

_, ASKED, WHERE = asked_of_squares()
GRID = WHERE.shape


def lesions_at_squares(told: float = 1.0) -> Lesions:
    masks = np.kron(WHERE, np.ones((8, 8), np.float32))
    right = np.random.default_rng(0).random(2 * len(WHERE)) < told
    return Lesions(ASKED, masks, ["ill"] * len(WHERE), right.astype(np.float64))


def test_lesions_pass_a_map_on_the_lesion_and_fail_wrong_ones() -> None:
    noisy = WHERE + 0.1 * random_maps(GRID, 1) - 0.05
    maps = {
        "right": noisy,
        "random": random_maps(GRID, 2),
        "constant": np.ones(GRID, np.float32),
        "swapped axes": noisy.transpose(0, 2, 1),
        "negated": -noisy,
        "of another film": np.roll(noisy, 1, axis=0),
    }
    verdicts = check_lesions(lesions_at_squares(), maps)
    for name in maps:
        assert {verdict.passed for verdict in verdicts if verdict.method == name} == {name == "right"}, name


def test_a_map_of_every_films_lungs_passes_on_the_area_but_not_on_its_own_place() -> None:
    everywhere = np.broadcast_to(WHERE.mean(0) > 0, GRID).astype(np.float32)
    verdicts = {verdict.check: verdict for verdict in check_lesions(lesions_at_squares(), {"map": everywhere})}
    assert verdicts[planted.ENERGY].passed and verdicts[planted.OWN].passed is False


def test_an_encoder_that_cannot_tell_is_not_judged() -> None:
    verdicts = check_lesions(lesions_at_squares(told=0.5), {"map": WHERE}, foreign=True)
    assert [verdict.passed for verdict in verdicts] == [None] * 3
    assert "foreign" in verdicts[0].sentence and "no better than chance" in verdicts[0].sentence


def test_the_greatest_value_counts_by_what_is_covered_of_its_cell() -> None:
    covered = random_maps((50, 3, 3), 1)
    maps = random_maps((50, 3, 3), 2)
    plain = [cover.ravel()[int(map_.argmax())] for cover, map_ in zip(covered, maps, strict=True)]
    assert np.allclose(at_maximum(maps, covered), plain)
    assert np.allclose(at_maximum(np.zeros_like(maps), covered), covered.mean((1, 2)))


def test_positive_shares_ignore_what_speaks_against() -> None:
    maps = np.array([[[2.0, -5.0], [1.0, 1.0]], [[-1.0, -1.0], [0.0, -2.0]]], np.float32)
    covered = np.array([[[1, 1], [0, 0.5]]] * 2, np.float32)
    assert positive_shares(maps, covered)[0] == 2.5 / 4
    assert np.isnan(positive_shares(maps, covered)[1])


def test_phantoms_are_planted_where_the_film_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "SUPPORT", 4)
    monkeypatch.setattr(planted, "QUERIES", 3)
    settings = Preprocessing(size=64, border=0.1)
    encoder = Encoder(Architecture(dimension=8)).eval()
    found = plant_lesions(CheckedNetwork(encoder, settings), seed=5)
    assert found.masks.shape == (9, 64, 64) and found.asked.inputs.shape == (9, 1, 64, 64)
    assert found.told.shape == (18,) and len(set(found.asked.cases.tolist())) == 3
    sources = np.random.default_rng(5).choice(planted.SOURCES, 7)
    for row, disease in enumerate(found.diseases):
        patient = 4 + row % 3
        healthy, _ = draw_with_mask(
            disease, seed=5, patient=patient, source=str(sources[patient]), size=planted.SIDE, severity=0
        )
        before = torch.from_numpy(preprocess(healthy, settings)).float() / 255
        changed = (found.asked.inputs[row, 0] * 0.25 + 0.5 - before).abs().numpy()
        inside = found.masks[row] > 0.5
        assert changed[inside].mean() > 5 * changed[~inside].mean()


@pytest.mark.parametrize("size", [48, 96, 101])
def test_ring_and_corners_cover_what_they_say(size: int) -> None:
    assert ring(size).mean() == pytest.approx(1 - 0.8**2, abs=1e-5)
    assert corners(size).mean() == pytest.approx(4 * 0.2**2, abs=1e-5)
    assert np.allclose(ring(size), ring(size).T) and np.allclose(corners(size), corners(size)[::-1])
    assert ring(size)[0].min() == 1 and ring(size)[size // 2, size // 2] == 0 and corners(size)[0, size // 2] == 0


def test_borders_pass_a_map_of_the_middle_and_fail_others() -> None:
    hill = centre_maps(GRID) - centre_maps(GRID).min()
    maps = {"middle": hill, "against": -hill, "edge": 1 / (0.1 + hill), "even": np.ones(GRID), "blank": np.zeros(GRID)}
    passed = {
        (verdict.check, verdict.method): verdict.passed
        for verdict in check_borders(ASKED, {name: np.asarray(map_, np.float32) for name, map_ in maps.items()})
    }
    for check in ("border", "corners"):
        assert [passed[check, name] for name in maps] == [True, True, False, False, False]


def test_evidence_against_counts_at_the_border_as_evidence_for() -> None:
    maps = np.array([[[3.0, 1.0], [-3.0, 1.0]]])
    assert absolute_shares(maps, np.array([[1, 0], [1, 0]], np.float32)) == pytest.approx([6 / 8])
    assert absolute_shares(np.zeros((1, 2, 2)), np.array([[1, 0], [0, 0]], np.float32)) == pytest.approx([1 / 4])


def test_the_grid_counts_the_ring_by_its_area() -> None:
    covered = to_grid(ring(SETTINGS.size), 6, 6)
    assert covered.mean() == pytest.approx(0.36, abs=1e-5) and covered[2, 2] == 0 and covered[0, 0] > 0.8


@pytest.mark.parametrize(("lag", "right"), [(0.5, True), (0.0, False)])
def test_outlines_are_compared_with_where_the_cells_look(
    lag: float, right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lesions and lungs lie half a cell above and to the left of the squares, as does what the network sees."""
    monkeypatch.setattr(question, "measure_lag", lambda *_: lag)
    asked = replace(ASKED, network=replace(ASKED.network))
    moved = np.kron(WHERE, np.ones((8, 8), np.float32))
    moved = np.pad(moved, ((0, 0), (0, 4), (0, 4)))[:, 4:, 4:]
    inner = WHERE[:, 1:-1, 1:-1].any((1, 2))  # the outermost cells are cut, or have more than their square
    lesions = Lesions(asked, moved, ["ill"] * len(WHERE), np.ones(2 * len(WHERE)))
    energy, *_ = check_lesions(lesions, {"map": WHERE})
    films = np.zeros((len(WHERE), 48, 48), np.uint8)
    (lungs,) = check_lungs(asked, LungFilms("masks", films, moved, asked.cases, (), ()), {"map": WHERE})
    assert energy.value == lungs.value
    assert (energy.value > 0.8) == right and (energy.value < 0.4) == (not right)
    covered = np.stack([to_grid(mask, 6, 6, lag) for mask in moved])
    assert np.array_equal(covered[inner], WHERE[inner]) == right


def test_the_border_and_the_middle_are_those_that_the_cells_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "measure_lag", lambda *_: 0.5)
    last = np.zeros(GRID, np.float32)
    last[:, -1] = 1
    moved, plain = (
        check_borders(asked, {"map": last})[0] for asked in (replace(ASKED, network=replace(ASKED.network)), ASKED)
    )
    assert plain.value == pytest.approx((2 * 0.84 + 4 * 0.6) / 6 - 0.36, abs=1e-5)
    # Along an axis the ring has all of the first cell, a tenth of the second and 0.6 of the last, which is 1.5 long.
    assert moved.value == pytest.approx((1 + 0.46 + 3 * 0.4 + 0.64) / 6 - (1 - 0.75**2), abs=1e-5)
    hill = centre_maps((1, 6, 6), 0.5)[0]
    assert np.unravel_index(hill.argmax(), hill.shape) == (3, 3)  # whose middle is the film's, 3 cells from each edge
    assert np.allclose(hill[1:, 1:], hill[1:, 1:][::-1, ::-1])


@pytest.mark.parametrize("size", [48, 50])
@pytest.mark.parametrize("lag", [0.0, 0.4])
def test_pixels_are_taken_from_where_the_map_is_drawn(size: int, lag: float) -> None:
    maps = random_maps((3, 6, 5), 7)
    taken = first_cells(ordered(maps), 0.3, (6, 5), size, lag)[:, 0].numpy()
    sight = Sight(Preprocessing(size=size), lag)
    for map_, pixels in zip(maps, taken, strict=True):
        drawn = on_film(map_, size, size, sight, how="nearest")
        assert np.array_equal(pixels, drawn >= np.sort(map_.ravel())[-9])
