"""What the checks ask of a network: films, and for each of them why this class and not that one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import standardise
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.explanations.lag import measure_lag
from embedlearn.explanations.methods import Method
from embedlearn.explanations.targets import margin_target
from embedlearn.radiographs.preprocessing import Preprocessing

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
BATCH = 32
QUERIES, SUPPORT = 32, 16  # films asked about, of all classes; films of a class, at most, that stand for it
FEWEST = 4  # examples of a class, below which its mean says little


@dataclass(frozen=True, eq=False)
class CheckedNetwork:
    """An encoder in evaluation mode, what its films went through, and how a new one with random weights is made.

    `fresh` maps a seed to such an encoder; without it the architecture is built again. What a cell of a map is
    compared with, or takes away, lies where the encoder looks: `lag` says how far before the even grid.
    """

    encoder: Encoder
    preprocessing: Preprocessing
    fresh: Callable[[int], Encoder] | None = None

    def __post_init__(self) -> None:
        if self.encoder.training:
            raise ArgumentError("network: in training mode a film's map depends on its batch; call eval() first")

    @functools.cached_property
    def lag(self) -> float:
        """In cells, as `measure_lag` finds it, once."""
        return measure_lag(self.encoder, self.preprocessing)

    def random(self, seed: int) -> Encoder:
        """An encoder of the same kind with random weights, in evaluation mode; no global generator is touched."""
        fresh = self.fresh or (lambda number: Encoder(self.encoder.architecture, seed=number))
        return fresh(seed).to(next(self.encoder.parameters()).device).eval()

    def inputs(self, films: Pixels) -> Tensor:
        """Films uint8 [N, S, S] as the encoder reads them, float32 [N, 1, S, S]."""
        greys = torch.from_numpy(np.array(films, np.float32))[:, None] / 255
        return standardise(greys, self.preprocessing).to(next(self.encoder.parameters()).device)

    @torch.no_grad()
    def embed(self, inputs: Tensor) -> Tensor:
        """Embeddings float32 [N, D] of inputs [N, 1, S, S]."""
        return torch.cat([self.encoder(batch) for batch in torch.split(inputs, BATCH)])


@dataclass(frozen=True, eq=False)
class CheckedFilms:
    """Films that the encoder was not trained on: uint8 [N, S, S], with labels, str [N], and cases, int64 [N]."""

    pixels: Pixels
    labels: NDArray[np.str_]
    cases: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Question:
    """Why each film, uint8 [N, S, S] of `cases` [N], is of class `first` [N] and not of `other` [N].

    `support` holds, by class, the films of other cases whose mean embedding stands for it; `known` are these cases.
    """

    films: Pixels
    cases: NDArray[np.int64]
    first: list[str]
    other: list[str]
    support: Mapping[str, Pixels]
    known: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def where(self, mask: NDArray[np.bool_]) -> Question:
        """The question of the films for which the boolean array [N] holds."""
        first, other = (list(compress(names, mask)) for names in (self.first, self.other))
        return replace(self, films=self.films[mask], cases=self.cases[mask], first=first, other=other)

    def put_to(self, network: CheckedNetwork) -> Asked:
        """The question with this network's own class means."""
        means = {name: network.embed(network.inputs(films)) for name, films in self.support.items()}
        targets = {
            pair: margin_target(*pair, means[pair[0]], means[pair[1]])
            for pair in sorted(set(zip(self.first, self.other, strict=True)))
        }
        mine = [targets[pair] for pair in zip(self.first, self.other, strict=True)]
        offsets = torch.tensor([target.offset for target in mine])
        vectors = torch.stack([target.vector for target in mine])
        return Asked(network, network.inputs(self.films), vectors, offsets.to(vectors), self.cases)


@dataclass(frozen=True, eq=False)
class Asked:
    """Inputs float32 [N, 1, S, S] and the scores asked of them: z . vector + offset, vectors [N, D], offsets [N]."""

    network: CheckedNetwork
    inputs: Tensor
    vectors: Tensor
    offsets: Tensor
    cases: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.inputs)

    def maps(self, method: Method) -> Floats:
        """What a method draws for the films, float32 [N, h, w]."""
        drawn = [
            method(self.network.encoder, inputs, vectors).detach().float().cpu()
            for inputs, vectors in zip(torch.split(self.inputs, BATCH), torch.split(self.vectors, BATCH), strict=True)
        ]
        return torch.cat(drawn).numpy()

    def maps_by(self, methods: Mapping[str, Method]) -> dict[str, Floats]:
        """The maps of several methods, by name."""
        return {name: self.maps(method) for name, method in methods.items()}

    def scores(self, inputs: Tensor) -> NDArray[np.float64]:
        """The scores of changed inputs [N, 1, S, S] of the same films, float64 [N]."""
        scores = (self.network.embed(inputs) * self.vectors).sum(1) + self.offsets
        return scores.double().cpu().numpy()


def draw_question(
    network: CheckedNetwork, films: CheckedFilms, *, queries: int = QUERIES, support: int = SUPPORT, seed: int = 0
) -> Question:
    """A question of about `queries` films, evenly from the classes: why the class whose mean is nearest, not the next.

    It is the answer given that is explained, right or wrong. `support` films a class, of other cases, make the means.
    A class of `thin_classes` is left out. Raises `EpisodeError` unless two classes have films enough.
    """
    by_class = _rows_by_class(films, seed)
    share = {name: min(support, len(found) // 2) for name, found in by_class.items()}
    used = [name for name, count in share.items() if count >= FEWEST]
    if len(used) < 2:
        raise EpisodeError(
            f"films: wanted two classes of {2 * FEWEST} cases or more to explain one against the other, got "
            f"{', '.join(f'{name} of {len(found)}' for name, found in by_class.items())}; give more films"
        )
    support_rows = {name: by_class[name][: share[name]] for name in used}
    examples = {name: films.pixels[rows] for name, rows in support_rows.items()}
    asked = [by_class[name][share[name] :][: max(1, queries // len(used))] for name in used]
    chosen = np.concatenate(asked)
    known = films.cases[np.concatenate(list(support_rows.values()))]
    return replace(ask_of(network, films.pixels[chosen], films.cases[chosen], examples), known=known)


def thin_classes(films: CheckedFilms, classes: Iterable[str], seed: int = 0) -> dict[str, int]:
    """Those of `classes` with too few cases to be asked about, and how many each has."""
    counts = {name: len(rows) for name, rows in _rows_by_class(films, seed).items()}
    return {name: counts.get(name, 0) for name in classes if counts.get(name, 0) < 2 * FEWEST}


def _rows_by_class(films: CheckedFilms, seed: int) -> dict[str, NDArray[np.int64]]:
    """Rows by class in random order, one film a case, so that no case stands on both sides."""
    shuffled = np.random.default_rng(seed).permutation(len(films.cases))
    _, first = np.unique(films.cases[shuffled], return_index=True)
    rows = shuffled[np.sort(first)]
    return {str(name): rows[films.labels[rows] == name] for name in np.unique(films.labels)}


def ask_of(network: CheckedNetwork, films: Pixels, cases: NDArray[np.int64], support: Mapping[str, Pixels]) -> Question:
    """Why the class of `support` whose mean is nearest to a film, and not the next nearest."""
    names = list(support)
    means = torch.stack([network.embed(network.inputs(support[name])).mean(0) for name in names])
    distances = torch.cdist(network.embed(network.inputs(films)), means)
    nearest = distances.argsort(1)[:, :2].tolist()
    first, other = [names[pair[0]] for pair in nearest], [names[pair[1]] for pair in nearest]
    return Question(films, cases, first, other, support)


def with_encoder(network: CheckedNetwork, encoder: Encoder) -> CheckedNetwork:
    """The same with other weights."""
    return replace(network, encoder=encoder)
