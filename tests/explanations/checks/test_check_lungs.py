"""Lungs: outlines go through the geometry of their films, and evidence beside them is seen."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ManifestError
from embedlearn.explanations.checks.lungs import (
    MISFIT,
    STANDING,
    WELL,
    LungFilms,
    ask_lungs,
    check_lungs,
    read_lung_boxes,
    read_lung_masks,
)
from embedlearn.explanations.checks.question import CheckedNetwork, Question, ask_of
from embedlearn.explanations.checks.verdict import Verdict
from embedlearn.explanations.geometry import to_grid
from embedlearn.explanations.methods import METHODS
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

SETTINGS = Preprocessing(size=48, border=0.05)
CASES = {f"film{number}": (120 + 10 * number, 150) for number in range(6)}


def lungs_of(height: int, width: int, shift: int) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[30:90, 20 + shift : 55 + shift] = 255
    mask[30:90, 80 + shift : 120 + shift] = 255
    return mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Films whose pixels are their own lungs, and masks of other formats."""
    for number, (name, sides) in enumerate(CASES.items()):
        mask = lungs_of(*sides, number)
        for place, ending, picture in (("images", "png", 40 + mask // 2), ("masks", "png", mask)):
            (tmp_path / place).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / place / f"{name}.{ending}")
    Image.fromarray(lungs_of(150, 150, 0)).save(tmp_path / "images" / "unmasked.png")
    return tmp_path


def boxes_of(folder: Path, **changes: object) -> Path:
    """Boxes in pixels of films twice as large."""
    images, notes = [], []
    for number, (name, (height, width)) in enumerate(CASES.items()):
        entry = {"id": number, "file_name": f"{name}.png", "height": 2 * height, "width": 2 * width}
        images.append({**entry, "metadata": {"patientid": str(number // 2)}, **(changes if number == 0 else {})})
        for left, right in ((20, 55), (80, 120)):
            box = [2 * (left + number), 60, 2 * (right - left), 120]
            notes.append({"image_id": number, "bbox": box, "id": len(notes), "category_id": 1})
    path = folder / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": notes}))
    return path


def test_masks_lie_where_the_film_shows_the_lungs(folder: Path) -> None:
    found = read_lung_masks(folder, SETTINGS)
    assert [path.stem for path in found.paths] == list(CASES) and len(set(found.cases.tolist())) == 6
    for film, covered in zip(found.films, found.covered, strict=True):
        assert np.abs((film.astype(float) - 40) / 127 - covered).mean() < 0.02


def test_films_of_one_patient_are_one_case(folder: Path) -> None:
    found = read_lung_masks(folder, SETTINGS, {"film0.png": "7", "film4.png": "7"})
    assert found.patients == ("7", "", "", "", "7", "") and found.cases[0] == found.cases[4]
    (folder / "metadata.csv").write_text("patientid,filename\n3,film1.png\n3,film2.png\n")
    cases = read_lung_masks(folder, SETTINGS).cases
    assert cases[1] == cases[2] and len(set(cases.tolist())) == 5


def test_films_that_stand_for_a_class_and_healthy_ones_are_not_asked(folder: Path) -> None:
    found = read_lung_masks(folder, SETTINGS)
    network = CheckedNetwork(Encoder(Architecture(dimension=4)).eval(), SETTINGS)
    support = {"healthy": found.films[:1], "ill": found.films[1:2]}
    question = Question(found.films, found.cases, [], [], support, known=found.cases[:2])
    answers = ask_of(network, found.films[2:], found.cases[2:], support).first
    assert set(answers) == {"healthy", "ill"}
    (verdict,) = ask_lungs(network, found, question, {"exact": METHODS["exact"]})
    assert verdict.n == answers.count("ill")
    assert f"2 {STANDING}, {answers.count('healthy')} {WELL}" in verdict.sentence
    (none,) = ask_lungs(network, found, replace(question, known=found.cases), {"exact": METHODS["exact"]})
    assert none.passed is None and f"6 {STANDING}" in none.sentence


def test_boxes_of_the_original_size_are_the_masks_of_the_films_as_they_are(folder: Path) -> None:
    boxes, masks = read_lung_boxes(boxes_of(folder), folder / "images", SETTINGS), read_lung_masks(folder, SETTINGS)
    assert np.abs(boxes.covered - masks.covered).mean() < 0.005
    assert boxes.cases.tolist() == [0, 0, 1, 1, 2, 2] and not boxes.left_out
    plain = preprocess(np.kron(lungs_of(*CASES["film3"], 3), np.ones((2, 2), np.uint8)), SETTINGS)
    assert np.abs(boxes.covered[3] - plain / 255).mean() < 0.01


def test_a_film_that_was_cropped_since_is_left_out_and_told(folder: Path) -> None:
    found = read_lung_boxes(boxes_of(folder, height=400), folder / "images", SETTINGS)
    assert len(found.films) == 5 and found.left_out == {MISFIT: 1}
    assert f"left out: 1 {MISFIT}" in judged(found, found.covered).sentence


def test_files_that_are_no_outlines_are_refused(folder: Path) -> None:
    with pytest.raises(ManifestError, match="name their folder"):
        read_lung_boxes(boxes_of(folder), folder / "masks" / "nowhere", SETTINGS)
    (folder / "boxes.json").write_text("[]")
    with pytest.raises(ManifestError, match=r"boxes\.json"):
        read_lung_boxes(folder / "boxes.json", folder / "images", SETTINGS)
    with pytest.raises(ManifestError, match="images"):
        read_lung_masks(folder / "masks", SETTINGS)


def judged(found: LungFilms, squares: np.ndarray) -> Verdict:
    """The verdict on maps that are the means of `squares` over 6 x 6 cells."""
    encoder = Encoder(Architecture(dimension=4)).eval()
    count = len(found.films)
    support = dict.fromkeys("ab", found.films[:2])
    asked = Question(found.films, found.cases, ["a"] * count, ["b"] * count, support).put_to(
        CheckedNetwork(encoder, SETTINGS)
    )
    maps = np.stack([to_grid(square, 6, 6, asked.network.lag) for square in squares])
    (verdict,) = check_lungs(asked, found, {"map": maps})
    return verdict


def test_evidence_in_the_lungs_passes_and_evidence_beside_them_fails(folder: Path) -> None:
    found = read_lung_masks(folder, SETTINGS)
    right = judged(found, found.covered)
    assert right.passed and right.n == 6 and right.check == "lungs, masks"
    assert judged(found, 1 - found.covered).passed is False
    assert judged(found, np.ones_like(found.covered)).passed is False
    assert judged(found, -found.covered).passed is False
    assert judged(found, found.covered.transpose(0, 2, 1)).value < right.value / 2


def test_real_masks_and_boxes_are_read(shared_data: Path) -> None:
    settings = Preprocessing(size=96)
    masks = read_lung_masks(shared_data / "lungmasks", settings)
    assert len(masks.films) == 44 and 0.2 < masks.covered.mean() < 0.45
    folder = shared_data / "ieee8023"
    boxes = read_lung_boxes(next((folder / "annotations").glob("*.json")), folder / "images", settings)
    assert len(boxes.films) == 154 and boxes.left_out == {MISFIT: 3}
    assert len(set(boxes.cases.tolist())) < 154
    middle, edge = boxes.covered[:, 30:60, 20:76].mean(), boxes.covered[:, :, :4].mean()
    assert middle > 0.8 > 0.4 > edge
