"""What several tests of films need."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embedlearn.radiographs import cache
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the films decoded so far."""
    names: list[str] = []

    def counting(path: Path, settings: Preprocessing) -> NDArray[np.uint8]:
        names.append(path.name)
        return load_film(path, settings)

    monkeypatch.setattr(cache, "load_film", counting)
    return names
