"""The COVID-19 Radiography Database (Chowdhury et al. 2020, IEEE Access 8:132665), of which three forms are about.

Its films come from other collections, a class mostly from one or two; workbooks beside the class folders say which.
A film's `source` is that collection ("radiography/rsna"): it, and not the database, is what a film's look betrays.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.listing import films_below, home, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.layouts.rows import read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "radiography"
TREE = "{COVID,Normal,Viral Pneumonia}, perhaps with Lung_Opacity, each with films or images/ and masks/"
CLASSES = (("covid", "covid 19"), ("normal",), ("viral pneumonia",), ("lung opacity",))
REQUIRED = CLASSES[:3]
WRAPPERS = ("COVID-19_Radiography_Dataset", "COVID-19 Radiography Database", "COVID-19_Radiography_Database")
FILM = re.compile(r"(covid( 19)?|normal|lung opacity|viral pneumonia) \d+")

# What stands in the address of a collection, and the name that the toolkit has for it.
COLLECTIONS = {
    "bimcv": "bimcv",
    "covid-19-image-repository": "hannover",
    "sirm.org": "sirm",
    "eurorad": "eurorad",
    "ieee8023": "ieee8023",
    "covid-cxnet": "covidcxnet",
    "rsna-pneumonia": "rsna",
    "chest-xray-pneumonia": "kermany",
}


def recognises(folder: Path) -> bool:
    """Whether `folder`, or a folder named as the database inside it, holds its classes and its names of films."""
    return home(folder, _fits, WRAPPERS) is not None


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film; `source` is the collection it was taken from where a workbook says so, else the database.

    Raises `ManifestError` where there is no film or a workbook cannot be read.
    """
    root = home(folder, _fits, WRAPPERS) or folder
    workbooks = _workbooks(root)
    rows: list[dict[str, object]] = []
    for inner in _class_folders(root).values():
        address = _addresses(workbooks[_key(inner.name)]) if _key(inner.name) in workbooks else {}
        for film in films_below(inner):
            collection = collection_of(address.get(_key(film.stem), ""))
            source = f"{NAME}/{collection}" if collection else NAME
            rows.append({"path": film, "label": canonical_label(inner.name, names), "source": source})
    unknown = [Path(str(row["path"])).name for row in rows if row["source"] == NAME]
    notes = left_out_note(NAME, "films are of a collection that no metadata.xlsx tells", unknown)
    notes.append(
        f"{NAME} names no patients: near-identical pictures stand in for them, "
        "so two different films of one patient may fall on both sides of a split"
    )
    return build_manifest(rows, NAME, notes)


def collection_of(address: str) -> str:
    """The collection at an address: its own name where it has one here, else the host's; "" for no address."""
    known = next((name for part, name in COLLECTIONS.items() if part in address.lower()), None)
    return known or (urlsplit(address).hostname or "").removeprefix("www.")


def _key(name: str) -> str:
    """A name as the set's folders, films and workbooks all spell it: "COVID (1)", "COVID-1" -> "covid 1"."""
    return " ".join(re.sub(r"[\s()_-]+", " ", name).lower().split())


def _class_folders(folder: Path) -> dict[str, Path]:
    wanted = [name for spellings in CLASSES for name in spellings]
    return {_key(inner.name): inner for inner in subfolders(folder) if _key(inner.name) in wanted}


def _fits(folder: Path) -> bool:
    """Whether the three classes of all releases are there and the COVID-19 films have the set's names."""
    found = _class_folders(folder)
    if not all(any(name in found for name in spellings) for spellings in REQUIRED):
        return False
    covid = next(found[name] for name in REQUIRED[0] if name in found)
    return any(FILM.fullmatch(_key(film.stem)) for film in films_below(covid))


def _workbooks(folder: Path) -> dict[str, Path]:
    """The workbook of each class; one release spells it "matadata"."""
    return {_key(path.name.split(".")[0]): path for path in sorted(folder.glob("*.m[ea]tadata.xlsx"))}


def _addresses(workbook: Path) -> dict[str, str]:
    """The address of each film that a workbook lists; it writes NORMAL-1 for Normal-1.png."""
    return {_key(row.get("FILE NAME", "")): row.get("URL", "") for row in read_rows(workbook).values()}
