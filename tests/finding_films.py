"""A made-up set whose films show several findings, laid out as a table, and a set beside it that names one a film."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.phantom import SOURCES, draw_film

SHARES = {"consolidation": 0.3, "effusion": 0.25, "infiltration": 0.2, "nodule": 0.18}
LESIONS = {"consolidation": BACTERIAL, "infiltration": VIRAL}


def draw_findings(findings, patient: int, film: int, size: int, seed: int = 5) -> np.ndarray:
    """A phantom that shows all of these at once, uint8 [size, size]: what each adds to the healthy film, added up."""

    def draw(label: str) -> np.ndarray:
        source = SOURCES[patient % len(SOURCES)]
        return draw_film(label, seed=seed, patient=patient, film=film, source=source, size=size).astype(float)

    pixels = healthy = draw(HEALTHY)
    for name in LESIONS.keys() & findings:
        pixels = pixels + draw(LESIONS[name]) - healthy
    rng = np.random.default_rng([seed, patient, film])
    rows, columns = np.mgrid[:size, :size] / size
    if "effusion" in findings:
        pixels = pixels + 90 * (rows > rng.uniform(0.55, 0.7)) * (columns > 0.5)
    if "nodule" in findings:
        pixels = pixels + 120 * (np.hypot(rows - rng.uniform(0.3, 0.5), columns - 0.3) < 0.07)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_finding_films(folder: Path, patients: int = 160, films: int = 2, size: int = 64, covid: int = 0) -> Path:
    """Write the films and `films.csv`; with `covid`, so many patients of a set of one label a film in `covid/`."""
    rng = np.random.default_rng(0)
    rows = []
    (folder / "films").mkdir(parents=True)
    for patient in range(patients):
        for film in range(films):
            found = [name for name, share in SHARES.items() if rng.random() < share]
            path = f"films/{patient:05d}_{film:03d}.png"
            Image.fromarray(draw_findings(found, patient, film, size)).save(folder / path)
            words = [str(name) for name in rng.permutation(found)] or [HEALTHY]
            rows.append((path, words[0], "|".join(words), str(patient)))
    pd.DataFrame(rows, columns=["path", "label", "labels", "patient"]).to_csv(folder / "films.csv", index=False)
    for number in range(covid):
        label = (COVID, HEALTHY)[number % 2]
        path = folder / "covid" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw_film(label, seed=9, patient=number, source=SOURCES[0], size=size)
        Image.fromarray(pixels).save(path)
    return folder / "films.csv"
