"""The large published sets, and hospitals' exports, as small trees in their exact form."""

import csv
import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

NIH_COLUMNS = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
NIH_ROWS = (
    "00000001_000.png,Cardiomegaly,0,1,58,M,PA,2682,2749,0.143,0.143,",
    "00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA,2894,2729,0.143,0.143,",
    "00000002_000.png,No Finding,0,2,081Y,M,AP,2500,2048,0.171,0.171,",
    "00000003_000.png,Pleural_Thickening|Hernia,0,3,414,F,PA,2582,2991,0.143,0.143,",
    "00000004_000.png,Infiltration,0,4,7,F,PA,2500,2048,0.168,0.168,",
)
CHEXPERT_COLUMNS = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
CHEXPERT = "CheXpert-v1.0-small"
CHEXPERT_TRAIN = (
    "train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0",
    "train/patient00002/study1/view1_frontal.jpg,Female,87,Frontal,PA,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,",
    "train/patient00002/study1/view2_lateral.jpg,Female,87,Lateral,,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,",
    "train/patient00003/study1/view1_frontal.jpg,Unknown,0,Frontal,AP,,,,,,-1.0,,,,,,,,",
    "train/patient00009/study1/view1_frontal.jpg,Male,60,Frontal,AP,,,,,,1.0,,,,,,,,",
)
CHEXPERT_VALID = ("valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,0,1,1,1,0,0,0,0,0,0,0,0,0,0",)
COVIDX_TRAIN = (
    "5 ARDSSevere.png negative cohen",
    "ANON191 CR.1.2.840.113564.192168196.2020031913311637123.1203801020003.png negative actmed",
    "COVID-00003b COVID-00003b.jpg positive fig1",
    "COVID 1 COVID(1).png positive sirm",
    "COVID 2 COVID (2).png positive sirm",
    "47c78742-4998-4878-aec4-37b11b1354ac 47c78742-4998-4878-aec4-37b11b1354ac.png negative rnsa",
    "7 lost.png negative cohen",
)
COVIDX_TEST = (
    "ANON191 CR.1.2.840.113564.192168196.2020040117583329780.1203801020003.png positive actmed",
    "419639-003251 MIDRC-RICORD-1C-419639-003251-46647-0.png positive ricord",
    "440808-000020 MIDRC-RICORD-1C-440808-000020-8.458-0.png positive",
)
RSNA_BOXES = (
    "patientId,x,y,width,height,Target",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,,,,,0",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,,,,,0",
    "00436515-870c-4b36-a041-de91049b9ab4,264.0,152.0,213.0,379.0,1",
    "00436515-870c-4b36-a041-de91049b9ab4,562.0,152.0,256.0,453.0,1",
    "not-there,,,,,0",
)
RSNA_CLASSES = (
    "patientId,class",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,No Lung Opacity / Not Normal",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,Normal",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "not-there,Normal",
)
SIIM_STUDIES = (
    "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance",
    "00086460a852_study,0,1,0,0",
    "00292f8c37bd_study,1,0,0,0",
    "005057b3f880_study,0,0,0,1",
)
SIIM_IMAGES = (
    "id,boxes,label,StudyInstanceUID",
    "\"65761e66de9f_image\",\"[{'x': 720.65, 'y': 636.51}]\",opacity 1 720.65 636.51 1332.56 1284.1,00086460a852",
    "51759b5579bc_image,,none 1 0 0 1 1,00292f8c37bd",
    "6f8d8c9dc5d0_image,,none 1 0 0 1 1,005057b3f880",
    "gone00000000_image,,none 1 0 0 1 1,005057b3f880",
)


def lines(path: Path, rows: Iterable[str]) -> None:
    """A text file with these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def touch(folder: Path, names: Iterable[str]) -> Path:
    """Empty files under `folder`: where only names are looked at."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write_dicom(path: Path, **elements: Any) -> Path:
    """A small radiograph of patient "P1", seen from the front; `elements` are set, or removed where None."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = f"1.2.3.{sum(map(ord, str(path)))}"
    dataset.update(_elements(Modality="DX", PatientID="P1", PatientSex="F", PatientAge="051Y", ViewPosition="PA"))
    dataset.update(_elements(Rows=16, Columns=16, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2"))
    dataset.update(_elements(BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0))
    dataset.PixelData = np.arange(256, dtype=np.uint8).tobytes()
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # published ages are no DICOM ages
        dataset.update(_elements(**{name: value for name, value in elements.items() if value is not None}))
    for name in (name for name, value in elements.items() if value is None):
        delattr(dataset, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        dataset.save_as(path, enforce_file_format=True)
    return path


def _elements(**values: Any) -> Dataset:
    dataset = Dataset()
    for name, value in values.items():
        setattr(dataset, name, value)
    return dataset


def chestxray14_tree(folder: Path) -> Path:
    """NIH ChestX-ray14 in two of its twelve folders; the fifth row's film is not there."""
    lines(folder / "Data_Entry_2017.csv", (NIH_COLUMNS, *NIH_ROWS))
    lines(folder / "train_val_list.txt", ("00000001_000.png", "00000001_001.png", "00000002_000.png"))
    lines(folder / "test_list.txt", ("00000003_000.png", "00000004_000.png"))
    touch(folder / "images_001/images", ("00000001_000.png", "00000001_001.png"))
    return touch(folder, ("images_002/images/00000002_000.png", "images_002/images/00000003_000.png", "README.pdf"))


def chexpert_tree(folder: Path) -> Path:
    """CheXpert as its small release names films; one film is not there, one is lateral, one is only uncertain."""
    root = folder / CHEXPERT
    lines(root / "train.csv", (CHEXPERT_COLUMNS, *(f"{CHEXPERT}/{row}" for row in CHEXPERT_TRAIN)))
    lines(root / "valid.csv", (CHEXPERT_COLUMNS, *(f"{CHEXPERT}/{row}" for row in CHEXPERT_VALID)))
    films = [row.split(",")[0] for row in (*CHEXPERT_TRAIN, *CHEXPERT_VALID)]
    touch(root, (film for film in films if "patient00009" not in film))
    return folder


def covidx_tree(folder: Path) -> Path:
    """COVIDx with rows of three to six words, a patient in both lists, and a film that is not there."""
    lines(folder / "train.txt", COVIDX_TRAIN)
    lines(folder / "test.txt", COVIDX_TEST)
    names = ("ARDSSevere.png", COVIDX_TRAIN[1].split()[1], "COVID-00003b.jpg", "COVID(1).png", "COVID (2).png")
    touch(folder / "train", (*names, COVIDX_TRAIN[5].split()[1]))
    touch(folder / "test", (row.split()[1] for row in COVIDX_TEST))
    return folder


def rsna_tree(folder: Path) -> Path:
    """The RSNA challenge: three films with labels, one lateral by mistake and one film without a row."""
    lines(folder / "stage_2_train_labels.csv", RSNA_BOXES)
    lines(folder / "stage_2_detailed_class_info.csv", RSNA_CLASSES)
    for number, row in enumerate(RSNA_CLASSES[1:4]):
        name = row.split(",")[0]
        sex, view = ("F", "PA") if number else ("M", "AP")
        elements = {"PatientID": name, "PatientAge": f"{50 + number}", "PatientSex": sex, "ViewPosition": view}
        write_dicom(folder / "stage_2_train_images" / f"{name}.dcm", Modality="CR", **elements)
    write_dicom(folder / "stage_2_train_images" / "unlisted.dcm", Modality="CR")
    return touch(folder, ("stage_2_sample_submission.csv", "stage_2_test_images/0000a175-0e68-4ca4.dcm"))


def rsna_mapping(folder: Path) -> None:
    """The challenge's mapping of its films to NIH's."""
    names = [row.split(",")[0] for row in RSNA_CLASSES[1:3]]
    entries = [{"subset_img_id": name, "img_id": f"0000000{n}_000.png"} for n, name in enumerate(names, 4)]
    (folder / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(entries))


def siim_tree(folder: Path) -> Path:
    """The SIIM challenge: three studies of two patients, one with a computed radiograph of no view."""
    lines(folder / "train_study_level.csv", SIIM_STUDIES)
    lines(folder / "train_image_level.csv", SIIM_IMAGES)
    films = [("00086460a852", "65761e66de9f"), ("00292f8c37bd", "51759b5579bc"), ("005057b3f880", "6f8d8c9dc5d0")]
    for number, (study, film) in enumerate(films):
        path = folder / "train" / study / f"{study[:6]}aaaaaa" / f"{film}.dcm"
        write_dicom(path, PatientID=f"pat{number // 2}", PatientAge=None, ViewPosition=None)
    write_dicom(folder / "train/ffffffffffff/ffffff000000/stray.dcm")
    return touch(folder, ("sample_submission.csv", "test/00188a671292/3eb5a506ccf3/3dcdfc352a06.dcm"))


def dicomtree_tree(folder: Path) -> Path:
    """A hospital's export: no suffixes, an index, and everything that is no frontal radiograph."""
    touch(folder, ("DICOMDIR", "README.TXT"))
    for patient, study in (("A", 1), ("A", 2), ("B", 3)):
        place = folder / f"PAT{patient}" / f"ST{study}" / "SE1"
        uids = {"StudyInstanceUID": f"1.2.{study}", "SeriesInstanceUID": f"1.2.{study}.1"}
        write_dicom(place / "IM1", PatientID=patient, SOPInstanceUID=f"1.2.{study}.1.1", ImageLaterality="U", **uids)
    other = folder / "PATB/ST3/SE2"
    write_dicom(other / "IM1", ViewPosition="LL")
    write_dicom(other / "IM2", Modality="CT", ViewPosition=None)
    write_dicom(other / "IM3", Modality="SR", Rows=None, Columns=None, PixelData=None)
    write_dicom(other / "IM4", NumberOfFrames=2, PixelData=bytes(512))
    (other / "IM5").write_bytes((other / "IM1").read_bytes()[:140])
    (other / "VIEWER").write_bytes(b"MZ no film")
    return folder


def write_csv(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    """A table of these rows, the header first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def medmnist_file(path: Path, *, columns: int = 1, colour: bool = False, side: int = 28) -> Path:
    """A MedMNIST file of 3, 2 and 2 films, with a column of numbers or several of 0 and 1."""
    generator = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in (("train", 3), ("val", 2), ("test", 2)):
        shape = (count, side, side, 3) if colour else (count, side, side)
        arrays[f"{split}_images"] = generator.integers(0, 256, shape, dtype=np.uint8)
        values = np.arange(count * columns, dtype=np.uint8).reshape(count, columns)
        arrays[f"{split}_labels"] = values % 2 if columns == 1 else (values % 5 == 1).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path
