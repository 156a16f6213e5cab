"""The layouts on the real sets, where they are at hand."""

from pathlib import Path

import pytest
from PIL import Image

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data


def test_real_sandrofab(shared_data: Path) -> None:
    manifest = read_data(shared_data / "sandrofab")
    assert manifest.counts() == {"covid-19": 139, "healthy": 200, "pneumonia/bacterial": 197, "pneumonia/viral": 143}
    assert len(manifest) == 679
    with_patient = manifest.frame["patient"].notna()
    assert (with_patient == (manifest.frame["label"] != "covid-19")).all()
    assert manifest.frame["patient"].nunique() == 494


def test_real_darkcovidnet(shared_data: Path) -> None:
    manifest = read_data(shared_data / "darkcovidnet")
    assert manifest.counts() == {"covid-19": 124, "healthy": 500, "pneumonia": 500}
    assert manifest.frame["patient"].nunique() == 682
    assert (manifest.frame["patient"].isna() == (manifest.frame["label"] == "covid-19")).all()


def test_real_ieee8023(shared_data: Path) -> None:
    manifest = read_data(shared_data / "ieee8023")
    assert len(manifest) == 278
    assert manifest.counts()["covid-19"] == 227
    assert manifest.frame["patient"].notna().all()
    assert any("9 films named in metadata.csv are not in images/" in note for note in manifest.notes)
    assert all(path.is_file() for path in manifest.paths)


def test_real_masks_are_no_classes(shared_data: Path) -> None:
    with pytest.raises(ManifestError, match="lungmasks: wanted class folders"):
        read_data(shared_data / "lungmasks")


def test_real_order_is_the_same_twice(shared_data: Path) -> None:
    first, second = (read_data(shared_data / "sandrofab") for _ in range(2))
    assert first.paths == second.paths
    assert first.digest() == second.digest()
    with Image.open(first.paths[0]) as film:
        assert film.size > (0, 0)
