"""Phantom films in the folders and under the names of published sets: what a row runs on when it is to be quick.

As in those sets, films of COVID-19 come from another scanner than the rest wherever they come from another collection.
"""

from __future__ import annotations

import csv
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice
from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.phantom import SOURCES, draw_film
from embedlearn.radiographs.phantom.film import view_of
from experiments.systems.workbook import write_workbook

SIDE = 96  # pixels
MOST = 3  # films of a patient
OLD, NEW = SOURCES


class Person(NamedTuple):
    """A patient: a number from 0, the class in the set's own words, and the view of each film."""

    number: int
    word: str
    views: tuple[str, ...]


class Planted(NamedTuple):
    """A film of a person: its path in the set, and the scanner it comes from."""

    path: str
    person: Person
    film: int
    source: str


Maker = Callable[[Path, Sequence[Person]], Iterator[Planted]]


@dataclass(frozen=True)
class Set:
    """A published set: what a film of each class shows, in the order in which patients are dealt, and its maker."""

    shows: Mapping[str, tuple[str, ...]]
    make: Maker


def plant(layout: str, folder: Path, *, patients: int, seed: int) -> Path:
    """Write the films and tables of `patients` patients into `folder` as that set has them; `folder` itself.

    Patient i is of class i modulo the number of classes and has one to `MOST` films. The same arguments make the same
    files. Raises `ArgumentError` for a layout that is not known or too few patients.
    """
    require_choice("layout", layout, tuple(SETS))
    chosen = SETS[layout]
    if patients < (least := 2 * len(chosen.shows)):
        raise ArgumentError(f"patients: wanted {least} or more, two a class of {layout}, got {patients}")
    own = int(np.random.SeedSequence([seed, list(SETS).index(layout)]).generate_state(1)[0])
    for planted in chosen.make(folder, _people(tuple(chosen.shows), patients, own)):
        path = folder / planted.path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_drawn(planted, chosen.shows[planted.person.word], own)).save(path)
    return folder


def _people(words: Sequence[str], patients: int, seed: int) -> list[Person]:
    films = np.random.default_rng(seed).integers(1, MOST, patients, endpoint=True).tolist()
    return [
        Person(number, words[number % len(words)], tuple(view_of(seed, number, film) for film in range(count)))
        for number, count in enumerate(films)
    ]


def _drawn(planted: Planted, shows: Sequence[str], seed: int) -> NDArray[np.uint8]:
    """The film, uint8 [SIDE, SIDE]: what each disease adds to the healthy film, added up."""

    def draw(label: str) -> NDArray[np.int64]:
        film = draw_film(
            label, seed=seed, patient=planted.person.number, film=planted.film, source=planted.source, size=SIDE
        )
        return film.astype(np.int64)

    added = sum((draw(label) for label in shows[1:]), start=draw(shows[0]))
    return np.clip(added - (len(shows) - 1) * draw(HEALTHY) if len(shows) > 1 else added, 0, 255).astype(np.uint8)


def _films(people: Sequence[Person]) -> Iterator[tuple[Person, int]]:
    return ((person, film) for person in people for film in range(len(person.views)))


def _sandrofab(_: Path, people: Sequence[Person]) -> Iterator[Planted]:
    for person, film in _films(people):
        name = _collected(person, film) if person.word == "COVID" else _paediatric(person, film)
        source = NEW if person.word == "COVID" else OLD
        yield Planted(f"dataset_for_classification/{person.word}/{name}", person, film, source)


def _darkcovidnet(_: Path, people: Sequence[Person]) -> Iterator[Planted]:
    for person, film in _films(people):
        covid = person.word == "Covid-19"
        name = _collected(person, film) if covid else f"{person.number:08d}_{film:03d}.jpg"
        yield Planted(f"X-Ray Image DataSet/{person.word}/{name}", person, film, NEW if covid else OLD)


def _kermany(_: Path, people: Sequence[Person]) -> Iterator[Planted]:
    for person, film in _films(people):
        split = {1: "test", 3: "val"}.get(person.number // len(KERMANY) % 5, "train")
        inner = "NORMAL" if person.word == "NORMAL" else "PNEUMONIA"
        yield Planted(f"chest_xray/{split}/{inner}/{_paediatric(person, film)}", person, film, OLD)


def _paediatric(person: Person, film: int) -> str:
    """A film's name in Kermany's set: of a patient and a picture, or of an examination."""
    if (subtype := {"BACTERIA": "bacteria", "VIRAL": "virus"}.get(person.word)) is not None:
        return f"person{1000 + person.number}_{subtype}_{2931 + MOST * person.number + film}.jpeg"
    again = f"-{film + 1:04d}" if len(person.views) > 1 else ""
    return f"{'NORMAL2-' * (person.number % 2)}IM-{145 + person.number:04d}-0001{again}.jpeg"


def _collected(person: Person, film: int) -> str:
    """A film's name in the COVID-19 image data collection, which tells no patient."""
    return f"covid-19-pneumonia-{person.number}-day-{film}.{('jpeg', 'jpg', 'png')[person.number % 3]}"


def _radiography(folder: Path, people: Sequence[Person]) -> Iterator[Planted]:
    """The release of 2021: films, masks, and workbooks that say where a film comes from; a name tells no patient."""
    root = "COVID-19_Radiography_Dataset"
    listed: dict[str, list[tuple[str, ...]]] = {word: [("FILE NAME", "FORMAT", "SIZE", "URL")] for word in RADIOGRAPHY}
    for person, film in _films(people):
        name = f"{person.word}-{len(listed[person.word])}"
        addresses = COLLECTIONS[person.word]
        spelt = name.upper() if person.word == "Normal" else name
        address = addresses[person.number // len(RADIOGRAPHY) % len(addresses)]
        listed[person.word].append((spelt, "PNG", "256*256", address))
        mask = folder / root / person.word / "masks" / f"{name}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_lungs()).save(mask)
        yield Planted(f"{root}/{person.word}/images/{name}.png", person, film, NEW if person.word == "COVID" else OLD)
    for word, rows in listed.items():
        write_workbook(folder / root / f"{word}.metadata.xlsx", rows)


def _radiography_v3(_: Path, people: Sequence[Person]) -> Iterator[Planted]:
    """The release of 1,200 films of COVID-19: three classes, the films beside each other, numbers in brackets."""
    count: Counter[str] = Counter()
    for person, film in _films(people):
        count[person.word] += 1
        name = f"{person.word}/{person.word} ({count[person.word]}).png"
        source = NEW if person.word == "COVID" else OLD
        yield Planted(f"COVID-19 Radiography Database/{name}", person, film, source)


@functools.cache
def _lungs() -> NDArray[np.uint8]:
    """A mask, uint8 [256, 256]: two ellipses where lungs about are, for every film the same."""
    down, across = np.mgrid[-1:1:256j, -1:1:256j]
    inside = ((np.abs(across) - 0.42) / 0.28) ** 2 + ((down + 0.05) / 0.65) ** 2 < 1
    return np.where(inside, 255, 0).astype(np.uint8)


def _ieee8023(folder: Path, people: Sequence[Person]) -> Iterator[Planted]:
    columns = ("patientid", "offset", "sex", "age", "finding", "view", "modality", "folder", "filename", "license")
    rows = []
    for person, film in _films(people):
        name = f"{person.number:04d}-day-{film}.png"
        sex, age = "MF"[person.number % 2], str(30 + person.number % 50)
        rows.append(
            (str(person.number), str(film), sex, age, person.word, person.views[film], "X-ray", "images", name, "CC BY")
        )
        yield Planted(f"images/{name}", person, film, SOURCES[person.number // len(IEEE8023) % 2])
    _write_table(folder / "metadata.csv", [columns, *rows])


def _chestxray14(folder: Path, people: Sequence[Person]) -> Iterator[Planted]:
    rows: list[Sequence[str]] = []
    lists: dict[str, list[Sequence[str]]] = {"train_val_list.txt": [], "test_list.txt": []}
    for person, film in _films(people):
        name = f"{person.number + 1:08d}_{film:03d}.png"
        sex, age = "MF"[person.number % 2], str(30 + person.number % 50)
        who = (str(film), str(person.number + 1), age, sex, person.views[film])
        rows.append((name, person.word, *who, "2500", "2048", "0.168", "0.168", ""))
        lists["test_list.txt" if person.number // len(CHESTXRAY14) % 4 == 1 else "train_val_list.txt"].append((name,))
        part = 1 + (2 * person.number >= len(people))
        yield Planted(f"images_{part:03d}/images/{name}", person, film, SOURCES[person.number // len(CHESTXRAY14) % 2])
    _write_table(folder / "Data_Entry_2017.csv", [NIH_COLUMNS.split(","), *rows])
    for file, names in lists.items():
        _write_table(folder / file, names)


def _write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


NIH_COLUMNS = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
RSNA = "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/data"
PAEDIATRIC = "https://www.kaggle.com/paultimothymooney/chest-xray-pneumonia"
COLLECTIONS = {
    "COVID": ("https://sirm.org/category/senza-categoria/covid-19/", "https://github.com/armiro/COVID-CXNet"),
    "Normal": (RSNA, PAEDIATRIC),
    "Lung_Opacity": (RSNA,),
    "Viral Pneumonia": (PAEDIATRIC,),
}
SANDROFAB = {"BACTERIA": (BACTERIAL,), "COVID": (COVID,), "NORMAL": (HEALTHY,), "VIRAL": (VIRAL,)}
DARKCOVIDNET = {"Covid-19": (COVID,), "No_findings": (HEALTHY,), "Pneumonia": (BACTERIAL,)}
KERMANY = {"NORMAL": (HEALTHY,), "BACTERIA": (BACTERIAL,), "VIRAL": (VIRAL,)}
RADIOGRAPHY = {"COVID": (COVID,), "Normal": (HEALTHY,), "Lung_Opacity": (BACTERIAL,), "Viral Pneumonia": (VIRAL,)}
RADIOGRAPHY_V3 = {"COVID": (COVID,), "NORMAL": (HEALTHY,), "Viral Pneumonia": (VIRAL,)}
IEEE8023 = {
    "Pneumonia/Viral/COVID-19": (COVID,),
    "No Finding": (HEALTHY,),
    "Pneumonia/Bacterial/Streptococcus": (BACTERIAL,),
    "Pneumonia/Viral/SARS": (VIRAL,),
}
CHESTXRAY14 = {
    "No Finding": (HEALTHY,),
    "Infiltration": (VIRAL,),
    "Consolidation": (BACTERIAL,),
    "Edema": (COVID,),  # soft patches in both lungs
    "Consolidation|Infiltration": (BACTERIAL, VIRAL),
}
SETS = {
    "sandrofab": Set(
        {"BACTERIA": (BACTERIAL,), "COVID": (COVID,), "NORMAL": (HEALTHY,), "VIRAL": (VIRAL,)}, _sandrofab
    ),
    "darkcovidnet": Set({"Covid-19": (COVID,), "No_findings": (HEALTHY,), "Pneumonia": (BACTERIAL,)}, _darkcovidnet),
    "radiography": Set(RADIOGRAPHY, _radiography),
    "radiography-v3": Set(RADIOGRAPHY_V3, _radiography_v3),
    "ieee8023": Set(IEEE8023, _ieee8023),
    "kermany": Set(KERMANY, _kermany),
    "chestxray14": Set(CHESTXRAY14, _chestxray14),
}
