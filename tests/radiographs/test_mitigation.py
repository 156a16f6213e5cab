"""What is taken out of films before anyone learns from them."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.radiographs.masks import find_masks, read_boxes, read_mask
from embedlearn.radiographs.mitigation import (
    Mitigation,
    estimate_lungs,
    even_greys,
    find_lungs,
    mitigate,
    with_margin,
)
from embedlearn.radiographs.phantom.film import draw_film
from embedlearn.radiographs.phantom.scanner import LOOKS
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess, read_film

LUNGS = (0.25, 0.2, 0.75, 0.8)


def noise(seed: int = 0, height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    soft = gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), 2)
    return np.clip(128 + 300 * soft, 0, 255).astype(np.uint8)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, float]:
    """Intersection over union of two boxes, and the share of the second that lies in the first."""
    high = min(one[2], other[2]) - max(one[0], other[0])
    wide = min(one[3], other[3]) - max(one[1], other[1])
    both = max(high, 0) * max(wide, 0)
    first, second = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (first + second - both), both / second


def around(mask: NDArray[np.bool_]) -> tuple[float, ...]:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return rows.min() / height, columns.min() / width, (rows.max() + 1) / height, (columns.max() + 1) / width


def save(path: Path, film: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(film).save(path)
    return path


def test_without_a_mitigation_a_film_stays_as_it_is() -> None:
    assert np.array_equal(mitigate(noise(), Mitigation()), noise())
    assert not Mitigation().changes
    assert Mitigation(intensity=True).changes


@pytest.mark.parametrize("trim", [0.0, 0.07, 0.1, 0.4])
def test_a_trim_is_the_border_of_the_preprocessing(trim: float) -> None:
    film = noise(height=97, width=143)
    plain = Preprocessing(size=32, fit="pad")
    trimmed = preprocess(mitigate(film, Mitigation(trim=trim)), plain)
    assert np.array_equal(trimmed, preprocess(film, Preprocessing(size=32, fit="pad", border=trim)))


def test_the_box_around_the_lungs_is_kept_with_its_margin() -> None:
    film = noise(height=200, width=100)
    kept = mitigate(film, Mitigation(lungs=True), LUNGS)
    assert np.array_equal(kept, film[45:155, 17:83])
    assert with_margin(LUNGS) == pytest.approx((0.225, 0.17, 0.775, 0.83))
    assert with_margin((0, 0, 1, 1)) == (0, 0, 1, 1)


def test_a_trim_and_a_box_keep_what_is_in_both() -> None:
    film = noise(height=200, width=100)
    kept = mitigate(film, Mitigation(trim=0.2, lungs=True), (0.05, 0.3, 0.75, 0.98))
    assert np.array_equal(kept, film[40:157, 26:80])


def test_a_pixel_is_left_however_small_the_box() -> None:
    film = noise(height=16, width=16)
    for box in [(0.999, 0.999, 1.0, 1.0), (0.0, 0.0, 0.001, 0.001)]:
        assert min(mitigate(film, Mitigation(trim=0.4, lungs=True, intensity=True), box).shape) >= 1


@pytest.mark.parametrize("box", [None, (0.5, 0.1, 0.5, 0.9), (0.1, 0.1, 0.9, 1.2), (float("nan"), 0, 1, 1)])
def test_a_box_that_is_none_is_refused(box: tuple[float, float, float, float] | None) -> None:
    with pytest.raises(ArgumentError, match="^lungs: wanted "):
        mitigate(noise(), Mitigation(lungs=True), box)


def test_a_trim_beyond_its_limits_is_refused() -> None:
    with pytest.raises(ArgumentError, match="^--trim: wanted a number from 0 to 0.4, got 0.5$"):
        Mitigation(trim=0.5)


def test_greys_become_equally_frequent_and_keep_their_order() -> None:
    film = noise(height=256, width=256)
    even = even_greys(film)
    assert np.abs(np.bincount(even.ravel(), minlength=256) - 256).max() <= 8
    darker, brighter = np.arange(5000), np.random.default_rng(1).permutation(film.size)[:5000]
    below = film.ravel()[darker] < film.ravel()[brighter]
    assert below.sum() > 1000
    assert (even.ravel()[darker] <= even.ravel()[brighter])[below].all()


def test_contrast_and_brightness_leave_almost_no_trace_in_even_greys() -> None:
    film = noise()
    duller = np.rint(40 + 0.6 * film).astype(np.uint8)
    assert np.abs(even_greys(film).astype(int) - even_greys(duller)).mean() < 3
    assert np.abs(film.astype(int) - duller).mean() > 12


def test_pixels_of_one_grey_are_ordered_by_their_neighbours() -> None:
    film = np.tile(np.array([100, 100, 100, 101, 101, 90], np.uint8).repeat(9), (9, 1))
    even = even_greys(film)[4].astype(int)
    assert even[4] == even[20]  # nothing within three pixels tells them apart
    assert (np.diff(even[23:34]) >= 0).all() and even[23] < even[24] < even[25] < even[26] < even[30]
    assert even[35] > even[43] > even[44] > even[45]


def test_a_black_border_stays_black_and_a_flat_film_flat() -> None:
    film = noise()
    film[:10] = 0
    assert (even_greys(film)[:7] == 0).all()
    assert np.unique(even_greys(np.full((20, 30), 90, np.uint8))).size == 1


def test_lungs_are_found_by_masks_by_boxes_and_by_neither(tmp_path: Path) -> None:
    film = save(tmp_path / "films" / "a.png", noise(height=100, width=200))
    mask = np.zeros((50, 100), np.uint8)
    mask[10:40, 20:90] = 255
    save(tmp_path / "masks" / "a.png", mask)
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "height": 1000, "width": 2000}],
        "annotations": [
            {"image_id": 1, "bbox": [300, 200, 500, 600]},
            {"image_id": 1, "bbox": [1000, 100, 800, 650]},
        ],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    assert find_lungs([film], tmp_path / "masks") == {film: pytest.approx((0.2, 0.2, 0.8, 0.9))}
    assert find_lungs([film], boxes=tmp_path / "boxes.json") == {film: pytest.approx((0.1, 0.15, 0.8, 0.9))}
    assert find_lungs([film]) == {film: estimate_lungs(read_film(film))}
    both = find_lungs([film], tmp_path / "masks", tmp_path / "boxes.json")
    assert both == {film: pytest.approx((0.2, 0.2, 0.8, 0.9))}


def test_films_without_an_outline_do_not_stay_beside_cropped_ones(tmp_path: Path) -> None:
    films = [save(tmp_path / "films" / f"{name}.png", noise()) for name in "abc"]
    mask = np.pad(np.full((40, 60), 255, np.uint8), 10)
    save(tmp_path / "masks" / "b.png", mask)
    with pytest.raises(ManifestError, match=r"2 of 3 films have no lungs outlined there, the first is .*a\.png"):
        find_lungs(films, tmp_path / "masks")


def test_a_film_that_was_cropped_since_its_boxes_were_drawn_has_no_outline(tmp_path: Path) -> None:
    films = [save(tmp_path / f"{name}.png", noise()) for name in "ab"]
    images = [{"id": 1, "file_name": "a.png", "height": 60, "width": 80}]
    images.append({"id": 2, "file_name": "b.png", "height": 100, "width": 80})
    boxes = [{"image_id": number, "bbox": [10, 10, 50, 40]} for number in (1, 2)]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "annotations": boxes}))
    with pytest.raises(ManifestError, match=r"1 of 2 films have no lungs outlined there, the first is .*b\.png"):
        find_lungs(films, boxes=tmp_path / "boxes.json")


def test_boxes_are_on_the_film_as_it_is_shown_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    film, mask = tmp_path / "a.jpg", np.zeros((120, 60), np.uint8)
    Image.fromarray(noise(height=60, width=120)).save(film, exif=exif)
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 120, "width": 60}],
        "annotations": [{"image_id": 1, "bbox": [15, 12, 30, 96]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    mask[12:108, 15:45] = 255
    save(tmp_path / "masks" / "a.png", mask)
    assert read_film(film).shape == (120, 60)
    assert find_lungs([film], boxes=tmp_path / "boxes.json") == {film: pytest.approx((0.1, 0.25, 0.9, 0.75))}
    assert find_lungs([film], tmp_path / "masks") == {film: pytest.approx((0.1, 0.25, 0.9, 0.75))}


def test_two_films_of_one_name_are_not_given_one_outline(tmp_path: Path) -> None:
    films = [save(tmp_path / place / "a.png", noise()) for place in ("one", "two")]
    save(tmp_path / "masks" / "a.png", np.pad(np.full((40, 60), 255, np.uint8), 10))
    with pytest.raises(ManifestError, match="two films are named a, "):
        find_lungs(films, tmp_path / "masks")


def test_an_estimate_is_a_box_on_any_film() -> None:
    flat = [np.full((20, 30), grey, np.uint8) for grey in (0, 255)]
    slopes = [np.tile(np.arange(100, dtype=np.uint8), (40, 1))[:, ::way] for way in (1, -1)]
    for film in [*flat, *slopes, *(slope.T for slope in slopes), noise(1), noise(2, 16, 300)]:
        top, left, bottom, right = estimate_lungs(np.ascontiguousarray(film))
        assert 0 <= top < bottom <= 1 and 0 <= left < right <= 1


def test_an_estimate_mirrors_with_the_film() -> None:
    film = draw_film("healthy", seed=3, patient=5, source=sorted(LOOKS)[0], size=128)
    top, left, bottom, right = estimate_lungs(film)
    mirrored = estimate_lungs(np.ascontiguousarray(film[:, ::-1]))
    assert mirrored == pytest.approx((top, 1 - right, bottom, 1 - left), abs=1e-9)


def test_outlines_made_by_hand_are_met(shared_data: Path) -> None:
    folder = shared_data / "lungmasks"
    films = {path.stem: path for path in sorted((folder / "images").iterdir())}
    found = []
    for stem, mask in find_masks(folder / "masks", films).items():
        film = read_film(films[stem])
        lungs, estimate = around(read_mask(mask, *film.shape)), estimate_lungs(film)
        found.append((overlap(estimate, lungs)[0], overlap(with_margin(estimate), lungs)[1]))
    alike, covered = np.array(found).T
    assert len(found) == 44
    assert alike.mean() > 0.82 and alike.min() > 0.5
    assert covered.mean() > 0.97 and covered.min() > 0.85


def test_published_boxes_of_resized_films_are_shares_of_them(shared_data: Path) -> None:
    file = shared_data / "ieee8023" / "annotations" / "imageannotation_ai_lung_bounding_boxes.json"
    films = sorted(path for name in read_boxes(file) if (path := shared_data / "ieee8023" / "images" / name).is_file())
    found = find_lungs(films[:20], boxes=file)
    assert len(found) == 20
    assert all(overlap(box, (0.1, 0.07, 0.86, 0.92))[0] > 0.4 for box in found.values())
