"""Few-shot heads beside easyfsl and scikit-learn: episodes a second of processor time, and whether the answers agree.

Everything but whole processes runs on one thread, both sides in turn, so that what else the machine does meets both.
Our loops are compiled before any clock starts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from embedlearn.console import run_command, say
from embedlearn.embeddings import Embeddings
from embedlearn.episodes import kernels
from embedlearn.episodes.evaluate import answers
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
from embedlearn.episodes.space import Singles, Space, normalized
from embedlearn.episodes.transforms import powered
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, cpu_seconds, write_measurements

if TYPE_CHECKING:
    from easyfsl.methods import FewShotClassifier  # type: ignore[import-untyped]
    from torch.utils.data import DataLoader

Answer = TypeVar("Answer")

SHOTS, QUERIES, WIDTH = 5, 15, 512
POOLS = ((5, 600), (3, 500))  # classes, and films of each
SPREAD = 4.5  # of a film about its class, where the classes' means are spread by 1: some answers are wrong
NEAR = 1e-4  # of the range of an episode's scores: closer ones are tied, up to rounding
SECONDS, GIGABYTES = 5.0, 1.0  # our aims


@dataclass(frozen=True, kw_only=True)
class EpisodeBenchmark(BenchmarkFlags):
    """Compare few-shot heads with easyfsl's and scikit-learn's: 5 shots, 15 queries, embeddings of 512 numbers."""


def main() -> None:
    run_command(EpisodeBenchmark, _run, "experiments.benchmarks.episodes", None)


def _run(settings: EpisodeBenchmark) -> None:
    import torch

    torch.set_num_threads(1)
    rounds = 2 if settings.quick else 5
    found: list[Measurement] = []
    with threadpool_limits(1):
        for part in (_evaluations, _heads_alone, _command, _memory):
            for measurement in part(settings.quick, rounds):
                say(f"{measurement.metric}: {measurement.ratio:.2f}")
                found.append(measurement)
    write_measurements(settings.json, found)


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


def _evaluations(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Episodes a CPU-second from embeddings to accuracy: drawing them and the products of all pairs counted in.

    The peer's part is easyfsl's sampler, loader and loop.
    """
    from easyfsl.utils import evaluate  # type: ignore[import-untyped]

    counts, theirs, asked = ((2_000, 1_000), 50, 20) if quick else ((50_000, 10_000), 400, 300)
    for ways, of_each in POOLS:
        films = Films.draw(ways, of_each)
        space, loader = Space(films.rows, films.center), easyfsl_loader(films, theirs)
        episodes = films.episodes(asked, 0)
        for duel in evaluated(films.center):
            same = agreement(scores_of(duel.head, space, episodes), their_scores(duel.peer, films.rows, episodes))
            accuracy(duel.head, films, asked, 0)
            ours: dict[int, list[float]] = {count: [] for count in counts}
            peer = []
            for number in range(rounds):
                for count in counts:
                    ours[count].append(count / _timed(partial(accuracy, duel.head, films, count, number))[0])
                peer.append(theirs / _timed(partial(evaluate, duel.peer, loader, device="cpu", use_tqdm=False))[0])
            for count in counts:
                yield compare(
                    f"{duel.name}, episodes a CPU-second, {ways}-way, {count:,} episodes ({same})", ours[count], peer,
                    duel.peer_name, less_is_better=False,
                )  # fmt: skip


def _heads_alone(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Episodes a CPU-second of heads that iterate, on the same episodes; drawing them is not counted on either side."""
    for ways, of_each in POOLS:
        films = Films.draw(ways, of_each)
        rows = normalized(films.rows)
        space = Space(rows)
        for duel in iterating():
            each = 2 if quick else duel.each
            episodes = films.episodes(rounds * each, 0)
            peer_rows = duel.peer_rows(rows)
            ours, peer, answered = [], [], []
            for first in range(0, len(episodes), each):
                part = episodes[first : first + each]
                ours.append(each / cpu_seconds(partial(scores_of, duel.head, space, part)))
                seconds, scores = _timed(partial(their_scores, duel.peer, peer_rows, part))
                peer.append(each / seconds)
                answered.append(scores)
            same = agreement(scores_of(duel.head, space, episodes), np.concatenate(answered))
            yield compare(
                f"{duel.name}, episodes a CPU-second, {ways}-way ({same})", ours, peer, duel.peer_name,
                less_is_better=False,
            )  # fmt: skip


def _command(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Seconds by the wall of `embedlearn fewshot`; left out with a word where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        films, out = Path(folder) / "films.parquet", Path(folder) / "out"
        save_embeddings(films)
        flags = "--heads prototype simpleshot knn --shots 5 --episodes 10000 --bootstrap 0"
        command = [sys.executable, "-m", "embedlearn.fewshot", "--embeddings", str(films), "--out", str(out)]
        seconds = []
        for _ in range(2 if quick else rounds + 1):
            began = time.perf_counter()
            done = subprocess.run([*command, *flags.split()], capture_output=True, text=True, check=False)
            seconds.append(time.perf_counter() - began)
            if done.returncode:
                say(f"  note: embedlearn fewshot is left out, it failed: {done.stderr.strip()[-200:]}")
                return
    taken = seconds[1:]  # the first compiles
    yield compare(
        f"embedlearn fewshot {flags}, 600 embeddings of 128 numbers, seconds", taken, [SECONDS] * len(taken), "aim",
        less_is_better=True,
    )  # fmt: skip


def _memory(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Gigabytes that a process holds at the most for 1,000 episodes of three heads, the embeddings counted in."""
    films = 10_000 if quick else 100_000
    taken = [peak_gigabytes(films) for _ in range(min(rounds, 3))]
    yield compare(
        f"1,000 episodes of prototypes, SimpleShot and k-NN, {films:,} embeddings of {WIDTH} numbers, peak GB", taken,
        [GIGABYTES] * len(taken), "aim", less_is_better=True,
    )  # fmt: skip


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


def accuracy(head: EpisodeHead, films: Films, episodes: int, seed: int) -> float:
    """The mean accuracy of a head, with nothing computed before."""
    parts = answers(Space(films.rows, films.center), head, films.episodes(episodes, seed))
    return float(np.concatenate([kernels.best_slots(scores) == part.query_label for part, scores in parts]).mean())


def scores_of(head: EpisodeHead, space: Space, episodes: Episodes) -> Scores:
    """A head's scores, float [E, T, W]."""
    return np.concatenate([scores for _, scores in answers(space, head, episodes)])


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


def save_embeddings(path: Path) -> None:
    """600 embeddings of three classes and 128 numbers, as `embedlearn embed` writes them."""
    films = Films.draw(3, 200, 128)
    digests = [f"{number:064x}" for number in range(len(films.rows))]
    columns = {
        "path": [f"/nowhere/{digest}.png" for digest in digests], "label": films.classes, "patient": digests,
        "source": "made up", "view": None, "split": "held-out", "case": range(len(digests)), "sha256": digests,
    }  # fmt: skip
    Embeddings(films.rows, pd.DataFrame(columns), "0" * 64, "none", films.center).save(path)


def peak_gigabytes(films: int) -> float:
    """The most memory that a process of its own holds while it evaluates so many films."""
    # not ru_maxrss, which on Linux begins with what the parent holds
    code = (
        f"from experiments.benchmarks.episodes import evaluate_many; evaluate_many({films})\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024 / 1e9


def evaluate_many(count: int) -> None:
    """1,000 episodes of three heads on so many films of five classes."""
    films = Films.draw(5, count // 5)
    space, episodes = Space(films.rows, films.center), films.episodes(1_000, 0)
    for head in (PrototypeClassifier(), PrototypeClassifier(center=films.center), KNNClassifier(5)):
        scores_of(head, space, episodes)


def _timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """The seconds of processor time that a call takes, and its answer."""
    began = time.process_time()
    answer = call()
    return time.process_time() - began, answer


if __name__ == "__main__":
    main()
