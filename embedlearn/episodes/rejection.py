"""Whether a head can say "none of these": how strange a film is to the support, and what a bound on that catches.

A larger strangeness is stranger. It is measured in the rows as they are handed over: centre them and bring them to unit
length first where that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from embedlearn.episodes.metrics import auc
from embedlearn.episodes.space import Floats
from embedlearn.errors import ArgumentError

Ints = NDArray[np.int64]
Rows = NDArray[np.floating]
KEEP = 0.95
CURVE_POINTS = 400


class RejectionCurve(NamedTuple):
    """What every bound on strangeness does, from rejecting all films, (0, 1), to accepting all, (1, 0).

    Both float64 [P], P <= 400: the share of known films accepted, and the share of unknown films caught.
    """

    known_accepted: Floats
    unknown_caught: Floats


class Rejection(NamedTuple):
    """How well strangeness tells unknown films from known ones, the films of all episodes pooled.

    `auroc`: how often an unknown film is stranger than a known one, ties counting half. `fpr95`: the share of unknown
    films accepted by the least bound that accepts 95 % of these same known films.
    `known_rejected`, `unknown_caught`: the shares beyond a bound that comes from other films; NaN without one.
    """

    auroc: float
    fpr95: float
    known_rejected: float
    unknown_caught: float
    curve: RejectionCurve


def prototype_strangeness(support: Rows, label: Ints, query: Rows, n_way: int) -> Floats:
    """The distance of query films [e, T, D] to the nearest class mean of support films [e, S, D], float64 [e, T].

    `label`: the slot of each support film, int [S]; every slot 0..n_way-1 has a film. Raises `ArgumentError`.
    """
    return FROM_PROTOTYPES["prototype"](_squared_distances(query, _prototypes(support, label, n_way)))


def knn_strangeness(support: Rows, label: Ints, query: Rows, n_way: int, k: int | None = None) -> Floats:
    """The distance to the k-th nearest support film (Sun 2022, arXiv 2204.06507, section 3), float64 [e, T].

    `k`: None is the films of the smallest class, 5 at most, so that a class alone can hold all k. The paper measures
    between embeddings of unit length. Arguments and errors as above, and where there are no k support films.
    """
    counts = _class_sizes(support, label, n_way)
    nearest = min(5, int(counts.min())) if k is None else k
    if not 1 <= nearest <= len(label):
        raise ArgumentError(f"k: wanted 1..{len(label)}, the support films, got {k}")
    distances = _squared_distances(query, np.asarray(support, dtype=np.float64))
    return np.asarray(np.sqrt(np.partition(distances, nearest - 1, axis=2)[:, :, nearest - 1]))


def energy_strangeness(support: Rows, label: Ints, query: Rows, n_way: int, temperature: float = 1.0) -> Floats:
    """The energy of minus the squared distances to the class means as logits, float64 [e, T]; arguments as above.

    The mean of the exponentials is taken, not their sum, so that a bound from two classes holds for three.
    Where distances are large beside `temperature`, it is the squared distance to the nearest mean.
    """
    squared = _squared_distances(query, _prototypes(support, label, n_way))
    return np.asarray(energy(-squared, temperature) + temperature * np.log(n_way))


def energy(scores: Floats, temperature: float = 1.0) -> Floats:
    """-T * logsumexp(scores / T) over the last axis (Liu 2020, arXiv 2010.03759, section 3), [e, T] from [e, T, W].

    The scores must be whole: a head's scores lack a constant a film, which softmax does not miss and energy is made of.
    Raises `ArgumentError` where the temperature is not above 0.
    """
    if not 0 < temperature < np.inf:
        raise ArgumentError(f"temperature: wanted a number above 0, got {temperature}")
    return np.asarray(-temperature * logsumexp(np.asarray(scores, dtype=np.float64) / temperature, axis=-1))


# What strangeness makes of the squared distances to the class means, float64 [..., W].
FROM_PROTOTYPES: dict[str, Callable[[Floats], Floats]] = {
    "prototype": lambda squared: np.asarray(np.sqrt(squared.min(axis=-1))),
    "energy": lambda squared: energy(-squared) + np.log(squared.shape[-1]),
}
STRANGENESS: dict[str, Callable[[Rows, Ints, Rows, int], Floats]] = {
    "prototype": prototype_strangeness,
    "knn": knn_strangeness,
    "energy": energy_strangeness,
}


def threshold(strangeness_of_known: ArrayLike, keep: float = KEEP) -> float:
    """The bound that accepts the share `keep` of known films (float, any shape): accept where strangeness <= bound.

    A quantile that lies between two films is the stranger one's, so that no less than `keep` is accepted of them. Take
    it from the base classes' films. Raises `ArgumentError` where there is no film, or `keep` is not within 0..1.
    """
    if not 0 < keep <= 1:
        raise ArgumentError(f"keep: wanted a share above 0 and up to 1, got {keep}")
    return float(np.quantile(_checked(strangeness_of_known), keep, method="higher"))


def rejection(strangeness: ArrayLike, is_unknown: ArrayLike, threshold: float | None = None) -> Rejection:
    """What `strangeness` (float [E, T]) is worth against the truth `is_unknown` (bool [E, T], or [T] for all episodes).

    `threshold`: a bound carried over from other films. Raises `ArgumentError` where the two do not fit together, there
    are no known or no unknown films, or the bound is NaN.
    """
    values, unknown = _judged(strangeness, is_unknown)
    if not 0 < unknown.sum() < unknown.size:
        raise ArgumentError("is_unknown: wanted known and unknown films, got all of one kind")
    if threshold is not None and np.isnan(threshold):
        raise ArgumentError("threshold: wanted a number, got NaN")
    strange, familiar = values[unknown], values[~unknown]
    bound = np.quantile(familiar, KEEP, method="inverted_cdf")
    return Rejection(
        auroc=float(auc(values.reshape(1, -1), unknown.reshape(1, -1))[0]),
        fpr95=float((strange <= bound).mean()),
        known_rejected=np.nan if threshold is None else float((familiar > threshold).mean()),
        unknown_caught=np.nan if threshold is None else float((strange > threshold).mean()),
        curve=_curve(strange, familiar),
    )


def episode_auroc(strangeness: ArrayLike, is_unknown: ArrayLike) -> Floats:
    """`Rejection.auroc` in each episode alone, float64 [E]; NaN in one without known or without unknown films.

    Arguments as for `rejection`. Raises `ArgumentError` where they do not fit together.
    """
    values, unknown = _judged(strangeness, is_unknown)
    if values.ndim != 2:
        raise ArgumentError(f"strangeness: wanted [episodes, films], got shape {values.shape}")
    found = np.full(len(values), np.nan)
    both = unknown.any(axis=1) & ~unknown.all(axis=1)
    if both.any():
        found[both] = auc(values[both], unknown[both])
    return found


def _curve(strange: Floats, familiar: Floats) -> RejectionCurve:
    """Shares at each strangeness that occurs, thinned evenly."""
    bounds = np.unique(np.concatenate([strange, familiar]))
    kept = np.unique(np.linspace(0, len(bounds), min(CURVE_POINTS, len(bounds) + 1)).round().astype(int))
    bounds = np.append(-np.inf, bounds)[kept]
    accepted = np.searchsorted(np.sort(familiar), bounds, side="right") / len(familiar)
    missed = np.searchsorted(np.sort(strange), bounds, side="right") / len(strange)
    return RejectionCurve(accepted, 1 - missed)


def _class_sizes(support: Rows, label: Ints, n_way: int) -> Ints:
    """Support films of each slot, int [W]. Raises `ArgumentError` where labels do not fit the films or the ways."""
    label = np.asarray(label)
    if np.ndim(support) != 3 or label.shape != np.shape(support)[1:2]:
        raise ArgumentError(f"label: wanted one for each support film, got shapes {label.shape}, {np.shape(support)}")
    if not np.array_equal(np.unique(label), np.arange(n_way)):
        raise ArgumentError(f"label: wanted every slot 0..{n_way - 1}, got {np.unique(label).tolist()}")
    return np.bincount(label)


def _prototypes(support: Rows, label: Ints, n_way: int) -> Floats:
    """Class means, float64 [e, W, D]."""
    counts = _class_sizes(support, label, n_way)
    share = (np.arange(n_way)[:, None] == np.asarray(label)) / counts[:, None]
    return np.asarray(share @ np.asarray(support, dtype=np.float64))


def _squared_distances(query: Rows, others: Floats) -> Floats:
    """Squared Euclidean distances, float64 [e, T, n], of [e, T, D] to [e, n, D]."""
    # seen from the others' midst the squares are as small as they can be, and so is what rounding takes from them
    midst = others.mean(axis=1, keepdims=True)
    query, others = query - midst, others - midst
    squares = np.einsum("etd,etd->et", query, query)[:, :, None] + np.einsum("end,end->en", others, others)[:, None]
    return np.asarray(np.maximum(squares - 2 * (query @ others.transpose(0, 2, 1)), 0))


def _checked(strangeness: ArrayLike) -> Floats:
    values = np.asarray(strangeness, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        raise ArgumentError("strangeness: wanted a finite number for each film")
    return values


def _judged(strangeness: ArrayLike, is_unknown: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Checked strangeness, and the truth in the same shape."""
    values, unknown = _checked(strangeness), np.asarray(is_unknown)
    if unknown.dtype != bool or unknown.shape not in (values.shape, values.shape[-1:]):
        raise ArgumentError(f"is_unknown: wanted true or false for {values.shape}, got {unknown.dtype} {unknown.shape}")
    return values, np.broadcast_to(unknown, values.shape)
