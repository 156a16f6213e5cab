"""Phantoms laid out as published sets: read as that set, with the labels and patients that were dealt."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.layouts import layout_of, read_data
from embedlearn.radiographs.phantom import SOURCES
from experiments.systems.layouts import MOST, SETS, SIDE, Person, Planted, _drawn, plant

PATIENTS = 21  # no multiple of any number of classes
# What each set's classes are read as, in the order in which patients are dealt to them.
LABELS = {
    "sandrofab": ["pneumonia/bacterial", "covid-19", "healthy", "pneumonia/viral"],
    "darkcovidnet": ["covid-19", "healthy", "pneumonia"],
    "radiography": ["covid-19", "healthy", "lung opacity", "pneumonia/viral"],
    "radiography-v3": ["covid-19", "healthy", "pneumonia/viral"],
    "ieee8023": ["covid-19", "healthy", "pneumonia/bacterial/streptococcus", "pneumonia/viral/sars"],
    "kermany": ["healthy", "pneumonia/bacterial", "pneumonia/viral"],
    "chestxray14": ["healthy", "infiltration", "consolidation", "edema", "consolidation|infiltration"],
}
NAMELESS = {"sandrofab": {"covid-19"}, "darkcovidnet": {"covid-19"}}  # their other films tell patients
PUBLISHED = {
    "sandrofab/BACTERIA": r"person\d+_bacteria_\d+\.jpeg",
    "sandrofab/VIRAL": r"person\d+_virus_\d+\.jpeg",
    "sandrofab/NORMAL": r"(NORMAL2-)?IM-\d{4}-\d{4}(-\d{4})?\.jpeg",
    "darkcovidnet/No_findings": r"\d{8}_\d{3}\.jpg",
    "radiography/images": r"(COVID|Normal|Lung_Opacity|Viral Pneumonia)-\d+\.png",
    "radiography-v3/COVID": r"COVID \(\d+\)\.png",
    "kermany/PNEUMONIA": r"person\d+_(bacteria|virus)_\d+\.jpeg",
    "chestxray14/images": r"\d{8}_\d{3}\.png",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for name in SETS:
        plant(name, folder / name, patients=PATIENTS, seed=4)
    return folder


@pytest.mark.parametrize("name", LABELS)
def test_the_set_is_known_by_its_folders_and_holds_what_was_dealt(planted: Path, name: str) -> None:
    assert layout_of(planted / name)[0] == name.removesuffix("-v3")
    frame = read_data(planted / name).frame
    frame["said"] = frame["labels"] if "labels" in frame else frame["label"]
    dealt = Counter(LABELS[name][number % len(LABELS[name])] for number in range(PATIENTS))
    if name.startswith("radiography"):  # it names no patients, and numbers the films of a class
        assert frame["patient"].isna().all()
        assert set(frame["said"]) == set(dealt)
        for label, films in frame.groupby("said"):
            assert dealt[label] < len(films) <= MOST * dealt[label]
            assert {re.findall(r"\d+", Path(path).stem)[-1] for path in films["path"]} == {
                str(number) for number in range(1, len(films) + 1)
            }
        return
    named = frame.dropna(subset="patient")
    people = named.groupby("patient")
    assert people["said"].nunique().eq(1).all()
    assert people.size().between(1, MOST).all() and people.size().nunique() > 1
    nameless = NAMELESS.get(name, set())
    assert set(frame["said"][frame["patient"].isna()]) == nameless
    assert Counter(people["said"].first()) == {label: n for label, n in dealt.items() if label not in nameless}


@pytest.mark.parametrize("name", LABELS)
def test_every_film_of_the_folder_is_in_the_manifest(planted: Path, name: str) -> None:
    files = {path for path in (planted / name).rglob("*.*") if path.suffix in (".png", ".jpg", ".jpeg")}
    films = set(read_data(planted / name).paths)
    assert films == {path for path in files if path.parent.name != "masks"}
    for path in sorted(films)[:2]:
        with Image.open(path) as film:
            assert (film.mode, film.size) == ("L", (SIDE, SIDE))


@pytest.mark.parametrize("place", PUBLISHED)
def test_films_bear_the_names_that_the_set_gives(planted: Path, place: str) -> None:
    name, inner = place.split("/")
    names = [path.name for path in read_data(planted / name).paths if path.parent.name == inner]
    assert names
    assert all(re.fullmatch(PUBLISHED[place], film) for film in names)


def test_radiography_says_where_films_come_from_and_has_a_mask_of_each(planted: Path) -> None:
    manifest = read_data(planted / "radiography")
    frame = manifest.frame
    assert set(frame["source"][frame["label"] == "covid-19"]) == {"radiography/sirm", "radiography/covidcxnet"}
    assert set(frame["source"][frame["label"] == "lung opacity"]) == {"radiography/rsna"}
    assert "radiography" not in set(frame["source"])
    assert all((path.parent.with_name("masks") / path.name).is_file() for path in manifest.paths)


@pytest.mark.parametrize(("name", "sides"), [("kermany", {"train", "val", "test"}), ("chestxray14", {"train", "test"})])
def test_the_published_split_tears_no_patient(planted: Path, name: str, sides: set[str]) -> None:
    frame = read_data(planted / name).frame
    assert set(frame["published_split"]) == sides
    assert frame.groupby("patient")["published_split"].nunique().eq(1).all()


def test_chestxray14_lies_in_several_folders(planted: Path) -> None:
    films = read_data(planted / "chestxray14").paths
    assert {path.parent.parent.name for path in films} == {"images_001", "images_002"}


def test_the_same_seed_makes_the_same_files_and_another_makes_others(tmp_path: Path, planted: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert digests(plant("radiography", tmp_path / "a", patients=PATIENTS, seed=4)) == digests(planted / "radiography")
    other = digests(plant("radiography", tmp_path / "b", patients=PATIENTS, seed=5))
    films = [path for path, digest in digests(planted / "radiography").items() if other.get(path) == digest]
    assert all("masks" in path or path.endswith(".xlsx") for path in films)


def test_no_two_films_are_alike_across_sets(planted: Path) -> None:
    films = [path for name in LABELS for path in read_data(planted / name).paths if path.suffix == ".png"]
    pixels = [np.asarray(Image.open(path)).tobytes() for path in films]
    assert len(set(pixels)) == len(films)


def test_a_film_of_two_findings_shows_both() -> None:
    film = Planted("", Person(3, "", ("PA",)), 0, SOURCES[0])
    bacterial, viral = ("pneumonia/bacterial",), ("pneumonia/viral",)
    shown = [_drawn(film, shows, 0).astype(int) for shows in (("healthy",), bacterial, viral, bacterial + viral)]
    healthy, first, second, both = shown
    assert (both == np.clip(first + second - healthy, 0, 255)).all()
    assert (both != first).any() and (both != second).any()


def test_what_cannot_be_planted(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="layout: wanted sandrofab, .* got atlas"):
        plant("atlas", tmp_path, patients=20, seed=0)
    with pytest.raises(ArgumentError, match="patients: wanted 8 or more, two a class of sandrofab, got 7"):
        plant("sandrofab", tmp_path, patients=7, seed=0)
    assert not list(tmp_path.iterdir())
