"""What the benchmarks of films read: made-up JPEG files, and the two ways from files to batches.

Films are soft blobs on a gradient under fine grain, grey JPEGs of about 1,000 pixels a side. Their bytes are in the
page cache of the system on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from embedlearn.encoders.inputs import BATCH, standardise
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

WORKERS = 2
SIDES = ((1024, 1024), (1100, 900), (960, 1150))  # height and width of the films, in turn
PLAIN = f"torchvision ImageFolder, DataLoader of {WORKERS} workers, Resize, CenterCrop, Grayscale"


def draw_films(folder: Path, count: int) -> list[Path]:
    """Write made-up films in two classes, grey JPEGs of quality 90; their paths by class and name."""
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        height, width = SIDES[number % len(SIDES)]
        soft = gaussian_filter(rng.normal(size=(height // 16, width // 16)), 3)
        blobs = np.asarray(Image.fromarray((soft / soft.std()).astype(np.float32)).resize((width, height)))
        grain = rng.normal(0, 3, (height, width))
        film = 128 + 40 * blobs + 60 * np.linspace(-1, 1, height)[:, None] + grain
        path = folder / ("healthy", "pneumonia")[number >= count // 2] / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(film.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def cached_batches(films: Films, settings: Preprocessing) -> Iterator[Tensor]:
    """Decoded films as float32 [B, 1, S, S], standardised, `BATCH` at a time."""
    for start in range(0, len(films), BATCH):
        greys = torch.from_numpy(films[slice(start, start + BATCH)])[:, None].float() / 255
        yield standardise(greys, settings)


def plain_loader(folder: Path, size: int) -> DataLoader[Any]:
    """The same of the files below `folder`, by class and name, as a script without a toolkit makes them."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.Grayscale(), transforms.ToTensor(),
             transforms.Normalize(0.5, 0.25)]  # fmt: skip
    dataset = ImageFolder(str(folder), transforms.Compose(steps))
    return DataLoader(dataset, BATCH, num_workers=WORKERS)
