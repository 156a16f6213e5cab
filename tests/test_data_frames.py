"""DICOM files of several frames: `data show` tells of them, `data convert --frame` takes out one or all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from embedlearn import data
from embedlearn.radiographs.cases import join_cases
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.reading import read_film


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))


def convert(*words):
    data.main(["convert", *words])


def frames_of_dicom(path: str, frames: int, patient: str = "") -> str:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = "1.2.840.10008.5.1.4.1.1.7", "1.2.3", "DX"
    dataset.Rows = dataset.Columns = 20
    dataset.PatientID = patient
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


@pytest.mark.parametrize("anonymous", [(), ("--anonymous",)])
def test_the_frames_of_one_file_are_one_case_though_the_table_names_no_patient(anonymous):
    frames_of_dicom("set/told.dcm", 2, patient="Doe"), frames_of_dicom("set/silent.dcm", 2)
    frames_of_dicom("set/other/silent.dcm", 2), frames_of_dicom("set/single.dcm", 1, patient="Roe")
    names = ["told.dcm", "silent.dcm", "other/silent.dcm", "single.dcm"]
    pd.DataFrame([{"path": name, "label": "tb"} for name in names]).to_csv("set/t.csv", index=False)
    with Path("set/other/silent.dcm").open("ab") as file:
        file.write(b"\0" * 2)  # another file, so another picture
    convert("set/t.csv", "--out", "copy", "--frame", "all", *anonymous)
    copied = read_data("copy/manifest.csv")
    assert join_cases(copied, []).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert copied.frame["patient"].fillna("").tolist() == [*["1" if anonymous else "Doe"] * 2, "", "", "", "", ""]


@pytest.mark.parametrize("table", [None, "path,label\nnodule/many.dcm,mass\nnodule/one.dcm,mass\ntb/two.dcm,healthy\n"])
def test_the_films_of_several_frames_of_a_tree_are_taken(table, capsys):
    frames_of_dicom("tree/nodule/many.dcm", 3, patient="p")
    frames_of_dicom("tree/nodule/one.dcm", 1, patient="q"), frames_of_dicom("tree/tb/two.dcm", 1, patient="r")
    if table:
        Path("tree/labels.csv").write_text(table)
    convert("tree", "--out", "copy", "--frame", "all")
    copied, single = read_data("copy/manifest.csv").frame, read_data("tree").frame
    stems = copied["path"].str.rpartition("/")[2]
    assert stems.tolist() == ["many-frame1.png", "many-frame2.png", "many-frame3.png", "one.png", "two.png"]
    assert copied["patient"].tolist() == ["p", "p", "p", "q", "r"]
    assert copied["label"].tolist() == (["mass"] * 4 + ["healthy"] if table else ["nodule"] * 4 + ["tb"])
    columns = [name for name in single if name != "path"]
    assert copied[columns][3:].fillna("").to_numpy().tolist() == single[columns].fillna("").to_numpy().tolist()
    said = capsys.readouterr().out
    assert "several frames" not in said
    convert("tree/tb", "--out", "none", "--frame", "1")
    assert "--frame: none of these films has several frames" in capsys.readouterr().out
