"""The RSNA and SIIM challenges on small trees of DICOM films in their published form."""

from pathlib import Path

import pytest
from hospital_trees import RSNA_CLASSES, SIIM_STUDIES, lines, rsna_mapping, rsna_tree, siim_tree

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data


def test_rsna(tmp_path: Path) -> None:
    manifest = read_data(rsna_tree(tmp_path))
    frame = manifest.frame
    assert [path.stem for path in manifest.paths] == [row.split(",")[0] for row in RSNA_CLASSES[1:4]]
    assert frame["label"].tolist() == ["not normal", "healthy", "lung opacity"]
    assert frame["patient"].isna().all()
    assert frame["view"].tolist() == ["AP", "PA", "PA"]
    assert frame["sex"].tolist() == ["M", "F", "F"]
    assert frame["age"].tolist() == ["50", "51", "52"]
    notes = "\n".join(manifest.notes)
    assert "rsna names no patients for 3 of 3 films: patientId names a film; " in notes
    assert "a part of NIH ChestX-ray14" in notes
    assert "1 films without a row in stage_2_train_labels.csv were left out, the first is unlisted.dcm" in notes
    assert "1 films named in stage_2_train_labels.csv are not in stage_2_train_images/" in notes


def test_rsna_patients_by_the_mapping(tmp_path: Path) -> None:
    rsna_mapping(rsna_tree(tmp_path))
    assert read_data(tmp_path).frame["patient"].fillna("").tolist() == ["00000004", "00000005", ""]


def test_rsna_without_the_table_of_classes(tmp_path: Path) -> None:
    (rsna_tree(tmp_path) / "stage_2_detailed_class_info.csv").unlink()
    assert read_data(tmp_path).counts() == {"lung opacity": 1, "no lung opacity": 2}
    assert read_data(tmp_path, names={"lung opacity": "pneumonia"}).counts() == {"no lung opacity": 2, "pneumonia": 1}


@pytest.mark.parametrize("text", ["{", '[{"img_id": 1}]', "[1]"])
def test_a_mapping_of_another_form(tmp_path: Path, text: str) -> None:
    (rsna_tree(tmp_path) / "pneumonia-challenge-dataset-mappings_2018.json").write_text(text)
    with pytest.raises(ManifestError, match=r"mappings_2018\.json: wanted the challenge's mapping, got .*; fetch"):
        read_data(tmp_path)


def test_siim(tmp_path: Path) -> None:
    manifest = read_data(siim_tree(tmp_path))
    found = dict(zip((path.stem for path in manifest.paths), manifest.frame["label"], strict=True))
    assert found == {
        "65761e66de9f": "typical appearance",
        "51759b5579bc": "negative for pneumonia",
        "6f8d8c9dc5d0": "atypical appearance",
    }
    assert manifest.counts("patient") == {"pat0": 2, "pat1": 1}
    assert manifest.frame["view"].isna().all()  # a view that is not told is kept
    notes = "\n".join(manifest.notes)
    assert "1 films of studies that are not in train_study_level.csv were left out, the first is stray.dcm" in notes
    assert "1 films named in train_image_level.csv are not there, the first is gone00000000" in notes


@pytest.mark.parametrize(("marks", "count"), [("0,0,0,0", 0), ("1,1,0,0", 2)])
def test_a_study_without_one_class(tmp_path: Path, marks: str, count: int) -> None:
    lines(siim_tree(tmp_path) / "train_study_level.csv", (SIIM_STUDIES[0], f"00086460a852_study,{marks}"))
    with pytest.raises(ManifestError, match=rf"00086460a852_study: wanted one class marked by 1, got {count}; mend"):
        read_data(tmp_path)
