"""The heads of easyfsl and scikit-learn beside ours, and the films that both are asked about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.heads.bdcspn import BDCSPNClassifier
from embedlearn.episodes.heads.cosine import CosineClassifier
from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.heads.laplacian import LaplacianShotClassifier
from embedlearn.episodes.heads.logistic import LogisticClassifier
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.heads.ptmap import PTMAPClassifier
from embedlearn.episodes.heads.tim import TIMClassifier
from embedlearn.episodes.heads.transductive import TransductiveFineTuning
from embedlearn.episodes.metrics import Scores
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Singles, normalized
from embedlearn.episodes.transforms import powered

if TYPE_CHECKING:
    from easyfsl.methods import FewShotClassifier  # type: ignore[import-untyped]
    from torch.utils.data import DataLoader

SHOTS, QUERIES, WIDTH = 5, 15, 512
SPREAD = 4.5  # of a film about its class, where the classes' means are spread by 1: some answers are wrong
NEAR = 1e-4  # of the range of an episode's scores: closer ones are tied, up to rounding


class Films(NamedTuple):
    """Films of classes with equally many, each of a patient of its own: rows float32 [N, D], classes str [N]."""

    rows: Singles
    classes: NDArray[np.str_]

    @classmethod
    def draw(cls, ways: int, of_each: int, width: int = WIDTH) -> Films:
        """Films spread normally about the means of their classes."""
        rng = np.random.default_rng(0)
        label = np.repeat(np.arange(ways), of_each)
        rows = rng.standard_normal((len(label), width), np.float32)
        rows *= SPREAD
        rows += rng.standard_normal((ways, width), np.float32)[label]
        return cls(rows, np.array([f"class {way}" for way in range(ways)])[label])

    @property
    def center(self) -> Singles:
        """The mean of the rows, float32 [D]."""
        return np.asarray(self.rows.mean(axis=0))

    def episodes(self, count: int, seed: int) -> Episodes:
        """Episodes of all classes."""
        return EpisodeSampler(None, SHOTS, QUERIES, count, seed).sample(self.classes, np.arange(len(self.classes)))


class Duel(NamedTuple):
    """A head of ours and one of the peer's, at equal settings.

    `each`: episodes a round. `peer_rows`: makes of the films what the peer can take.
    """

    name: str
    head: EpisodeHead
    peer_name: str
    peer: FewShotClassifier
    each: int = 40
    peer_rows: Callable[[Singles], NDArray[np.floating]] = np.asarray


def evaluated(center: Singles) -> tuple[Duel, ...]:
    """The heads that answer from the products of all pairs."""
    import torch
    from easyfsl.methods import PrototypicalNetworks, SimpleShot

    simpleshot = SimpleShot(feature_centering=torch.from_numpy(center), feature_normalization=2.0)
    inverse = KNeighborsClassifier(5, weights="distance")
    fed = "scikit-learn KNeighborsClassifier, fed by easyfsl's loader"
    return (
        Duel("prototypes", PrototypeClassifier(), "easyfsl PrototypicalNetworks", PrototypicalNetworks()),
        Duel("SimpleShot", PrototypeClassifier("cosine", center), "easyfsl SimpleShot", simpleshot),
        # of tied votes ours takes the class of the nearest film, scikit-learn's the first
        Duel("k-NN", KNNClassifier(5), fed, fitting(KNeighborsClassifier(5))),
        Duel("k-NN by distance", KNNClassifier(5, "distance"), fed, fitting(inverse)),
    )


def iterating() -> tuple[Duel, ...]:
    """The heads that iterate, at easyfsl's own settings, for films at unit length."""
    from easyfsl.methods import BDCSPN, PTMAP, TIM, Finetune, LaplacianShot, TransductiveFinetuning

    tim, tuned, adapted = (each(feature_normalization=2.0) for each in (TIM, Finetune, TransductiveFinetuning))
    exact, doubles = LogisticRegression(tol=1e-8, max_iter=10_000), partial(np.asarray, dtype=np.float64)
    logistic, probe = LogisticClassifier(), "scikit-learn LogisticRegression"
    distance = TransductiveFineTuning(25, 5e-5, 1.0, "euclidean")
    return (
        Duel("BD-CSPN", BDCSPNClassifier(), "easyfsl BDCSPN", BDCSPN(), 200),
        # easyfsl's three neighbours are two and the film itself
        Duel("LaplacianShot", LaplacianShotClassifier(2), "easyfsl LaplacianShot", LaplacianShot(knn=3), 200),
        Duel("TIM", TIMClassifier(50, 1e-4, conditional_weight=0.1), "easyfsl TIM", tim),
        Duel("transductive fine-tuning", distance, "easyfsl TransductiveFinetuning", adapted),
        Duel("cosine classifier", CosineClassifier(200, 1e-4, 1.0), "easyfsl Finetune", tuned),
        Duel("PT-MAP", PTMAPClassifier(steps=10), "easyfsl PTMAP", PTMAP(power_factor=1.0), 40, above_zero),
        Duel("logistic regression", logistic, probe, fitting(LogisticRegression())),
        Duel("logistic regression", logistic, f"{probe}, float64, as exact as ours", fitting(exact), 40, doubles),
    )


def above_zero(rows: Singles) -> Singles:
    """Rows for easyfsl's PT-MAP, which cuts off what is below zero: raised to the power by us, and shifted."""
    raised = normalized(powered(rows, 0.5))
    return np.asarray(raised - raised.min(), np.float32)


def fitting(model: Any) -> FewShotClassifier:
    """A classifier of easyfsl's kind that fits a model of scikit-learn's to each episode's support."""
    import torch
    from easyfsl.methods import FewShotClassifier

    class Fitting(FewShotClassifier):  # type: ignore[misc]  # easyfsl is untyped
        def process_support_set(self, support_images: torch.Tensor, support_labels: torch.Tensor) -> None:
            model.fit(support_images.numpy(), support_labels.numpy())

        def forward(self, query_images: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(model.predict_proba(query_images.numpy()))

    return Fitting()


def easyfsl_loader(films: Films, episodes: int) -> DataLoader[Any]:
    """Episodes of the films as easyfsl draws and loads them."""
    from easyfsl.datasets import FeaturesDataset  # type: ignore[import-untyped]
    from easyfsl.samplers import TaskSampler  # type: ignore[import-untyped]
    from torch.utils.data import DataLoader

    names, label = np.unique(films.classes, return_inverse=True)

    class Tasks(TaskSampler):  # type: ignore[misc]  # easyfsl is untyped
        # in place of its own, which gives torch's sampler an argument that is no more
        def __init__(self) -> None:
            self.n_way, self.n_shot, self.n_query, self.n_tasks = len(names), SHOTS, QUERIES, episodes
            self.items_per_label = {way: np.flatnonzero(label == way).tolist() for way in range(len(names))}

    dataset = FeaturesDataset.from_dict({name: films.rows[films.classes == name] for name in names})
    tasks = Tasks()
    return DataLoader(dataset, batch_sampler=tasks, collate_fn=tasks.episodic_collate_fn)


def their_scores(peer: FewShotClassifier, rows: NDArray[np.floating], episodes: Episodes) -> Scores:
    """The peer's scores, float [E, T, W]."""
    import torch

    films, label = torch.from_numpy(rows), torch.from_numpy(episodes.support_label)
    found = []
    with torch.no_grad():
        for support, query in zip(episodes.support, episodes.query, strict=True):
            peer.process_support_set(films[support], label)
            found.append(peer(films[query]).numpy())
    return np.stack(found)


def agreement(ours: Scores, theirs: Scores) -> str:
    """How many predictions are the same, of scores [E, T, W], and how many of the others the peer holds for tied."""
    mine, yours = ours.argmax(axis=2), theirs.argmax(axis=2)
    differ = mine != yours
    said = f"{(~differ).sum():,} of {differ.size:,} predictions identical"
    if not differ.any():
        return said
    best, second = (np.take_along_axis(theirs, slot[..., None], axis=2)[..., 0] for slot in (yours, mine))
    apart = differ & (best - second > NEAR * np.ptp(theirs, axis=(1, 2))[:, None])
    return f"{said}, {(differ & ~apart).sum():,} tied within {NEAR:g}, {apart.sum():,} not"
