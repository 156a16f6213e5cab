"""Which films stay together: a patient's, and one picture under several names."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from embedlearn.radiographs import cases
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.cases import components, find_cases, find_twins, twin_groups
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import Manifest, build_manifest, join
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.thumbnails import thumbnails

SIZE = 96


def draw_film(seed: int, side: int = 300) -> NDArray[np.uint8]:
    """Soft blobs on a chest's two dark fields, uint8 [side, side]; another seed is another picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9), dtype=np.uint8)
    blobs = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    fields = np.abs(np.sin(np.linspace(0, 2 * np.pi, side)))
    film: NDArray[np.float64] = 255 - 0.5 * np.asarray(blobs) - 90 * fields
    return film.astype(np.uint8)


def shrunk(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(film).resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def as_jpeg(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "JPEG", quality=20)
    return np.asarray(Image.open(buffer))


def describe(patients: Sequence[str | None], sources: Sequence[str] | None = None) -> Manifest:
    sources = sources or ["set"] * len(patients)
    rows = [
        {"path": f"/{number}.png", "label": "healthy", "patient": patient, "source": source}
        for number, (patient, source) in enumerate(zip(patients, sources, strict=True))
    ]
    return build_manifest(rows, "set")


def pictures(*seeds: int) -> NDArray[np.uint8]:
    """Films uint8 [N, 96, 96]; equal seeds are equal pictures."""
    return np.stack([shrunk(draw_film(seed)) for seed in seeds])


COPIES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "resized": lambda film: np.asarray(Image.fromarray(film).resize((140, 140))),
    "enlarged": lambda film: np.asarray(Image.fromarray(film).resize((500, 500))),
    "encoded again as JPEG": as_jpeg,
    "brighter": lambda film: np.clip(film.astype(int) + 25, 0, 255).astype(np.uint8),
    "of less contrast": lambda film: (0.6 * film + 30).astype(np.uint8),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_changed_copy_is_a_twin(change: str) -> None:
    film = draw_film(0)
    pixels = np.stack([shrunk(film), shrunk(draw_film(1)), shrunk(COPIES[change](film))])
    assert find_twins(pixels) == [(0, 2)]


def test_different_films_are_no_twins() -> None:
    assert find_twins(pictures(*range(30))) == []


def test_blank_films_are_no_twins() -> None:
    assert find_twins(np.stack([np.full((SIZE, SIZE), grey, np.uint8) for grey in (0, 90, 90)])) == []


def test_twins_found_block_by_block_are_those_of_a_plain_double_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    base = pictures(*range(5)).astype(int)
    pixels = np.clip(base[rng.integers(0, 5, 17)] + rng.normal(0, 60, (17, SIZE, SIZE)), 0, 255).astype(np.uint8)
    flat = thumbnails(pixels, cases.THUMBNAIL).reshape(17, -1)
    alike = np.asarray(np.corrcoef(flat))
    plain = [(a, b) for a in range(17) for b in range(a + 1, 17) if alike[a, b] > 0.8]
    monkeypatch.setattr(cases, "BLOCK", 3)
    assert sorted(find_twins(pixels, 0.8)) == plain
    for row in (0, 1, 7, len(pixels) - 1, len(pixels)):
        assert sorted(find_twins(pixels, 0.8, against=row)) == [(a, b) for a, b in plain if b >= row]
    assert len(plain) > 10


def test_a_patients_films_are_one_case_within_a_source() -> None:
    manifest = describe(["1", "2", "1", "1"], ["a", "a", "a", "b"])
    found, twins = find_cases(manifest, pictures(0, 1, 2, 3))
    assert found.tolist() == [0, 1, 0, 2]
    assert found.dtype == np.int64
    assert twins == 0


def test_films_without_a_patient_stand_alone() -> None:
    found, _ = find_cases(describe([None, None, "1", None]), pictures(0, 1, 2, 3))
    assert found.tolist() == [0, 1, 2, 3]


def test_a_twin_joins_what_patients_keep_apart() -> None:
    found, twins = find_cases(describe(["1", None, "2"]), pictures(0, 1, 0))
    assert found.tolist() == [0, 1, 0]
    assert twins == 1


def test_a_patients_own_twins_are_not_counted() -> None:
    assert find_cases(describe(["1", "1"]), pictures(0, 0))[1] == 0


def test_cases_reach_over_patients_and_twins_in_turn() -> None:
    manifest = describe(
        ["9", "1", "1", "2", "2", None]
    )  # the pictures join 1 to 2, and 2 to the film without a patient
    found, twins = find_cases(manifest, pictures(0, 1, 2, 2, 3, 3))
    assert found.tolist() == [0, 1, 1, 1, 1, 1]
    assert twins == 2


def test_cases_are_numbered_as_they_appear() -> None:
    found, _ = find_cases(describe(["z", None, "a", "z", "b", "a"]), pictures(*range(6)))
    assert found.tolist() == [0, 1, 2, 0, 3, 2]


def test_cases_do_not_depend_on_the_order_of_films() -> None:
    patients = [None, "1", "1", "2", None, "3", "2", None]
    pixels = pictures(0, 1, 2, 3, 3, 4, 5, 4)
    together, _ = find_cases(describe(patients), pixels)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(8)
        shuffled, _ = find_cases(describe([patients[place] for place in order]), pixels[order])
        same = together[order][:, None] == together[order]
        assert np.array_equal(shuffled[:, None] == shuffled, same)


def test_two_public_sets_share_their_covid_films(shared_data: Path, tmp_path: Path) -> None:
    sets = join(read_data(shared_data / name) for name in ("sandrofab", "darkcovidnet"))
    sets = sets.where(sets.frame["label"] == "covid-19")
    pixels = open_films(sets.paths, Preprocessing(size=48), folder=tmp_path)[:]
    source = sets.frame["source"].to_numpy()
    across = [(a, b) for a, b in find_twins(pixels) if source[a] != source[b]]
    assert len(across) >= 40
    found, _ = find_cases(sets, pixels)
    assert all(found[a] == found[b] for a, b in across)


def test_films_that_look_the_same_share_a_number() -> None:
    pixels = np.stack([np.asarray(Image.fromarray(draw_film(seed)).resize((SIZE, SIZE))) for seed in (1, 2, 1, 3, 2)])
    groups = twin_groups(pixels)
    assert groups[0] == groups[2] and groups[1] == groups[4] and len(set(groups.tolist())) == 3


def test_components_are_numbered_as_they_appear() -> None:
    assert components([(3, 1), (4, 3)], 5).tolist() == [0, 1, 2, 1, 1]
    assert components(np.empty((0, 2), np.int64), 2).tolist() == [0, 1]
