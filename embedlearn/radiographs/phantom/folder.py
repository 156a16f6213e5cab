"""A folder of phantoms: written whole or not at all, and read back."""

import contextlib
import csv
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedlearn.errors import ArgumentError, ManifestError, StorageError
from embedlearn.files import write_json
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.phantom.film import LABELS, VERSION, check_numbers, draw_film, view_of
from embedlearn.radiographs.phantom.scanner import SOURCES

TABLE, STAMP = "manifest.csv", "phantom.json"
COLUMNS = ("path", "label", "patient", "source", "view")
NOTE = "The films are synthetic phantoms: drawings, of no patient, fit to try the toolkit and for nothing clinical."
DESCRIPTION = "synthetic phantom, not a patient"

_PLAN = 6  # the last word of the seed that deals out labels; film.py has the smaller ones


@dataclass(frozen=True)
class _Planned:
    """One film to draw."""

    label: str
    source: str
    patient: int
    film: int

    @property
    def path(self) -> str:
        """Where the film lies in the folder."""
        return f"{self.source}/{self.label.replace('/', '-')}/p{self.patient:04d}_{self.film}.png"


def write_phantoms(
    folder: Path,
    *,
    patients: int = 480,
    films: int = 2,
    size: int = 256,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Draw one to `films` films of each of `patients` patients into a new `folder`, with a table, and return it read.

    A patient has one label and one source, in equal parts as far as the number allows. Until all is written `folder`
    does not exist. `progress` is told how many films of how many are done. Raises `ArgumentError` for numbers that
    cannot be used or a folder that is not empty, and `StorageError` where the disk refuses.
    """
    cells = len(LABELS) * len(SOURCES)
    if patients < cells:
        raise ArgumentError(f"patients: wanted {cells} or more, one for each label and source, got {patients}")
    if films < 1:
        raise ArgumentError(f"films: wanted 1 or more a patient, got {films}")
    check_numbers(size, seed=seed)
    planned = _plan(patients, films, seed)
    with _new_folder(Path(folder).absolute()) as beside:
        for parent in sorted({(beside / one.path).parent for one in planned}):
            parent.mkdir(parents=True)
        pool = ThreadPoolExecutor(max_workers=2)  # Python's lock leaves no work for a third
        try:
            drawn = pool.map(lambda one: _save(beside / one.path, one, size, seed), planned)
            for done, _ in enumerate(drawn, start=1):
                if progress:
                    progress(done, len(planned))
        finally:
            pool.shutdown(cancel_futures=True)
        _write_table(beside / TABLE, planned, seed)
        write_json(
            beside / STAMP, {"version": VERSION, "patients": patients, "films": films, "size": size, "seed": seed}
        )
    return phantom_manifest(folder)


def phantom_manifest(folder: Path) -> Manifest:
    """The films of a folder that `write_phantoms` made. Raises `ManifestError` where its table or a film is missing."""
    folder = Path(folder).absolute()
    if not recognises(folder):
        raise ManifestError(f"{folder}: wanted a folder of phantoms, with {TABLE} and {STAMP}; write one first")
    with (folder / TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and set(rows[0]) != set(COLUMNS):
        raise ManifestError(f"{folder / TABLE}: wanted the columns {', '.join(COLUMNS)}, got {', '.join(rows[0])}")
    paths = [folder / row["path"] for row in rows]
    if missing := [path for path in paths if not path.is_file()]:
        raise ManifestError(f"{folder}: {len(missing)} films are missing, the first is {missing[0]}; write them again")
    return build_manifest(({**row, "path": path} for row, path in zip(rows, paths, strict=True)), folder.name, [NOTE])


def recognises(folder: Path) -> bool:
    """Whether `folder` is one that `write_phantoms` made."""
    return all((Path(folder) / name).is_file() for name in (TABLE, STAMP))


def _plan(patients: int, films: int, seed: int) -> list[_Planned]:
    """Every film to draw, patient by patient; which patient has which label and source is shuffled."""
    rng = np.random.default_rng([seed, 0, _PLAN])
    cells = [(label, source) for label in LABELS for source in SOURCES]
    dealt = rng.permutation(np.arange(patients) % len(cells))
    counts = rng.integers(1, films, patients, endpoint=True)
    return [
        _Planned(label, source, patient, film)
        for patient, (label, source) in enumerate(cells[cell] for cell in dealt)
        for film in range(counts[patient])
    ]


def _save(path: Path, planned: _Planned, size: int, seed: int) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Description", DESCRIPTION)
    pixels = draw_film(
        planned.label, seed=seed, patient=planned.patient, film=planned.film, source=planned.source, size=size
    )
    Image.fromarray(pixels).save(path, compress_level=1, compress_type=zlib.Z_RLE, pnginfo=text)


def _write_table(path: Path, planned: list[_Planned], seed: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for one in planned:
            view = view_of(seed, one.patient, one.film)
            table.writerow([one.path, one.label, f"p{one.patient:04d}", one.source, view])


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a fresh folder beside `folder`; when the block ends well, rename it onto `folder`, else remove it."""
    beside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        if folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None):
            raise ArgumentError(
                f"{folder}: wanted a new or empty folder, got one with files; remove it or name another"
            )
        beside.mkdir(parents=True)
        yield beside
        if folder.exists():
            folder.rmdir()
        beside.replace(folder)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written ({error.strerror or error}); nothing was changed") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
