"""Any folder of class folders, and every way in which a folder describes nothing."""

import os
from pathlib import Path

import pytest
from covid_trees import kermany_tree
from planting import plant

from embedlearn.errors import ImageError, ManifestError
from embedlearn.radiographs.layouts import LAYOUTS, read_data
from embedlearn.radiographs.layouts.listing import SUFFIXES
from embedlearn.radiographs.manifest import COLUMNS
from embedlearn.radiographs.reading import read_film


def test_class_folders(tmp_path: Path) -> None:
    plant(tmp_path / "mine", ["COVID/b.png", "COVID/a.png", "Normal/deep/c.JPG", "Normal/notes.txt", "Normal/.d.png"])
    manifest = read_data(tmp_path / "mine")
    assert tuple(manifest.frame.columns) == COLUMNS
    assert [path.name for path in manifest.paths] == ["a.png", "b.png", "c.JPG"]
    assert all(path.is_absolute() and path.exists() for path in manifest.paths)
    assert manifest.frame["label"].tolist() == ["covid-19", "covid-19", "healthy"]
    assert manifest.counts("source") == {"mine": 3}
    assert manifest.frame["patient"].isna().all()
    assert manifest.notes[0].startswith("mine names no patients for 3 of 3 films: ")


def test_the_users_names_go_first(tmp_path: Path) -> None:
    plant(tmp_path, ["sick/a.png", "well/b.png", "COVID/c.png"])
    manifest = read_data(tmp_path, names={"SICK": "pneumonia", "covid": "corona"})
    assert manifest.counts() == {"corona": 1, "pneumonia": 1, "well": 1}


def test_every_suffix_of_an_image_in_either_case(tmp_path: Path) -> None:
    plant(tmp_path, [f"one/{number}{suffix}" for number, suffix in enumerate(SUFFIXES)])
    plant(tmp_path, [f"two/{number}{suffix.upper()}" for number, suffix in enumerate(SUFFIXES)])
    plant(tmp_path, ["one/a.csv", "one/b.npy", "one/png", "two/.hidden.png"])
    assert read_data(tmp_path).counts() == {"one": len(SUFFIXES), "two": len(SUFFIXES)}


def test_a_published_split_of_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, ["train/Covid/a.png", "train/Normal/b.png", "valid/Covid/c.png", "test/Normal/d.png"])
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 2}
    assert manifest.counts("published_split") == {"test": 1, "train": 2, "val": 1}
    assert manifest.frame["split"].isna().all()
    assert any("published_split" in note for note in manifest.notes)


def test_masks_are_no_films(tmp_path: Path) -> None:
    plant(tmp_path, ["COVID/images/a.png", "COVID/masks/a.png", "Normal/images/b.png", "Normal/masks/b.png"])
    assert [path.parent.name for path in read_data(tmp_path).paths] == ["images", "images"]


@pytest.mark.parametrize("place", ["my_dataset", "archive/my dataset"])
def test_class_folders_in_a_folder_around_them(tmp_path: Path, place: str) -> None:
    plant(tmp_path / "wr" / place, ["covid/a.png", "normal/b.png"])
    plant(tmp_path / "wr" / "code", ["train.py"])
    manifest = read_data(tmp_path / "wr")
    assert manifest.counts() == {"covid-19": 1, "healthy": 1}
    assert manifest.counts("source") == {"wr": 2}
    assert any(f"the classes are the folders in {place}, " in note for note in manifest.notes)


def test_a_published_set_in_folders_around_it(tmp_path: Path) -> None:
    kermany_tree(tmp_path / "archive" / "children")
    with pytest.raises(ManifestError, match="got a folder of sets; give .*archive/children/chest_xray, or"):
        read_data(tmp_path)


def test_a_class_of_folders_is_a_class(tmp_path: Path) -> None:
    plant(tmp_path, ["COVID/2020/a.png", "COVID/2021/b.png"])
    assert read_data(tmp_path).counts() == {"covid-19": 2}


@pytest.mark.parametrize(
    ("names", "part", "missing"),
    [
        (["images_001/images/a.png", "images_002/images/b.png"], "images_001", r"Data_Entry_2017\.csv"),
        (["train/patient00001/study1/a.jpg", "train/patient00002/study1/a.jpg"], "patient00001", r"train\.csv"),
        (["C/train/patient00001/study1/a.jpg", "C/valid/patient00002/study1/a.jpg"], "patient00001", r"train\.csv"),
        (["png/a.png", "nii/readme.md"], "png", r"data\.csv"),
        (["stage_2_train_images/a.png"], "stage_2_train_images", r"stage_2_train_labels\.csv"),
    ],
)
def test_parts_of_published_sets_are_no_classes(tmp_path: Path, names: list[str], part: str, missing: str) -> None:
    plant(tmp_path, names)
    with pytest.raises(ManifestError, match=rf"wanted class folders, got {part}, a part of .*; put {missing}"):
        read_data(tmp_path)


def test_films_beside_the_classes_are_noted(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png", "two/b.png", "overview.png"])
    manifest = read_data(tmp_path)
    assert len(manifest) == 2
    assert any("1 films beside the class folders" in note and "overview.png" in note for note in manifest.notes)


def test_a_circle_of_links_is_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png", "two/b.png"])
    (tmp_path / "three").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "one" / "again").symlink_to(tmp_path, target_is_directory=True)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"one": 1, "two": 1}
    assert any("2 links to folders were not followed, the first is one/again" in note for note in manifest.notes)


def test_a_link_to_itself_is_a_film_that_cannot_be_read(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png", "two/b.png"])
    (tmp_path / "one" / "loop.png").symlink_to("loop.png")
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"one": 2, "two": 1}
    with pytest.raises(ImageError, match=r"loop\.png: wanted a PNG.* got .*symbolic links; check the path"):
        read_film(manifest.paths[1])


def test_linked_films_are_films(tmp_path: Path) -> None:
    plant(tmp_path, ["elsewhere/a.png"])
    (tmp_path / "set" / "one").mkdir(parents=True)
    (tmp_path / "set" / "one" / "film.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert len(read_data(tmp_path / "set")) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([".hidden"], "got an empty folder; check the path"),
        (["a.png", "b.png"], r"2 films side by side, such as a\.png; sort them"),
        (["one/a.txt", "two/b.txt"], r"wanted image files \(png jpg .*got none in one or any other"),
        (["images/a.png", "masks/a.png"], "wanted class folders .*, got none; check the path"),
        (["images/a.png", "metadata.csv"], r"give the table itself: .*metadata\.csv --columns"),
    ],
)
def test_a_folder_that_describes_nothing(tmp_path: Path, names: list[str], message: str) -> None:
    plant(tmp_path / "mine", names)
    with pytest.raises(ManifestError, match=f"mine: .*{message}"):
        read_data(tmp_path / "mine")


def test_a_folder_of_sets(tmp_path: Path) -> None:
    plant(tmp_path, ["sets/COVID/a.png"])
    kermany_tree(tmp_path / "k")
    with pytest.raises(ManifestError, match="got a folder of sets; give .*k, or folders:"):
        read_data(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere: .*nothing there; check the path"):
        read_data(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        ManifestError, match=f"{tmp_path.name}: .*Permission denied; check the path and its permissions"
    ):
        read_data(tmp_path)


# LAYOUT:PATH.


def test_a_layout_may_be_named(tmp_path: Path) -> None:
    kermany_tree(tmp_path)
    assert read_data(f"kermany:{tmp_path}").frame["patient"].notna().all()
    assert read_data(f"folders:{tmp_path}").frame["patient"].isna().all()


def test_a_name_that_is_no_layout() -> None:
    with pytest.raises(
        ManifestError, match=r"kermani:/data: .*one of .*ieee8023, .* kermany, .* before the colon, got kermani"
    ):
        read_data("kermani:/data")


def test_a_folder_that_is_not_laid_out_as_named(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png"])
    with pytest.raises(ManifestError, match=r"wanted the layout kermany \(.*NORMAL.*leave kermany: out"):
        read_data(f"kermany:{tmp_path}")
    (tmp_path / "file.csv").touch()
    with pytest.raises(ManifestError, match=r"file\.csv: wanted a folder laid out as kermany, got a file"):
        read_data(f"kermany:{tmp_path}/file.csv")


def test_a_path_with_a_colon_that_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path / "kermany:films", ["one/a.png"])
    monkeypatch.chdir(tmp_path)
    assert read_data("kermany:films").counts("source") == {"kermany:films": 1}


def test_names_are_distinct() -> None:
    assert len({layout.NAME for layout in LAYOUTS}) == len(LAYOUTS)
