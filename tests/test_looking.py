"""What a model looks at: a network that sees planted squares only, in the middle of its films or in their corner."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from embedlearn.audits.findings import Chapter, Finding
from embedlearn.audits.markers import Marker
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import InexactError
from embedlearn.explanations.checks.lungs import LungFilms
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.manifest import build_manifest
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import Collection
from embedlearn.tasks.audit import looking
from embedlearn.tasks.audit.looking import looking_chapter

CELL, GRID = 8, 6
SIDE = CELL * GRID
CLASSES = ("bright", "dark")
MIDDLE, CORNER = (2, 3), (0, 5)


def seeing_squares() -> SavedEncoder:
    """An encoder whose channels answer to a bright cell, to a dark one, and faintly to anything."""
    encoder = Encoder(Architecture(dimension=3))
    convolution, projection = nn.Conv2d(1, 3, CELL, stride=CELL), nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        sign = torch.tensor([1.0, -1.0, 0.0])[:, None, None, None]
        convolution.weight.copy_(sign.expand_as(convolution.weight) / CELL**2)
        convolution.bias.copy_(torch.tensor([-0.5, -0.5, 0.01]))
        projection.weight.copy_(torch.eye(3))
    encoder.backbone, encoder.projection = nn.Sequential(convolution, nn.ReLU()), projection
    return SavedEncoder(encoder.eval(), Preprocessing(size=SIDE), torch.zeros(3), "none")


def films_with(cell: tuple[int, int], count: int = 48) -> NDArray[np.uint8]:
    """Grainy grey films uint8 [N, 48, 48] with a bright or a dark square at one cell."""
    films = np.random.default_rng(0).normal(128, 10, (count, SIDE, SIDE))
    rows, columns = (slice(CELL * place, CELL * (place + 1)) for place in cell)
    films[::2, rows, columns] += 100
    films[1::2, rows, columns] -= 100
    return films.clip(0, 255).astype(np.uint8)


def collected(folder: Path, films: NDArray[np.uint8]) -> Collection:
    """The films as a command has collected them, each a case."""
    paths = [folder / f"{number}.png" for number in range(len(films))]
    for path, film in zip(paths, films, strict=True):
        Image.fromarray(film).save(path)
    rows = [{"path": path, "label": CLASSES[number % 2]} for number, path in enumerate(paths)]
    manifest = build_manifest(rows, "set").with_columns(case=np.arange(100, 100 + len(films)))
    return Collection(manifest, Films(films, np.arange(len(films)), ("",) * len(films)))


def marker_at(cell: tuple[int, int]) -> tuple[Marker, ...]:
    row, column = cell
    return (Marker(row / GRID, column / GRID, (row + 1) / GRID, (column + 1) / GRID, "letter", True),)


def lungs_at(cell: tuple[int, int], films: NDArray[np.uint8]) -> LungFilms:
    """The films again, as others of which the cell is outlined as lung."""
    covered = np.zeros(films.shape, np.float32)
    covered[:, CELL * cell[0] : CELL * (cell[0] + 1), CELL * cell[1] : CELL * (cell[1] + 1)] = 1
    names = tuple(Path(f"{number}.png") for number in range(len(films)))
    return LungFilms("masks", films, covered, np.arange(len(films)), names, ("",) * len(films))


def told(collection: Collection, marked: tuple[int, int], lungs: list[LungFilms], **more: object) -> Chapter:
    markers = {path: marker_at(marked) for path in collection.manifest.paths}
    return looking_chapter(
        seeing_squares(), collection, CLASSES, lungs=lungs, markers=markers, device=torch.device("cpu"), **more
    )


def by_key(chapter: Chapter) -> dict[str, Finding]:
    return {finding.key: finding for finding in chapter.findings}


def test_evidence_in_a_corner_and_on_a_marker_is_a_warning(tmp_path: Path) -> None:
    films = films_with(CORNER)
    chapter = told(collected(tmp_path, films), CORNER, [lungs_at(MIDDLE, films)])
    found = by_key(chapter)
    assert list(found) == ["looking.lungs.masks", "looking.border", "looking.corners", "looking.markers"]
    assert {finding.level for finding in found.values()} == {"warning"}
    inside = found["looking.markers"]
    assert inside.value is not None and inside.low is not None and inside.value >= inside.low > 0.5
    assert inside.value < 1 - 1 / GRID**2  # evidence is at most all of it, less the marker's cell of the area


def test_evidence_in_the_lungs_is_fine(tmp_path: Path) -> None:
    films = films_with(MIDDLE)
    found = by_key(told(collected(tmp_path, films), CORNER, [lungs_at(MIDDLE, films)]))
    assert {finding.level for finding in found.values()} == {"fine"}
    lungs, border = found["looking.lungs.masks"], found["looking.border"]
    assert lungs.low is not None and lungs.low > 0.5
    assert border.high is not None and border.high < 0


def test_what_is_said_is_what_a_plain_loop_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.random.default_rng(3).normal(size=(200, GRID, GRID)).astype(np.float32)
    monkeypatch.setattr(looking, "named_method", lambda name: lambda encoder, inputs, vectors: torch.from_numpy(
        maps[: len(inputs)]))  # fmt: skip
    chapter = told(collected(tmp_path, films_with(MIDDLE)), (1, 4), [])
    finding = by_key(chapter)["looking.markers"]
    used = [maps[place] for place in range(finding.films or 0)]
    plain = [abs(drawn[1, 4]) / np.abs(drawn).sum() - 1 / GRID**2 for drawn in used]
    assert finding.films == len(plain) > 20
    assert finding.value == pytest.approx(np.mean(plain), abs=1e-5)


def test_markers_outside_of_what_the_encoder_sees_do_not_count(tmp_path: Path) -> None:
    films = films_with(MIDDLE)
    wide = np.pad(films, ((0, 0), (0, 0), (SIDE, SIDE)))  # files three times as wide, of which the middle is read
    collection = collected(tmp_path, wide)
    read = Collection(collection.manifest, Films(films, np.arange(len(films)), ("",) * len(films)))
    outside = by_key(told(read, (2, 0), []))["looking.markers"]
    assert outside.level == "note" and outside.value is None and "0 have some" in outside.sentence
    assert by_key(told(read, MIDDLE, []))["looking.markers"].value is not None


def test_one_bright_corner_among_dark_ones_and_what_the_border_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = np.random.default_rng(3).normal(1, 0.05, size=(200, GRID, GRID)).astype(np.float32)
    maps[:, [0, 0, -1, -1], [0, -1, 0, -1]] *= [0.3, 0.3, 0.3, 1.8]
    monkeypatch.setattr(looking, "named_method", lambda name: lambda encoder, inputs, vectors: torch.from_numpy(
        maps[: len(inputs)]))  # fmt: skip
    found = by_key(told(collected(tmp_path, films_with(MIDDLE)), CORNER, []))
    assert found["looking.corners"].level == "warning" and "bottom right" in found["looking.corners"].sentence
    border = found["looking.border"].sentence
    assert "of the map's places" in border and "(the outer .1 of the side)" in border and "no lung" not in border


def test_films_of_a_case_are_asked_about_once(tmp_path: Path) -> None:
    collection = collected(tmp_path, films_with(MIDDLE, 64))
    cases = np.repeat(np.arange(32), 2) % 16 + 16 * (np.arange(64) % 2)
    shared = Collection(collection.manifest.with_columns(case=cases), collection.films)
    chapter = told(shared, CORNER, [])
    assert sum(chapter.data["answers"].values()) == chapter.data["films"] <= 16


def test_too_few_films_and_other_networks_are_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = told(collected(tmp_path, films_with(MIDDLE, 6)), CORNER, [])
    assert [(finding.key, finding.level) for finding in few.findings] == [("looking", "note")]
    assert "two classes" in few.findings[0].sentence

    def refuse(*inputs: object) -> None:
        raise InexactError("no exact sum")

    monkeypatch.setattr(looking, "named_method", lambda name: refuse)
    chapter = told(collected(tmp_path, films_with(MIDDLE)), CORNER, [])
    assert "no exact sum" in chapter.findings[0].sentence and not chapter.figures


def test_a_chapter_has_figures_plain_data_and_tells_its_steps(tmp_path: Path) -> None:
    films = films_with(MIDDLE)
    steps: list[tuple[int, int]] = []
    chapter = told(
        collected(tmp_path, films), CORNER, [lungs_at(MIDDLE, films)],
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert steps == [(step, 4) for step in range(5)]
    json.dumps(chapter.data, allow_nan=False)
    assert pd.Series([len(shown.picture.panels) for shown in chapter.figures.values()]).tolist() == [1, 2]
    for name, shown in chapter.figures.items():
        assert all(svg.startswith("<svg") for svg in shown.picture.svgs(name))
