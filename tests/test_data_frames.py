"""DICOM files of several frames: `data show` tells of them, `data convert --frame` takes out one or all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from embedlearn import data
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.reading import read_film


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))


def convert(*words):
    data.main(["convert", *words])


def frames_of_dicom(path: str, frames: int) -> str:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.7", "1.2.3", "DX"
    dataset.Rows = dataset.Columns = 20
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.NumberOfFrames = 7, frames
    pixels = np.arange(frames * 400).reshape(frames, 20, 20) % 251
    dataset.PixelData = pixels.astype(np.uint8).tobytes()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_frame_or_all_frames_of_a_file_that_holds_several(refused):
    rows = [{"path": "many.dcm", "label": "tb", "patient": "p"}, {"path": "one.dcm", "label": "tb", "patient": "q"}]
    frames_of_dicom("set/one.dcm", 1)
    path = Path(frames_of_dicom("set/many.dcm", 3))
    pd.DataFrame(rows).to_csv("set/many.csv", index=False)
    assert "many.dcm: wanted one frame, got 3" in refused(data.main, "convert", "set/many.csv", "--out", "none")
    assert "got 4" in refused(data.main, "convert", "set/many.csv", "--out", "fourth", "--frame", "4")
    convert("set/many.csv", "--out", "second", "--frame", "2")
    second = read_data("second/manifest.csv")
    assert second.frame["frame"].tolist()[0] == "2" and len(second) == 2
    np.testing.assert_array_equal(read_film(second.paths[0]), read_film(path, frame=2))
    convert("set/many.csv", "--out", "every", "--frame", "all")
    every = read_data("every/manifest.csv")
    assert every.frame["patient"].tolist() == ["p", "p", "p", "q"]
    for number, copied in enumerate(every.paths[:3], 1):
        np.testing.assert_array_equal(read_film(copied), read_film(path, frame=number))


def test_a_file_of_frames_is_named_by_itself():
    frames_of_dicom("scans/IM0001", 3)
    for words in ((), ("--quick",)):
        data.main(["show", "scans/IM0001", "--out", "shown", "--each", "0", *words])
        found = json.loads(Path("shown/show.json").read_text())
        assert found["problems"][0]["key"] == "frames"
    convert("scans/IM0001", "--out", "copy", "--frame", "all")
    copied = read_data("copy/manifest.csv").frame
    assert [Path(path).name for path in copied["path"]] == [f"IM0001-frame{number}.png" for number in (1, 2, 3)]
    assert set(copied["label"]) == {"unlabelled"}
