"""Lungs are found beside their films, white or black, at any size; boxes follow the film's own size."""

import json

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ImageError, ManifestError
from embedlearn.radiographs.masks import LungBoxes, find_masks, lungs_of, read_boxes, read_mask
from embedlearn.radiographs.reading import read_film


def drawn(height=60, width=40):
    """Two unequal lungs that touch no side, bool [H, W]."""
    mask = np.zeros((height, width), bool)
    mask[height // 6 : -height // 6, width // 8 : 3 * width // 8] = True
    mask[height // 4 : -height // 6, 5 * width // 8 : -width // 8] = True
    return mask


def save(path, mask):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(path)
    return path


def coco(path, films):
    """`films`: name -> (height, width, boxes as left, top, width, height)."""
    images = [{"id": i, "file_name": n, "height": f[0], "width": f[1]} for i, (n, f) in enumerate(films.items())]
    notes = [{"image_id": i, "bbox": box} for i, film in enumerate(films.values()) for box in film[2]]
    path.write_text(json.dumps({"images": images, "annotations": notes}))
    return path


def test_masks_are_found_by_their_films_name(tmp_path):
    for name in ("a.png", "b.1.jpg", "c.JPEG", "d.png", "e.txt"):
        save(tmp_path / "new.png", drawn()).rename(tmp_path / name)
    found = find_masks(tmp_path, ["a", "b.1", "c", "e", "f"])
    assert {stem: path.name for stem, path in found.items()} == {"a": "a.png", "b.1": "b.1.jpg", "c": "c.JPEG"}
    assert find_masks(tmp_path, []) == {}


def test_what_is_no_folder_of_masks_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="nowhere: wanted a folder of masks"):
        find_masks(tmp_path / "nowhere", ["a"])
    save(tmp_path / "a.png", drawn())
    with pytest.raises(ManifestError, match=r"no mask of any film, such as b\.png"):
        find_masks(tmp_path, ["b", "c"])
    save(tmp_path / "a.jpg", drawn())
    with pytest.raises(ManifestError, match=r"a\.png: a\.jpg is a mask of the same film"):
        find_masks(tmp_path, ["a"])


@pytest.mark.parametrize("turned", [False, True], ids=["white lungs", "black lungs"])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_mask_is_read_at_its_own_size(tmp_path, turned, ending):
    mask = drawn()
    assert (read_mask(save(tmp_path / f"m.{ending}", mask ^ turned), 60, 40) == mask).mean() > 0.995


@pytest.mark.parametrize("times", [2, 3])
def test_a_mask_is_brought_to_its_film_by_nearest(tmp_path, times):
    mask = drawn()
    path = save(tmp_path / "m.png", mask)
    assert (read_mask(path, 60 * times, 40 * times) == np.kron(mask, np.ones((times, times), bool))).all()


def test_a_mask_of_another_shape_is_refused(tmp_path):
    path = save(tmp_path / "m.png", drawn(300, 200))
    read_mask(path, 602, 400)
    read_mask(path, 148, 100)
    with pytest.raises(ImageError, match=r"m\.png: wanted a mask shaped like its film of 310 x 200 .* got 300 x 200"):
        read_mask(path, 310, 200)
    with pytest.raises(ImageError, match="shaped like its film"):
        read_mask(path, 200, 300)


@pytest.mark.parametrize("grey", [0, 1, 255])
def test_a_mask_that_marks_nothing_is_refused(tmp_path, grey):
    Image.fromarray(np.full((60, 40), grey, np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(ImageError, match=rf"wanted lungs and the rest in black and white, got values {grey} to {grey}"):
        read_mask(tmp_path / "m.png", 60, 40)


def test_a_lung_may_touch_a_side():
    mask = drawn()
    mask[10:50, :15] = True
    grey = np.where(mask, np.uint8(200), np.uint8(10))
    assert (lungs_of(grey) == mask).all() and (lungs_of(255 - grey) == mask).all()


def test_boxes_follow_the_size_of_the_file_at_hand(tmp_path):
    path = coco(tmp_path / "b.json", {"a.png": (400, 200, [[20, 40, 60, 200], [110, 44, 80, 180]])})
    film = read_boxes(path)["a.png"]
    assert film == LungBoxes(400, 200, ((40, 20, 240, 80), (44, 110, 224, 190)))
    assert film.on(400, 200) == list(film.boxes)
    assert film.on(200, 100) == [(20, 10, 120, 40), (22, 55, 112, 95)]
    with pytest.raises(ManifestError, match="made on 400 x 200 pixels, got a film of 200 x 200"):
        film.on(200, 200)


def test_the_patient_is_read_with_the_boxes(tmp_path):
    path = coco(tmp_path / "b.json", {name: (40, 40, [[1, 2, 3, 4]]) for name in ("a.png", "b.png")})
    content = json.loads(path.read_text())
    content["images"][0]["metadata"] = {"patientid": 12}
    path.write_text(json.dumps(content))
    assert [film.patient for film in read_boxes(path).values()] == ["12", ""]


def test_films_without_numbers_for_their_boxes_are_left_out(tmp_path):
    films = {"a.png": (40, 40, [[None] * 4, [None] * 4]), "b.png": (40, 40, [[1, 2, 3, 4]]), "c.png": (40, 40, [])}
    assert list(read_boxes(coco(tmp_path / "b.json", films))) == ["b.png"]


@pytest.mark.parametrize("text", ["", "[1]", '{"images": []}', '{"images": [{"id": 1}], "annotations": []}'])
def test_what_is_no_coco_file_is_refused(tmp_path, text):
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(ManifestError, match=r"b\.json: wanted a COCO file"):
        read_boxes(tmp_path / "b.json")


def test_a_box_beyond_its_film_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"a\.png has a box beyond its 40 x 30 pixels"):
        read_boxes(coco(tmp_path / "b.json", {"a.png": (40, 30, [[5, 5, 30, 30]])}))
    with pytest.raises(ManifestError, match="cannot be read"):
        read_boxes(tmp_path / "none.json")


def test_real_masks_cover_the_boxes_of_the_same_films(shared_data):
    """Masks and boxes of one collection were made by different hands: they agree where both are read rightly."""
    annotations = next((shared_data / "ieee8023" / "annotations").glob("*.json"))
    boxes = read_boxes(annotations)
    films = {path.stem: path for path in sorted((shared_data / "lungmasks" / "images").iterdir())}
    masks = find_masks(shared_data / "lungmasks" / "masks", films)
    assert len(masks) == len(films) == 44
    inside, areas = [], []
    for stem, mask in list(masks.items())[::4]:
        height, width = read_film(films[stem]).shape
        lungs = read_mask(mask, height, width)
        areas.append(lungs.mean())
        if films[stem].name in boxes:
            boxed = np.zeros((height, width), bool)
            for top, left, bottom, right in boxes[films[stem].name].on(height, width):
                boxed[round(top) : round(bottom), round(left) : round(right)] = True
            inside.append(lungs[boxed].sum() / lungs.sum())
    assert min(areas) > 0.1 and max(areas) < 0.55
    assert len(inside) >= 3 and min(inside) > 0.8
