"""How well classes can be told from a few numbers a film, and how far that figure can be trusted.

The models are plain logistic ones, fitted on some cases and asked about others. Nothing here knows what the numbers
are: a file's header, a border of pixels and an embedding are judged alike.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.audits.replicates import Floats, Ints
from embedlearn.errors import ArgumentError, EpisodeError

Singles = NDArray[np.float32]
PENALTY = 0.03  # C of the models: hundreds of features of a few hundred films need a firm hand
COMPONENTS = 128  # of principal components, where there are more features
ROWS = 4096  # films that are enough to find these
MOST = 2000  # films of a class that a model of so few numbers is fitted on
HEAVIEST = 10.0  # times the mean that a balanced film may count
FAR = 5.0  # standard deviations: what lies further out counts as so far


class Scores(NamedTuple):
    """Of each of N films and C classes, out of fold: `log_odds` float64 [N, C], for the class and against all others.

    They are those of the model less those of the class's share among the films it was fitted on. The folds' models
    begin at other shares; less these all films may be ranked together, and a model that learnt nothing ranks nothing.
    An AUC is pooled over the folds: it ranks these log-odds of all films at once.
    """

    classes: tuple[str, ...]
    log_odds: Floats


def cross_validate(
    features: ArrayLike,
    labels: ArrayLike,
    cases: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Scores:
    """Scores of logistic models for films that they were not fitted on; films of one case are never torn apart.

    `features` float [N, F], standardised by the films fitted on, and of more than `COMPONENTS` their leading principal
    components; `labels` str [N]; `cases` int [N]; `weights` float [N], how much a film counts in a fit, such as
    `balanced_weights`. The models are multinomial with an L2 penalty (scikit-learn's `LogisticRegression`). Where a
    class has fewer cases than `folds` there are as many folds as it has cases. Raises `ArgumentError` where arrays do
    not belong together, `EpisodeError` where there is one class only, or one with a single case.
    """
    rows = checked_matrix(features, np.float32)
    classes, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    groups = np.unique(np.asarray(cases), return_inverse=True)[1]
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    for name, given in (("labels", codes), ("cases", groups), ("weights", counts)):
        if given.shape != (len(rows),):
            raise ArgumentError(f"{name}: wanted one of each of the {len(rows)} films, got {given.shape}")
    names = tuple(str(name) for name in classes)
    fold = deal_folds(codes, groups, min(folds, _fewest_cases(names, codes, groups)), seed)
    log_odds = np.empty((len(rows), len(names)))
    for number in range(int(fold.max()) + 1):
        out = fold == number
        _require_all(names, codes[~out], counts[~out])
        log_odds[out] = _fitted(rows[~out], codes[~out], counts[~out], rows[out])
    return Scores(names, log_odds)


def fit_and_score(
    features: ArrayLike, labels: ArrayLike, asked: ArrayLike, *, weights: ArrayLike | None = None
) -> Scores:
    """Scores of the films `asked`, float [M, F], by one model of other films, given as to `cross_validate`."""
    rows, others = checked_matrix(features, np.float32), checked_matrix(asked, np.float32)
    classes, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    names = tuple(str(name) for name in classes)
    if len(names) < 2:
        raise EpisodeError(f"classes: wanted two or more to tell apart, got {', '.join(names) or 'none'}")
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    _require_all(names, codes, counts)
    return Scores(names, _fitted(rows, codes, counts, others))


def deal_folds(codes: ArrayLike, groups: ArrayLike, folds: int, seed: int) -> Ints:
    """A fold 0..folds-1 for each film, int64 [N]: of each class, int [N], alike many; groups, int [N], stay whole.

    Groups are dealt in turn, those of a class after each other, the largest first; one of two classes goes with the
    rarer.
    """
    codes, groups = np.asarray(codes), np.unique(np.asarray(groups), return_inverse=True)[1]
    lot = np.random.default_rng(seed).permutation(groups.max() + 1)
    frequency = np.bincount(codes)
    order = np.lexsort((codes, frequency[codes]))[::-1]
    rarest = np.empty(len(lot), np.int64)
    rarest[groups[order]] = codes[order]  # the last one written is the rarest
    dealt = np.empty(len(lot), np.int64)
    dealt[np.lexsort((lot, -np.bincount(groups), rarest))] = np.arange(len(lot)) % folds
    return dealt[groups]


def balanced_weights(labels: ArrayLike, sources: ArrayLike) -> Floats:
    """Weights float64 [N], of mean 1, by which each class of each source counts alike; both are str [N].

    A film counts at most `HEAVIEST` times the mean, lest a fit hang on a few: those of a class of which a source has
    very few films count together as much as these may, and all others alike.
    """
    pairs = np.stack([np.asarray(labels, dtype=str), np.asarray(sources, dtype=str)])
    _, cell, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    weights = 1 / counts[cell.ravel()]
    held = np.zeros(len(weights), bool)
    while True:  # what the held films do not count falls to the others, which may then be too heavy
        weights = weights * (len(weights) - HEAVIEST * held.sum()) / weights[~held].sum()
        weights[held] = HEAVIEST
        if not (heavy := weights > HEAVIEST).any():
            return np.asarray(weights)
        held |= heavy


def _fewest_cases(names: tuple[str, ...], codes: Ints, groups: Ints) -> int:
    """How many cases the rarest class has. Raises `EpisodeError` where nothing can be fitted."""
    if len(names) < 2:
        raise EpisodeError(f"classes: wanted two or more to tell apart, got {', '.join(names) or 'none'}")
    pairs = np.unique(np.stack([codes, groups]), axis=1)[0]
    counts = np.bincount(pairs, minlength=len(names))
    if (fewest := int(counts.min())) < 2:
        name = names[int(np.argmin(counts))]
        raise EpisodeError(f"class {name}: wanted films of two cases or more, got one; add films or leave it out")
    return fewest


def _require_all(names: tuple[str, ...], codes: Ints, weights: Floats) -> None:
    """Raise `EpisodeError` where no film of a class counts in a fit."""
    lost = np.flatnonzero(np.bincount(codes, weights, len(names)) == 0)
    if len(lost):
        raise EpisodeError(f"class {names[lost[0]]}: what counts of it is in too few cases; add films or leave it out")


def _fitted(rows: Singles, codes: Ints, weights: Floats, asked: Singles) -> Floats:
    """Log-odds of each class, float64 [M, C], of the films `asked` [M, F] by a model of the films `rows` [N, F]."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # several threads wait for each other longer than such a fit takes, and round otherwise
        return _fitted_alone(rows, codes, weights, asked)


def _fitted_alone(rows: Singles, codes: Ints, weights: Floats, asked: Singles) -> Floats:
    from sklearn.linear_model import LogisticRegression

    mean, deviation = rows.mean(0, dtype=np.float64), rows.std(0, dtype=np.float64)
    changing = deviation > 1e-6 * np.maximum(abs(mean), 1e-3)  # what never does says nothing
    if not changing.any():
        return np.zeros((len(asked), int(codes.max()) + 1))
    centre, scale = mean.astype(np.float32), np.where(changing, deviation, np.inf).astype(np.float32)
    rows, asked = (np.clip((part - centre) / scale, -FAR, FAR) for part in (rows, asked))
    if rows.shape[1] > COMPONENTS:
        axes = _leading_axes(rows)
        rows, asked = rows @ axes, asked @ axes
    some, weights = _enough(codes, weights)
    codes, weights = codes[some], weights / weights.mean()
    model = LogisticRegression(C=PENALTY, max_iter=2000)
    model.fit(rows[some].astype(np.float64), codes, sample_weight=weights)
    found = model.decision_function(asked.astype(np.float64))
    scores = np.column_stack([-found / 2, found / 2]) if found.ndim == 1 else found
    share = np.bincount(codes, weights) / weights.sum()
    odds = _against_the_rest(scores)
    odds -= np.log(share) - np.log1p(-share)
    return odds


def _enough(codes: Ints, weights: Floats) -> tuple[Ints, Floats]:
    """Rows of at most `MOST` films of each class, taken evenly, and weights by which these stand for all of them."""
    rows, counts = [], []
    for code in np.unique(codes):
        there = np.flatnonzero((codes == code) & (weights > 0))
        taken = there[np.linspace(0, len(there), min(MOST, len(there)), endpoint=False).astype(int)]
        rows.append(taken)
        counts.append(weights[taken] * (weights[there].sum() / weights[taken].sum()))
    return np.concatenate(rows), np.concatenate(counts)


def _leading_axes(rows: Singles) -> Singles:
    """The directions of most variance of standardised rows [N, F], as columns, at most `COMPONENTS`, by some rows."""
    some = rows[:: -(-len(rows) // ROWS)]
    if len(some) < some.shape[1]:
        return np.asarray(np.linalg.svd(some, full_matrices=False)[2][:COMPONENTS].T)
    _, axes = np.linalg.eigh(some.T @ some)
    return np.asarray(axes[:, : -COMPONENTS - 1 : -1])


def _against_the_rest(scores: Floats) -> Floats:
    """The logarithm of p / (1 - p) of each class, [N, C], where p is the softmax of the scores [N, C]."""
    odds = np.empty_like(scores)
    for code in range(scores.shape[1]):
        others = np.delete(scores, code, axis=1)
        top = others.max(1)
        odds[:, code] = scores[:, code] - top - np.log(np.exp(others - top[:, None]).sum(1))
    return odds
