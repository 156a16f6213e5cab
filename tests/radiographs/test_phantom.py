"""The phantom: repeatable, anatomical, and silent about its labels everywhere but in the lesion."""

import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage
from scipy.stats import rankdata

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film, draw_with_mask
from embedlearn.radiographs.phantom.anatomy import anatomy_of
from embedlearn.radiographs.phantom.grid import resized
from embedlearn.radiographs.phantom.lesions import opacity_of
from embedlearn.radiographs.phantom.thorax import Pose, thorax_of

DISEASED = (BACTERIAL, VIRAL, COVID)
UPRIGHT = Pose(angle=0, shift=(0, 0), zoom=1, breath=0, twist=0, magnification=1)


def some_film(**changes: Any) -> npt.NDArray[np.uint8]:
    """A film with every argument given, but for the changes."""
    given: dict[str, Any] = {"label": COVID, "seed": 3, "patient": 5, "film": 1, "source": SOURCES[1], "size": 96}
    return draw_film(**(given | changes))


def rank_auc(scores: npt.ArrayLike, positive: npt.NDArray[np.bool_]) -> float:
    """The probability that a positive scores above a negative (Mann-Whitney)."""
    ranks, count = rankdata(scores), positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def test_film_is_grey_bytes_of_the_wanted_size() -> None:
    for size in (64, 96, 256):
        film = some_film(size=size)
        assert film.dtype == np.uint8
        assert film.shape == (size, size)
        assert film.std() > 15


def test_same_arguments_same_bytes_in_another_process() -> None:
    code = (
        "import sys; from embedlearn.radiographs.phantom import draw_film;"
        f"film = draw_film({COVID!r}, seed=3, patient=5, film=1, source={SOURCES[1]!r}, size=96);"
        "sys.stdout.buffer.write(film.tobytes())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert some_film().tobytes() == some_film().tobytes() == elsewhere


@pytest.mark.parametrize("change", [{"seed": 4}, {"patient": 6}, {"film": 0}, {"label": VIRAL}, {"source": SOURCES[0]}])
def test_each_argument_changes_the_film(change: dict[str, Any]) -> None:
    assert not np.array_equal(some_film(), some_film(**change))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"label": "flu"}, "label"),
        ({"source": "phantom-c"}, "source"),
        ({"size": 8}, "size"),
        ({"seed": -1}, "seed"),
        ({"patient": -1}, "patient"),
        ({"film": -1}, "film"),
    ],
)
def test_unusable_arguments_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{named}: wanted .* got "):
        some_film(**change)


def test_severity_outside_its_range_is_refused() -> None:
    with pytest.raises(ArgumentError, match="severity"):
        draw_with_mask(COVID, seed=0, patient=0, source=SOURCES[0], severity=1.5)


def test_films_of_one_patient_share_their_anatomy() -> None:
    def chest(patient: int, film: int) -> npt.NDArray[np.float64]:
        drawn = draw_film(HEALTHY, seed=0, patient=patient, film=film, source=SOURCES[0], size=64)
        return drawn[8:-8, 8:-8].ravel().astype(float)

    patients = range(24)
    first, second = [np.stack([chest(patient, film) for patient in patients]) for film in (0, 1)]
    likeness = np.corrcoef(first, second)[: len(patients), len(patients) :]
    same = np.eye(len(patients), dtype=bool)
    assert likeness[same].mean() > likeness[~same].mean() + 0.02


def test_lungs_are_dark_and_the_heart_lies_on_the_pictures_right() -> None:
    for patient in range(12):
        thorax = thorax_of(anatomy_of(0, patient), UPRIGHT)
        seen = thorax.tissue - thorax.air
        middle = (np.abs(thorax.x) < 0.1) & (thorax.y > 0) & (thorax.y < 0.3)
        assert seen[thorax.lung > 0.1].mean() < seen[middle].mean() - 0.3
        above = (thorax.y > 0) & (thorax.y < min(anatomy_of(0, patient).domes)) & (np.abs(thorax.x) < 0.5)
        assert thorax.air[above & (thorax.x > 0)].mean() < thorax.air[above & (thorax.x < 0)].mean()


@pytest.mark.parametrize("label", DISEASED)
def test_lesion_is_where_the_mask_says(label: str) -> None:
    for patient in range(10):
        given: dict[str, Any] = {"seed": 1, "patient": patient, "source": SOURCES[patient % 2], "size": 160}
        film, mask = draw_with_mask(label, **given)
        clean, nothing = draw_with_mask(label, **given, severity=0.0)
        assert not nothing.any()
        assert 0.003 < mask.mean() < 0.5
        change = film.astype(int) - clean
        near = ndimage.binary_dilation(mask, iterations=5)
        assert np.abs(change[~near]).max() == 0
        assert change[mask].mean() > 2


@pytest.mark.parametrize("label", DISEASED)
def test_lesion_lies_in_the_lungs(label: str) -> None:
    for patient in range(10):
        thorax = thorax_of(anatomy_of(1, patient), UPRIGHT)
        opacity, mask = opacity_of(label, thorax, 0.7, np.random.default_rng(patient))
        assert mask.any()
        assert thorax.lung[mask].min() > 0
        assert opacity[~mask].max() == 0


def test_diseases_lie_where_they_should() -> None:
    sides, depth, height = {}, {}, {}
    for label in DISEASED:
        found = []
        for patient in range(30):
            thorax = thorax_of(anatomy_of(2, patient), UPRIGHT)
            opacity, mask = opacity_of(label, thorax, 0.8, np.random.default_rng(patient))
            left = mask[thorax.x < 0].sum() / mask.sum()
            weights = opacity / opacity.sum()
            found.append((min(left, 1 - left), (thorax.outward * weights).sum(), (thorax.y * weights).sum()))
        sides[label], depth[label], height[label] = np.mean(found, axis=0)
    assert sides[BACTERIAL] == 0
    assert min(sides[VIRAL], sides[COVID]) > 0.2
    assert depth[COVID] < depth[VIRAL] - 0.1
    assert height[COVID] > height[VIRAL] + 0.05


def test_healthy_films_have_no_lesion() -> None:
    film, mask = draw_with_mask(HEALTHY, seed=0, patient=0, source=SOURCES[0], severity=1.0)
    assert not mask.any()
    assert np.array_equal(film, draw_film(HEALTHY, seed=0, patient=0, source=SOURCES[0]))


def test_more_severe_is_more_opaque() -> None:
    for label in DISEASED:
        subtle, plain = (
            np.mean(
                [draw_with_mask(label, seed=0, patient=p, source=SOURCES[0], size=64, severity=s)[0] for p in range(6)]
            )
            for s in (0.2, 1.0)
        )
        assert plain > subtle + 1


def test_label_changes_nothing_outside_the_lungs() -> None:
    """Markers, exposure and source stay as they are when only the label changes."""
    for patient in range(8):
        given: dict[str, Any] = {"seed": 6, "patient": patient, "source": SOURCES[patient % 2], "size": 96}
        films = [draw_with_mask(label, **given) for label in LABELS]
        lesions = ndimage.binary_dilation(np.any([mask for _, mask in films], axis=0), iterations=4)
        for film, _ in films[1:]:
            assert np.array_equal(film[~lesions], films[0][0][~lesions])


def test_mean_intensity_does_not_tell_the_label() -> None:
    labels = np.repeat(LABELS, 80)
    means = [
        draw_film(label, seed=8, patient=p, source=SOURCES[p % 2], size=64).mean() for p, label in enumerate(labels)
    ]
    for label in LABELS:
        assert 0.35 < rank_auc(means, labels == label) < 0.65


def test_sources_look_different() -> None:
    edges = {
        source: [draw_film(HEALTHY, seed=0, patient=p, source=source, size=64)[-1].mean() for p in range(20)]
        for source in SOURCES
    }
    assert np.mean(edges["phantom-a"]) + 10 < np.mean(edges["phantom-b"])


def test_word_is_burned_into_every_film() -> None:
    strips = [
        draw_film(label, seed=0, patient=p, source=s)[-13:-4, 103:153]
        for p, label in enumerate(LABELS)
        for s in SOURCES
    ]
    ink = np.min(strips, axis=0) > 200
    assert 80 < ink.sum() < 160


@pytest.mark.parametrize("size", [40, 160, 400])
def test_resizing_keeps_straight_slopes(size: int) -> None:
    """Cubic interpolation reproduces a plane exactly away from the border."""
    ticks = (np.arange(160, dtype=np.float32) + 0.5) / 160
    plane = ticks[:, None] + 2 * ticks[None, :]
    wanted = (np.arange(size) + 0.5) / size
    inner = slice(size // 8, -size // 8)
    assert np.allclose(resized(plane, size)[inner, inner], (wanted[:, None] + 2 * wanted)[inner, inner], atol=1e-5)
