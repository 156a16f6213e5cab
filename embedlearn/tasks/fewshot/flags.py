"""What `fewshot` is asked: its flags, the plan that they make, and what a replay takes from its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlearn.console import DataFlags, say
from embedlearn.errors import ArgumentError, MismatchError
from embedlearn.flags import require_number, split_pairs

if TYPE_CHECKING:
    from embedlearn.episodes.pool import Pool
    from embedlearn.episodes.study import StudyPlan


@dataclass(frozen=True, kw_only=True)
class FewShot(DataFlags):
    """Classify a rare class from a handful of examples, over many episodes, on films the encoder has not seen.

    Takes the newest run and its held-out films, or what --run, --data or --embeddings name. Support and query share no
    patient. An untrained network of the same shape and two shortcut probes stand beside every score. To classify films
    of your own from examples of your own: fewshot predict --help.
    """

    shots: tuple[int, ...] = (5,)
    """Support films a class; several numbers make a curve."""
    shots_of: tuple[str, ...] = ()
    """Other numbers for some classes, as NAME=SHOTS: healthy=50 pneumonia=50."""
    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    against: Path | None = None
    """Another run, whose encoder answers the same episodes; films that it has seen are left out."""
    embeddings: Path | None = None
    """Embeddings to evaluate instead of films; without --run nothing stands beside them."""
    classes: tuple[str, ...] = ()
    """Classes of an episode; by default the run's and covid-19, or every unseen label where there is none."""
    positive: str | None = None
    """The class that AUC, sensitivity and specificity are of; by default covid-19, else the first unseen class."""
    heads: tuple[str, ...] = ("inductive",)
    """Heads to evaluate, by name, or inductive, transductive, all; with transductive ones, Dirichlet queries too."""
    transform: tuple[str, ...] = ()
    """What is done to embeddings before every head, in this order: center, power, unit."""
    queries: int = 15
    """Query films a class in an episode."""
    prevalence: tuple[str, ...] = ("balanced",)
    """How queries fall on the classes: balanced, natural (as in the pool), dirichlet, or NAME=SHARE for each class."""
    support_from: tuple[str, ...] = ()
    """Sources that support films come from; all where none is named."""
    query_from: tuple[str, ...] = ()
    """Sources that query films come from; all where none is named."""
    ways: int | None = None
    """Classes drawn for an episode; all of them where not given."""
    neighbours: int | None = None
    """Neighbours of the k-NN heads; by default as many as shots, 5 at most."""
    episodes: int = 1000
    """Episodes to draw for each number of shots."""
    bootstrap: int = 200
    """Replicates of the patient bootstrap; 0 leaves its interval out."""
    fine_tune: int = 0
    """Episodes in which the encoder's last block, too, is trained on the support (slow); 0 leaves that out."""
    leakage_gap: bool = False
    """Also evaluate episodes that do not heed patients, and report what that would have gained."""
    supports: int = 200
    """Supports whose effect on the first inductive head is compared; 0 leaves that out."""
    replay: Path | None = None
    """A file episodes-K.parquet of an earlier evaluation, whose episodes are answered again as they were drawn."""
    out: Path | None = None
    """Folder of the report; by default the folder fewshot in the run's, or beside the embeddings."""
    thumbnails: bool = False
    """Show the films of the best and worst episodes in report.html; films may identify patients."""
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
        require_number("--fine-tune", self.fine_tune, 0, 100_000)
        require_number("--supports", self.supports, 0, 1_000_000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.replay and len(self.shots) > 1:
            raise ArgumentError("--replay: the file holds episodes of one number of shots; leave --shots out")
        if self.embeddings and self.data:
            raise ArgumentError(
                "--embeddings and --data: name one of them; embeddings bring their films' rows with them"
            )
        if self.against and self.embeddings:
            raise ArgumentError("--against and --embeddings: name one of them; the other encoder must see the films")
        if self.bootstrap == 1:
            raise ArgumentError("--bootstrap: wanted 0 or at least 2 replicates, got 1")
        if self.ways is not None:
            require_number("--ways", self.ways, 2, 10_000)
        if self.neighbours is not None:
            require_number("--neighbours", self.neighbours, 1, 10_000)
        if self.embeddings and not self.run and (self.map or self.columns or self.skip_bad):
            raise ArgumentError(
                "--map, --columns and --skip-bad: wanted films too; embeddings bring their rows with them"
            )
        if self.fine_tune and self.embeddings and not self.run:
            raise ArgumentError("--fine-tune: wanted the encoder too; name its run with --run")


def check_words(settings: FewShot) -> None:
    """Refuse what no films are needed to refuse. Raises `ArgumentError`."""
    from embedlearn.episodes.heads import named_heads
    from embedlearn.episodes.transforms import check_transforms

    named_heads(settings.heads)
    check_transforms(settings.transform)
    _numbers("--shots-of", settings.shots_of, int)
    _prevalence(settings.prevalence)


def as_replayed(settings: FewShot, path: Path) -> FewShot:
    """The settings that the episodes were drawn with. Raises `MismatchError` where a flag asks for others."""
    from embedlearn.episodes.record import asked_of

    asked = asked_of(path)
    if not asked:  # a file of an earlier version
        return settings
    prevalence = asked["prevalence"]
    drawn = {
        "shots": (asked["shots"],),
        "shots_of": tuple(f"{name}={count}" for name, count in asked["shots_of"].items()),
        "prevalence": (prevalence,)
        if isinstance(prevalence, str)
        else tuple(f"{name}={share!r}" for name, share in prevalence.items()),
        "ways": asked["ways"],
        "queries": asked["queries"],
        "episodes": asked["episodes"],
        "support_from": tuple(asked["support_from"]),
        "query_from": tuple(asked["query_from"]),
    }
    usual = FewShot()
    for name, value in drawn.items():
        if getattr(settings, name) not in (value, getattr(usual, name)):
            flag, given = f"--{name.replace('_', '-')}", getattr(settings, name)
            raise MismatchError(f"--replay {path}: drawn with {flag} {value}, got {given}; leave {flag} out")
    say(f"  note: {path}: {asked['episodes']} episodes of {asked['shots']} shots, answered again as they were drawn")
    return replace(settings, **drawn)


def plan_of(settings: FewShot, pool: Pool) -> StudyPlan:
    """What the flags ask of the pool. Raises `ArgumentError`."""
    from embedlearn.episodes.heads import named_heads
    from embedlearn.episodes.pool import choose_positive
    from embedlearn.episodes.study import StudyPlan

    heads = named_heads(settings.heads)
    if settings.transform and "simpleshot" in settings.heads:
        raise ArgumentError("--heads simpleshot: it has transforms of its own; leave it or --transform out")
    if settings.transform and "simpleshot" in heads:
        heads = tuple(name for name in heads if name != "simpleshot")
        say("  note: simpleshot is left out: it has transforms of its own")
    classes = tuple(sorted(set(pool.frame["class"])))
    return StudyPlan(
        heads=heads,
        shots=settings.shots,
        n_query=settings.queries,
        episodes=settings.episodes,
        n_way=settings.ways,
        shots_of=_numbers("--shots-of", settings.shots_of, int),
        prevalence=_prevalence(settings.prevalence),
        support_from=settings.support_from,
        query_from=settings.query_from,
        k=settings.neighbours,
        positive=settings.positive or choose_positive(classes, pool.learnt),
        seed=settings.seed,
        bootstrap=settings.bootstrap,
        leakage_gap=settings.leakage_gap,
        supports=settings.supports,
        fine_tune=settings.fine_tune,
    )


def _prevalence(words: tuple[str, ...]) -> str | dict[str, float]:
    """One word, or a share for each class. Raises `ArgumentError`."""
    from embedlearn.episodes.sampling import PREVALENCES

    if len(words) == 1 and words[0] in PREVALENCES:
        return words[0]
    if not words or not all("=" in word for word in words):
        wanted = f"one of {', '.join(PREVALENCES)}, or NAME=SHARE for each class"
        raise ArgumentError(f"--prevalence: wanted {wanted}, got {' '.join(words) or 'none'}")
    return _numbers("--prevalence", words, float)


def _numbers(flag: str, words: Sequence[str], kind: type[Any]) -> dict[str, Any]:
    """NAME=NUMBER words as a dictionary. Raises `ArgumentError`."""
    numbers = {}
    wanted = "a whole number" if kind is int else "a number"
    for name, value in split_pairs(flag, words).items():
        try:
            numbers[name] = kind(value)
        except ValueError:
            raise ArgumentError(f"{flag} {name}: wanted {wanted}, got {value}") from None
    return numbers
