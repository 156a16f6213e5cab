"""A folder of phantoms: the drawn films, dealt evenly, whole or not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedlearn.errors import ArgumentError, ManifestError, StorageError
from embedlearn.radiographs import phantom
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film
from embedlearn.radiographs.phantom.film import view_of


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("phantoms") / "films"
    return folder, phantom.write_phantoms(folder, patients=48, films=2, size=64, seed=4)


def test_written_folder_reads_back(written: tuple[Path, Manifest]) -> None:
    folder, manifest = written
    assert phantom.recognises(folder)
    assert phantom.phantom_manifest(folder).frame.equals(manifest.frame)
    assert "synthetic" in manifest.notes[0]
    assert sorted(manifest.paths) == sorted(folder.rglob("*.png"))
    assert not any(line.startswith("/") for line in (folder / "manifest.csv").read_text().splitlines())


def test_written_films_are_the_drawn_ones(written: tuple[Path, Manifest]) -> None:
    for row in written[1].frame.sample(12, random_state=0).to_dict("records"):
        path = Path(row["path"])
        patient, film = map(int, path.stem[1:].split("_"))
        with Image.open(path) as image:
            assert image.mode == "L"
            assert image.info["Description"] == "synthetic phantom, not a patient"
            drawn = draw_film(row["label"], seed=4, patient=patient, film=film, source=row["source"], size=64)
            assert np.array_equal(np.asarray(image), drawn)
        assert row["view"] == view_of(4, patient, film)
        assert path.parts[-3:-1] == (row["source"], row["label"].replace("/", "-"))


def test_labels_are_dealt_evenly_over_sources(written: tuple[Path, Manifest]) -> None:
    frame = written[1].frame
    cells = frame.groupby(["label", "source"])["patient"].nunique()
    assert len(cells) == len(LABELS) * len(SOURCES)
    assert set(cells) == {48 // len(cells)}
    assert frame["patient"].nunique() == 48
    assert set(frame.groupby("patient").size()) == {1, 2}


def test_folder_is_the_same_when_written_again(written: tuple[Path, Manifest], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    again = phantom.write_phantoms(
        tmp_path / "films", patients=48, size=64, seed=4, progress=lambda done, total: told.append((done, total))
    )
    assert [path.read_bytes() for path in again.paths] == [path.read_bytes() for path in written[1].paths]
    assert told == [(done + 1, len(again)) for done in range(len(again))]


def test_interrupted_writing_stops_soon_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[object] = []
    save = Image.Image.save

    def counted(image: Image.Image, path: Path, **settings: Any) -> None:
        saved.append(path)
        save(image, path, **settings)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", counted)
    with pytest.raises(KeyboardInterrupt):
        phantom.write_phantoms(tmp_path / "films", patients=80, films=1, size=64, progress=stop)
    assert 1 <= len(saved) < 40
    assert list(tmp_path.iterdir()) == []


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    assert len(phantom.write_phantoms(tmp_path, patients=8, films=1, size=64)) == 8
    assert phantom.recognises(tmp_path)


def test_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_settings: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        phantom.write_phantoms(tmp_path / "films", patients=8, size=64)
    assert list(tmp_path.iterdir()) == []


def test_folder_with_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ArgumentError, match="empty"):
        phantom.write_phantoms(tmp_path, patients=8, size=64)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("change", [{"patients": 7}, {"films": 0}, {"size": 8}, {"seed": -1}])
def test_unusable_numbers_are_refused_before_anything_is_written(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(change))):
        phantom.write_phantoms(tmp_path / "films", **change)
    assert list(tmp_path.iterdir()) == []


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    assert not phantom.recognises(tmp_path)
    with pytest.raises(ManifestError, match="wanted a folder of phantoms"):
        phantom.phantom_manifest(tmp_path)


def test_missing_film_is_reported(tmp_path: Path) -> None:
    manifest = phantom.write_phantoms(tmp_path / "films", patients=8, films=1, size=64)
    manifest.paths[3].unlink()
    with pytest.raises(ManifestError, match=f"1 films are missing.*{manifest.paths[3].name}"):
        phantom.phantom_manifest(tmp_path / "films")
