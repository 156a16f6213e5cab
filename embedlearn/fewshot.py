"""`python -m embedlearn.fewshot --shots 5`: how far a handful of examples goes, with intervals and probes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from embedlearn.console import DataFlags, progress, run_command, say
from embedlearn.errors import ArgumentError, EpisodeError, MismatchError
from embedlearn.flags import as_plain, require_number

if TYPE_CHECKING:
    import pandas as pd

    from embedlearn.embeddings import Embeddings
    from embedlearn.encoders.runs import Run
    from embedlearn.episodes.pool import Pool
    from embedlearn.episodes.results import FewShotResult
    from embedlearn.sources import Collection

PROGRAM = "embedlearn fewshot"


@dataclass(frozen=True, kw_only=True)
class FewShot(DataFlags):
    """Classify a rare class from a handful of examples, over many episodes, on films the encoder has not seen.

    Takes the newest run and its held-out films, or what --run, --data or --embeddings name. Support and query share no
    patient. An untrained network of the same shape and two shortcut probes stand beside every score.
    """

    shots: tuple[int, ...] = (5,)
    """Support films a class; several numbers make a curve."""
    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    embeddings: Path | None = None
    """Embeddings to evaluate instead of films; without --run nothing stands beside them."""
    classes: tuple[str, ...] = ()
    """Classes of an episode; by default the run's and covid-19, or every unseen label where there is none."""
    positive: str | None = None
    """The class that AUC, sensitivity and specificity are of; by default covid-19, else the first unseen class."""
    heads: tuple[str, ...] = ("prototype", "prototype-cosine", "simpleshot", "knn", "knn-distance", "logistic")
    """Heads to evaluate."""
    queries: int = 15
    """Query films a class in an episode."""
    ways: int | None = None
    """Classes drawn for an episode; all of them where not given."""
    neighbours: int | None = None
    """Neighbours of the k-NN heads; by default as many as shots, 5 at most."""
    episodes: int = 1000
    """Episodes to draw for each number of shots."""
    bootstrap: int = 200
    """Replicates of the patient bootstrap; 0 leaves its interval out."""
    replay: Path | None = None
    """A file episodes-K.parquet of an earlier evaluation, whose episodes are to be answered again."""
    out: Path | None = None
    """Folder of the report; by default the folder fewshot in the run's, or beside the embeddings."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to embed; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the episodes and the bootstrap."""

    def __post_init__(self) -> None:
        if not self.shots:
            raise ArgumentError("--shots: wanted one number or more, got none")
        for shots in self.shots:
            require_number("--shots", shots, 1, 10_000)
        require_number("--queries", self.queries, 1, 100_000)
        require_number("--episodes", self.episodes, 2, 10_000_000)
        require_number("--bootstrap", self.bootstrap, 0, 100_000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.replay and len(self.shots) > 1:
            raise ArgumentError("--replay: the file holds episodes of one number of shots; name that one with --shots")


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(FewShot, _run, PROGRAM, arguments)


def _run(settings: FewShot) -> None:
    from embedlearn.encoders.runs import choose_run
    from embedlearn.episodes.report import print_report, write_report
    from embedlearn.files import require_folder

    if settings.embeddings and settings.data:
        raise ArgumentError("--embeddings and --data: name one of them; embeddings bring their films' rows with them")
    if settings.out:
        require_folder(settings.out, "--out")
    if settings.embeddings:
        run = choose_run(settings.run, settings.runs) if settings.run else None
        pool = _pool_of_embeddings(settings, settings.embeddings, run)
        beside = run.folder if run else settings.embeddings.parent
    else:
        run = choose_run(settings.run, settings.runs)
        pool = _pool_of_films(settings, run)
        beside = run.folder
    counts = (f"{name} {count['films']} of {count['cases']} cases" for name, count in pool.counts().items())
    say(f"unseen films: {', '.join(counts)}")
    result = _evaluate(settings, pool)
    print_report(result, pool)
    out = settings.out or beside / "fewshot"
    write_report(out, result, pool, as_plain(settings))
    say(f"wrote {out}: result.json, table.csv, episodes-K.parquet, shots.png, confusion.png, roc.png")


def _pool_of_films(settings: FewShot, run: Run) -> Pool:
    """The films that the run has not seen, embedded now."""
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.sources import collect_for_run, embed_collection

    saved = load_encoder(run.encoder)
    collection = collect_for_run(settings, run, saved.preprocessing)
    kept, classes = _choose_films(settings, collection.manifest.frame, run.classes)
    collection = collection.where(kept)
    trained = embed_collection(saved, collection, choose_device(settings.device), "embedding, trained")
    return _make_pool(settings, trained, classes, run, collection)


def _pool_of_embeddings(settings: FewShot, path: Path, run: Run | None) -> Pool:
    """Embeddings made before; where their run is named too, their films are decoded for what stands beside them."""
    from embedlearn.embeddings import load_embeddings
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.sources import decode

    trained = load_embeddings(path)
    if missing := {"case", "sha256"} - set(trained.frame):
        raise MismatchError(f"{path}: wanted the columns {', '.join(sorted(missing))}; embed the films again")
    kept, classes = _choose_films(settings, trained.frame, run.classes if run else ())
    trained = trained.where(kept)
    if run is None:
        return _make_pool(settings, trained, classes, None, None)
    saved = load_encoder(run.encoder)
    trained.require_encoder(saved.digest, path, run.folder)
    return _make_pool(settings, trained, classes, run, decode(trained.frame, saved.preprocessing))


def _choose_films(settings: FewShot, frame: pd.DataFrame, learnt: tuple[str, ...]) -> tuple[pd.Series, tuple[str, ...]]:
    """Which rows take part, bool [N]: unseen in pretraining and of the classes; and the classes."""
    from embedlearn.episodes.pool import choose_classes
    from embedlearn.radiographs.manifest import class_of
    from embedlearn.radiographs.splits import SEEN

    seen = frame["split"].isin(SEEN)
    if seen.any() and (settings.data or settings.embeddings):
        say(f"  note: {seen.sum()} films left out: they, their patient or their twin were seen in pretraining")
    labels = frame["label"][~seen]
    classes = settings.classes or choose_classes(labels, learnt)
    named = frame["label"].map(lambda label: class_of(label, classes))
    if missing := sorted(set(classes) - set(named[~seen].dropna())):
        found = ", ".join(sorted(set(labels))) or "none"
        raise EpisodeError(f"--classes: wanted unseen films of {', '.join(missing)}, got labels {found}; name others")
    if len(classes) < 2:
        raise EpisodeError(f"--classes: wanted unseen films of two classes or more, got {', '.join(classes) or 'none'}")
    if left_out := sorted(set(labels[named[~seen].isna()])):
        say(f"  note: labels that take no part: {', '.join(left_out)}; name them with --classes")
    return ~seen & named.notna(), tuple(classes)


def _make_pool(
    settings: FewShot, trained: Embeddings, classes: tuple[str, ...], run: Run | None, collection: Collection | None
) -> Pool:
    """The pool of the chosen films; with a run, its untrained network and the two probes stand beside the encoder."""
    from embedlearn.audits.probes import border_features, header_features
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.episodes.pool import TRAINED, UNTRAINED, Pool
    from embedlearn.radiographs.manifest import class_of
    from embedlearn.sources import embed_collection

    spaces, centers = {TRAINED: trained.vectors}, {TRAINED: trained.center}
    if run is not None and collection is not None:
        device = choose_device(settings.device)
        untrained = embed_collection(load_encoder(run.untrained), collection, device, "embedding, untrained")
        spaces[UNTRAINED], centers[UNTRAINED] = untrained.vectors, untrained.center
        spaces["border probe"] = border_features(collection.films)
        spaces["header probe"] = header_features(collection.manifest.paths)
    for name, features in spaces.items():
        centers.setdefault(name, features.mean(0))
    frame = trained.frame.copy()
    frame["class"] = [class_of(label, classes) for label in frame["label"]]
    return Pool(frame, spaces, centers, trained.encoder, run.classes if run else ())


def _evaluate(settings: FewShot, pool: Pool) -> FewShotResult:
    from embedlearn.episodes.evaluate import evaluate_episodes
    from embedlearn.episodes.pool import choose_positive
    from embedlearn.episodes.record import load_episodes

    classes = tuple(sorted(set(pool.frame["class"])))
    replayed = {settings.shots[0]: load_episodes(settings.replay, pool.frame)} if settings.replay else None
    with progress("episodes") as report:
        return evaluate_episodes(
            pool.spaces,
            pool.frame["class"].to_numpy(str),
            pool.frame["case"].to_numpy(),
            heads=settings.heads,
            shots=settings.shots,
            n_query=settings.queries,
            episodes=settings.episodes,
            n_way=settings.ways,
            k=settings.neighbours,
            center=pool.centers,
            positive=settings.positive or choose_positive(classes, pool.learnt),
            seed=settings.seed,
            bootstrap=settings.bootstrap,
            replay=replayed,
            progress=report,
        )


if __name__ == "__main__":
    main()
