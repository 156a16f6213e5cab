"""Answers about phantom films in the forms of the API, which follow from the films alone."""

import base64
import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film

SIDE = 192
GRID = 6
DIMENSION = 24
HEADS = {"prototype": 0.12, "knn": 0.1}
AMONG = "this film is itself among the examples, so its answer says little"
BOUND = 0.2


class NoFilmError(Exception):
    """Bytes that are no film."""


def png_of(film: np.ndarray, label: str = "") -> bytes:
    """A PNG, which says beside its pixels what the film shows."""
    written, said = io.BytesIO(), PngInfo()
    said.add_text("label", label)
    Image.fromarray(film).save(written, "PNG", pnginfo=said)
    return written.getvalue()


def phantom(label: str, patient: int, side: int = SIDE) -> bytes:
    """The PNG of a phantom film."""
    return png_of(draw_film(label, seed=8, patient=patient, source=SOURCES[patient % 2], size=side), label)


def film_of(sent: bytes) -> np.ndarray:
    """The grey values of a film, uint8 [H, W]."""
    try:
        return np.asarray(Image.open(io.BytesIO(sent)).convert("L"))
    except (UnidentifiedImageError, OSError) as error:
        raise NoFilmError from error


class Canned:
    """Answers that follow from the films' grey values: the same film, the same answer."""

    def __init__(self, per_class: int = 8) -> None:
        self.towards = dict(zip(LABELS, np.eye(len(LABELS), DIMENSION), strict=True))
        self.labels = [label for label in LABELS for _ in range(per_class)]
        self.films = [phantom(label, 40 + number) for number, label in enumerate(self.labels)]
        self.vectors = np.stack([self.embedding(film) for film in self.films])
        self.plane = np.linalg.svd(self.vectors - self.vectors.mean(axis=0), full_matrices=False)[2][:2].T * 10
        self.examples = [(f"{label.replace('/', '-')}-{n}", label) for label in LABELS for n in (1, 2)]

    def embedding(self, sent: bytes) -> np.ndarray:
        """Near to the other films of the label that the PNG names; a film that names none is like nothing."""
        film = film_of(sent)
        noise = np.random.default_rng(list(hashlib.sha256(film.tobytes()).digest())).normal(size=DIMENSION)
        named = Image.open(io.BytesIO(sent)).info.get("label", "")
        vector = 2.6 * self.towards.get(named, np.zeros(DIMENSION)) + 0.28 * noise
        return vector / np.linalg.norm(vector)

    def place(self, vector: np.ndarray) -> dict[str, Any]:
        x, y = np.round(vector @ self.plane, 4)
        return {"x": float(x), "y": float(y), "strange": False}

    def classified(self, vectors: list[np.ndarray], support: dict[str, Any] | None) -> dict[str, Any]:
        if support is None:
            names, rows, label = list(LABELS), self.vectors, np.array(self.labels)
        else:
            names = list(support["classes"])
            rows = np.array([row for name in names for row in support["classes"][name]])
            label = np.array([name for name in names for _ in support["classes"][name]])
        means = np.stack([rows[label == name].mean(axis=0) for name in names])
        films = [
            {
                "answers": [self._answer(head, names, vector, means, rows, label, support is None) for head in HEADS],
                "place": self.place(vector),
                "warnings": [AMONG] if support and (np.abs(rows - vector).max(axis=1) < 1e-5).any() else [],
            }
            for vector in vectors
        ]
        return {
            "encoder": "5e" * 32,
            "generation": "1" if support is None else "",
            "classes": [
                {"name": name, "examples": int((label == name).sum()), "place": self.place(mean)}
                for name, mean in zip(names, means, strict=True)
            ],
            "heads": self.fitted(),
            "warnings": [] if support is None or min(np.unique(label, return_counts=True)[1]) > 1 else
            ["a class has one example: its answers change with which film that is"],
            "films": films,
        }  # fmt: skip

    def fitted(self) -> list[dict[str, Any]]:
        return [
            {"head": head, "temperature": warmth, "bound": BOUND, "base_shots": 5, "reason": ""}
            for head, warmth in HEADS.items()
        ]

    def _answer(self, head, names, vector, means, rows, label, known):  # type: ignore[no-untyped-def]
        apart = ((rows - vector) ** 2).sum(axis=1) / 4
        if head == "prototype":
            far = ((means - vector) ** 2).sum(axis=1) / 4
        else:
            far = np.array([np.sort(apart[label == name])[:2].mean() for name in names])
        share = np.exp((far.min() - far) / HEADS[head])
        share /= share.sum()
        first = int(np.argmin(far))
        near = np.argsort(apart)[:3]
        return {
            "head": head,
            "answer": "unknown" if far.min() > BOUND else names[first],
            "class": names[first],
            "probability": round(float(share[first]), 6),
            "unknown": bool(far.min() > BOUND),
            "strangeness": round(float(far.min()), 6),
            "bound": BOUND,
            "probabilities": dict(zip(names, np.round(share, 6).tolist(), strict=True)),
            "nearest": [
                {
                    "id": self.id(n) if known else None,
                    "example": None if known else int(n),
                    "label": str(label[n]),
                    "distance": round(float(apart[n]), 6),
                }
                for n in near
            ],
        }

    def id(self, number: int) -> str:
        return hashlib.sha256(self.films[number]).hexdigest()[:16]

    def case(self, number: int) -> dict[str, Any]:
        return {
            "id": self.id(number),
            "label": self.labels[number],
            "source": SOURCES[number % 2],
            "view": "AP" if number % 3 else None,
            "picture": bool(number % 7 != 6),
            "seen": False,
            "place": self.place(self.vectors[number]),
        }

    def number(self, wanted: str) -> int:
        return [self.id(n) for n in range(len(self.films))].index(wanted)

    def similar(self, vector: np.ndarray, k: int) -> dict[str, Any]:
        apart = ((self.vectors - vector) ** 2).sum(axis=1) / 4
        near = np.argsort(apart)[:k]
        cases = [
            self.case(n)
            | {"rank": rank + 1, "distance": round(float(apart[n]), 6), "same_picture": bool(apart[n] < 1e-9)}
            for rank, n in enumerate(near)
        ]
        return {"generation": "1", "films": [{"cases": cases, "warnings": []}]}

    def explained(self, sent: bytes, case: str | None, support: dict[str, Any] | None) -> dict[str, Any]:
        film, vector = film_of(sent), self.embedding(sent)
        told = self.classified([vector], support)
        share = told["films"][0]["answers"][0]["probabilities"]
        why, why_not = [*sorted(share, key=lambda name: -share[name]), ""][:2]
        if support is None:
            case = case or self.similar(vector, 1)["films"][0]["cases"][0]["id"]
        other = None if case is None else self.number(case)
        targets = (f"{why}, not {why_not}", f"like {why}", "like its 5 nearest cases", "like its nearest case")
        of_case = None
        if other is not None:
            of_case = self._maps(film_of(self.films[other]), [("like the film", 9 + other)], [0])
        return self._maps(film, [(name, n) for n, name in enumerate(targets)], [other or 0]) | {
            "answer": why,
            "why": why,
            "why_not": why_not,
            "nearest": [0, 1] if case is None else [case],
            "case": 0 if case is None else case,
            "of_case": of_case,
            "warnings": [],
        }

    def _maps(self, film: np.ndarray, named: list[tuple[str, int]], turn: list[int]) -> dict[str, Any]:
        height, width = film.shape
        maps = []
        for name, n in named:
            cells = np.random.default_rng([n, *turn]).normal(0.01, 0.03, (GRID, GRID))
            cells[1 + n % 3 : 4 + n % 3, 1:4] += 0.05
            total = float(cells.sum())
            maps.append(
                {"target": name, "score": total, "constant": 0.0, "sum": total, "residual": 0.0, "scale": 0.13}
                | {"map": np.round(cells, 6).tolist()}
            )
        window = [0.0, 0.0, float(height), float(width)]
        even = {"height": height, "width": width, "window": window, "shown": window, "grid": [GRID, GRID], "lag": 0.25}
        return even | {"maps": maps}

    def read(self, sent: bytes, k: int) -> dict[str, Any]:
        film, vector = film_of(sent), self.embedding(sent)
        return {
            "picture": {
                "height": film.shape[0],
                "width": film.shape[1],
                "png": base64.b64encode(png_of(film)).decode(),
            },
            "embedding": np.round(vector, 8).tolist(),
            "classified": self.classified([vector], None),
            "similar": self.similar(vector, k),
            "explained": self.several([self.explained(sent, None, None)]),
            "not_explained": "",
        }

    def several(self, films: list[dict[str, Any]]) -> dict[str, Any]:
        verdict = "margin maps, exact: faithful in 8 of 9 checks"
        return {"encoder": "5e" * 32, "generation": "1", "verdict": verdict, "films": films}

    def points(self) -> dict[str, Any]:
        places = [self.place(vector) for vector in self.vectors]
        return {
            "kind": "pca",
            "sentences": ["principal components: distances across the map are meant to be read"],
            "labels": list(LABELS),
            "x": [place["x"] for place in places],
            "y": [place["y"] for place in places],
            "label": [LABELS.index(label) for label in self.labels],
            "id": [self.id(n) for n in range(len(self.films))],
        }

    def about(self) -> dict[str, Any]:
        return {
            "version": "0.1.0",
            "encoder": "5e" * 32,
            "preprocessing": {"size": 96, "crop": 0.9},
            "dimension": DIMENSION,
            "generation": "1",
            "cases": len(self.films),
            "classes": self.classified([], None)["classes"],
            "heads": self.fitted(),
            "columns": ["label", "source", "view"],
            "map": "pca",
            "verdict": "margin maps, exact: faithful in 8 of 9 checks",
            "limits": {"films": 32, "bytes": 1_000_000, "pixels": 50_000_000},
            "demo": True,
            "notes": ["phantom films: drawings, of no use for anything but trying this page"],
            "use": "Research use only: nothing here is fit for diagnosis.",
        }
