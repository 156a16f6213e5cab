"""A manifest of two sources, made up, with what a division of films by case can trip over."""

from pathlib import Path

import numpy as np
import pytest

from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.manifest import Manifest, build_manifest

PATIENTS = {HEALTHY: 24, BACTERIAL: 12, VIRAL: 12, COVID: 10}  # of each source


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Patients of one to four films; one case spans the sources, one holds pneumonia before and COVID-19 after."""
    rng = np.random.default_rng(0)
    rows, cases = [], []
    for source in ("a", "b"):
        for label, count in PATIENTS.items():
            for _ in range(count):
                patient = len(set(cases))
                for film in range(int(rng.integers(1, 5))):
                    path = tmp_path / f"{patient}-{film}.png"
                    path.touch()
                    rows.append({"path": path, "label": label, "patient": f"p{patient}", "source": source})
                    cases.append(patient)
    case = np.array(cases)
    case[case == sum(PATIENTS.values())] = 0  # the first healthy patient of b, and that of a
    case[case == sum(PATIENTS.values()) - 1] = PATIENTS[HEALTHY]  # the last COVID-19 of a, and its first bacterial
    return build_manifest(rows, "made up").with_columns(case=case)
