"""`fewshot predict`: from a user's folders to a table of answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlearn.console import say
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.flags import as_plain, require_number, split_pairs

if TYPE_CHECKING:
    from embedlearn.episodes.prediction import Fitted, Predictions
    from embedlearn.sources import Collection

FORMAT = "embedlearn-predictions-1"
WIDTH = 140  # of the printed table where there is no terminal


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Classify films of your own from a handful of examples of your own, by a run's encoder.

    Writes a class, its probability, whether the film looks like none of the examples, and the nearest examples. What is
    fitted (the temperature of the probabilities, the bound for the unknown) is fitted on the run's validation films.
    Research use only: nothing here is fit for diagnosis.
    """

    support: str
    """The examples: a folder of class folders, or a CSV or Parquet table with path and label."""
    query: Path
    """The films to classify: a file, or a folder with all folders below it."""
    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    head: str = "prototype"
    """The head that answers; fewshot --help names them."""
    measure: Literal["prototype", "knn", "energy"] = "prototype"
    """How strangeness is measured: distance to the nearest class mean, to the k-th nearest example, or energy."""
    keep: float = 0.95
    """Share of films of known classes that the bound for the unknown should accept."""
    neighbours: int | None = None
    """Neighbours of the k-NN heads; by default as many as the smallest class has examples, 5 at most."""
    nearest: int = 3
    """Nearest examples to name beside each answer."""
    out: Path | None = None
    """File to write, NAME.csv or NAME.json; by default a table is printed."""
    map: tuple[str, ...] = ()
    """Your names for labels, as NAME=LABEL: tb=tuberculosis."""
    columns: tuple[str, ...] = ()
    """The table's columns, as NAME=COLUMN: path=file label=finding."""
    skip_bad: bool = False
    """Leave out films that cannot be read, naming each, instead of stopping at the first."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to embed; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the episodes on base films."""

    def __post_init__(self) -> None:
        require_number("--keep", self.keep, 0.01, 1)
        require_number("--nearest", self.nearest, 1, 1000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.neighbours is not None:
            require_number("--neighbours", self.neighbours, 1, 10_000)
        if self.out and self.out.suffix not in (".csv", ".json"):
            raise ArgumentError(f"--out {self.out}: wanted a name that ends in .csv or .json")


def predict(settings: Predict) -> None:
    """Act on the flags. Raises an `EmbedlearnError` for what a user can mend."""
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import choose_run
    from embedlearn.episodes.heads import TRANSDUCTIVE, named_heads
    from embedlearn.episodes.prediction import fit_on_base, predict_films
    from embedlearn.episodes.space import Space
    from embedlearn.files import require_folder
    from embedlearn.radiographs.layouts import read_data
    from embedlearn.radiographs.manifest import build_manifest
    from embedlearn.sources import collect_films, embed_collection, named_films
    from embedlearn.tasks.base import trained_base

    if settings.out:
        require_folder(settings.out.parent, "--out")
    if len(named_heads([settings.head])) != 1:
        raise ArgumentError(f"--head: wanted one head, got {settings.head}")
    run = choose_run(settings.run, settings.runs)
    saved, device = load_encoder(run.encoder), choose_device(settings.device)
    names, columns = split_pairs("--map", settings.map), split_pairs("--columns", settings.columns)
    examples = read_data(settings.support, names=names, columns=columns)
    paths = named_films("--query", settings.query)
    asked = build_manifest([{"path": path, "label": "?"} for path in paths], settings.query.name)
    support = collect_films(examples, saved.preprocessing, settings.skip_bad)
    query = collect_films(asked, saved.preprocessing, settings.skip_bad)
    labels = support.manifest.frame["label"].to_numpy(str)
    counts = _counted(labels)
    fitted = fit_on_base(
        trained_base(run, saved, device),
        settings.head,
        settings.measure,
        min(counts.values()),
        k=settings.neighbours,
        keep=settings.keep,
        seed=settings.seed,
    )
    space = Space(embed_collection(saved, support, device, "embedding, examples").vectors, saved.center.numpy())
    vectors = embed_collection(saved, query, device, "embedding, films").vectors
    found = predict_films(
        space, labels, vectors, head=settings.head, measure=settings.measure, fitted=fitted, k=settings.neighbours,
        neighbours=settings.nearest,
    )  # fmt: skip
    rows = _rows(found, support, query)
    warnings = [*_overlap(support, query, run.manifest()), *_warnings(fitted, counts)]
    if settings.head in TRANSDUCTIVE:
        warnings.insert(0, f"warning: {settings.head} is transductive: an answer depends on the films asked with it")
    for warning in warnings:
        say(f"  {warning}")
    _write(settings, rows, found, fitted, saved.digest, warnings)


def _counted(labels: Any) -> dict[str, int]:
    """Examples of each class. Raises `EpisodeError` where there is one class only."""
    counts: dict[str, int] = {}
    for label in sorted(labels):
        counts[label] = counts.get(label, 0) + 1
    if len(counts) < 2:
        raise EpisodeError(f"--support: wanted examples of two classes or more, got {', '.join(counts)} only")
    return counts


def _overlap(support: Collection, query: Collection, own: Any) -> list[str]:
    """Where a film is asked about that is an example, or that the encoder or what is fitted has seen."""
    from embedlearn.radiographs.splits import SEEN

    asked, found = set(query.films.digests), []
    if twice := len(asked & set(support.films.digests)):
        found.append(f"warning: films asked about that are examples too: {twice}; their answers say nothing")
    seen = set(own.frame["sha256"][own.frame["split"].isin(SEEN)])
    if learnt := len(asked & seen):
        found.append(
            f"warning: films asked about that the run has seen: {learnt}; they may be answered better than others"
        )
    return found


def _warnings(fitted: Fitted, counts: dict[str, int]) -> list[str]:
    """What a reader must know before believing an answer."""
    from embedlearn.episodes.prediction import cautions

    found = [f"warning: {line}" for line in cautions(fitted, counts)]
    found.append("note: research use only; a shortcut such as a film's source can decide an answer")
    return found


def _rows(found: Predictions, support: Collection, query: Collection) -> list[dict[str, Any]]:
    """One dictionary of plain values a film."""
    examples, labels = support.manifest.frame["path"], support.manifest.frame["label"]
    rows = []
    for film, path in enumerate(query.manifest.frame["path"]):
        nearest = [
            {"path": str(examples[place]), "label": str(labels[place]), "distance": distance}
            for place, distance in found.near(film)
        ]
        rows.append({"path": str(path), **found.plain(film), "nearest": nearest})
    return rows


def _write(
    settings: Predict,
    rows: list[dict[str, Any]],
    found: Predictions,
    fitted: Fitted,
    encoder: str,
    warnings: list[str],
) -> None:
    """The file that was asked for, or a table on the screen."""
    from embedlearn.files import write_json
    from embedlearn.provenance import describe_software

    if settings.out is None:
        _print(rows)
    elif settings.out.suffix == ".json":
        about = {
            "format": FORMAT,
            "classes": [str(name) for name in found.classes],
            "encoder": encoder,
            "settings": as_plain(settings),
            "software": describe_software(),
            "temperature": fitted.temperature,
            "bound": fitted.bound,
            "base_shots": fitted.shots,
            "warnings": warnings,
        }
        write_json(settings.out, {**about, "films": rows})
    else:
        _write_csv(settings.out, rows)
    unknown = sum(row["unknown"] for row in rows)
    where = f"wrote {settings.out}: " if settings.out else ""
    say(f"{where}films answered: {len(rows)}, of them unknown: {unknown}")


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """One line a film: probabilities as p:CLASS, the nearest examples numbered."""
    import pandas as pd

    from embedlearn.files import replacing

    flat = []
    for row in rows:
        line = {key: value for key, value in row.items() if key not in ("probabilities", "nearest")}
        line |= {f"p:{name}": value for name, value in row["probabilities"].items()}
        for number, example in enumerate(row["nearest"], 1):
            line |= {f"nearest {number}": example["path"], f"nearest {number} label": example["label"]}
            line[f"nearest {number} distance"] = example["distance"]
        flat.append(line)
    with replacing(path) as beside:
        pd.DataFrame(flat).to_csv(beside, index=False)


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    film, example = (Column(name, no_wrap=True, max_width=32) for name in ("film", "nearest example"))
    table = Table(film, "answer", "class", "probability", "strangeness", "nearest", "at", example)
    for row in rows:
        nearest = row["nearest"][0]
        cells = (Path(row["path"]).name, row["answer"], row["class"], f"{row['probability']:.3f}")
        beside = (nearest["label"], f"{nearest['distance']:.3f}", Path(nearest["path"]).name)
        table.add_row(*map(Text, (*cells, f"{row['strangeness']:.3f}", *beside)))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
