"""A page of made-up films: three classes in three corners of a map, two sources, thumbnails and explanations."""

from dataclasses import replace
from typing import Any

import numpy as np

from embedlearn.maps.page import NewFilms, PageData

CLASSES = ("normal", "pneumonia", "COVID-19")
CORNERS = np.array([[0, 0], [10, 0], [0, 10]], np.float32)


def make_page(films: int = 240, seed: int = 0, **changes: Any) -> PageData:
    draw = np.random.default_rng(seed)
    label = np.arange(films) % 3
    predicted = np.where(draw.random(films) < 0.8, label, draw.integers(0, 3, films))
    blobs = (CORNERS[label] + draw.normal(0, 0.8, (films, 2))).astype(np.float32)
    names = np.array(CLASSES)
    page = PageData(
        title="Maps of made-up films",
        ids=[f"film-{row:05d}.png" for row in range(films)],
        maps={"blobs": blobs, "grid": draw.integers(0, 4, (films, 2)).astype(np.float32)},
        columns={
            "label": names[label],
            "source": np.where(draw.random(films) < 0.5, "north", "south"),
            "prediction": names[predicted],
            "error": predicted != label,
            "age": np.where(draw.random(films) < 0.1, np.nan, draw.integers(20, 90, films)),
        },
        quality={"blobs": ["Trustworthiness 0.98 at 15 neighbours."]},
        reliability={"blobs": draw.random(films).astype(np.float32)},
        thumbnails=chests(films, 32),
        explanations=draw.normal(0.1 * label[:, None, None], 0.1, (films, 7, 5)).astype(np.float32),
        explained="the score for the film's own class",
        new=NewFilms(
            ["new-a.png", "new-b.png"],
            {"blobs": np.array([[5, 5], [9, 9]], np.float32), "grid": np.array([[1, 1], [2, 2]], np.float32)},
            np.array([False, True]),
        ),
        notes=["warning: these films are made up.", "A map has no units."],
    )
    return replace(page, **changes)


def chests(films: int, side: int) -> np.ndarray:
    """Two dark ovals on grey with some grain, uint8 [films, side, side], each of another brightness."""
    draw = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side] / side
    lungs = sum(np.exp(-(((x - at) / 0.13) ** 2) - ((y - 0.5) / 0.25) ** 2) for at in (0.3, 0.7))
    depth = draw.uniform(60, 130, films).astype(np.float32)[:, None, None]
    grain = draw.normal(0, 6, (64, side, side)).astype(np.float32)[np.arange(films) % 64]
    return np.clip(200 - depth * lungs.astype(np.float32) + grain, 0, 255).astype(np.uint8)
