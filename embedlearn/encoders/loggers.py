"""A training's rows, sent as they come to TensorBoard, Weights & Biases and MLflow through Lightning's loggers.

A run that is resumed goes on in the log it began: the id that a service knows it by is kept in the run folder.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import write_text
from embedlearn.flags import require_packages

if TYPE_CHECKING:
    from lightning_fabric.loggers.logger import Logger

FLAG = "--log"
PROJECT = "embedlearn"  # what the services file the runs under, unless their own variable names another
SCORES = ("val_recall_at_1", "val_knn", "score")
_RUN_ID = "run_id"
_PACKAGES = {
    "tensorboard": ("tensorboard",),
    "wandb": ("pytorch_lightning", "wandb"),
    "mlflow": ("pytorch_lightning", "mlflow", "sqlalchemy", "alembic"),
}
LOGGERS = tuple(_PACKAGES)


def require_loggers(names: Sequence[str]) -> None:
    """Raise `ArgumentError` for a name that is not in `LOGGERS`, and for a logger whose packages are not installed."""
    for name in names:
        if name not in LOGGERS:
            raise ArgumentError(f"{FLAG} {name}: no such logger; wanted one of {', '.join(LOGGERS)}")
        require_packages(f"{FLAG} {name}", _PACKAGES[name], name)


def create_loggers(names: Sequence[str], folder: Path, name: str, settings: Mapping[str, Any]) -> list[Logger]:
    """Open the loggers called `names`, for the run `name` in `folder`, and log its settings, nested ones as a.b.

    All keep their files in `folder`:

    - tensorboard in `tensorboard/`. A resumed run adds an event file there; TensorBoard shows one curve.
    - wandb in `wandb/`, online or not as `WANDB_MODE` says, in the project `WANDB_PROJECT` or embedlearn. A resumed run
      keeps its id: online it goes on in the same run, offline it adds a folder, which `wandb sync` sends to that run.
    - mlflow in `mlflow/mlflow.db`, or at `MLFLOW_TRACKING_URI` where that is set, in the experiment
      `MLFLOW_EXPERIMENT_NAME` or embedlearn. A resumed run goes on in the same run.

    Of several processes only the first is to call this. Raises `ArgumentError` for an unknown name, a package that is
    missing, and a logger that cannot be opened.
    """
    require_loggers(names)
    plain = dict(_flatten(settings))
    opened: list[Logger] = []
    for logger in dict.fromkeys(names):
        try:
            opened.append(_OPENERS[logger](folder, name, plain))
        except Exception as error:  # each service has errors of its own
            close(opened, finished=False)
            raise ArgumentError(f"{FLAG} {logger}: it cannot be opened ({error}); {_REMEDIES[logger]}") from error
    return opened


def log_epoch(loggers: Sequence[Logger], row: Mapping[str, float]) -> None:
    """Send one row of the history, under the step `row["epoch"]`. Raises `StorageError` where a logger cannot."""
    values = {name: float(value) for name, value in row.items() if name != "epoch"}
    for logger in loggers:
        with _naming(logger, f"epoch {row['epoch']:.0f} cannot be logged; go on with --resume"):
            logger.log_metrics(values, step=int(row["epoch"]))
            logger.save()


def close(loggers: Sequence[Logger], finished: bool) -> None:
    """Close the loggers, and let the services know whether the training is done. Raises `StorageError`."""
    for logger in loggers:
        with _naming(logger, "it cannot be closed; what it holds may not be whole"):
            logger.finalize("success" if finished else "failed")
            if leave := getattr(_experiment(logger), "finish", None):
                leave(exit_code=0 if finished else 1)  # Lightning leaves the run of Weights & Biases open


def _open_tensorboard(folder: Path, name: str, settings: dict[str, Any]) -> Logger:
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger
    from torch.utils.tensorboard.summary import hparams

    logger = TensorBoardLogger(folder, name="tensorboard", version="")
    writer = _experiment(logger)._get_file_writer()
    for summary in hparams(settings, dict.fromkeys(SCORES, 0.0)):  # type: ignore[no-untyped-call]
        writer.add_summary(summary)  # the settings and the names of the scores, no value of theirs
    logger.save()
    return logger


def _open_wandb(folder: Path, name: str, settings: dict[str, Any]) -> Logger:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    place = folder / "wandb" / _RUN_ID
    logger: Logger = WandbLogger(
        name=name,
        save_dir=folder,
        id=_read_id(place),
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        settings=wandb.Settings(console="off"),
    )
    logger.log_hyperparams(settings)
    write_text(place, str(logger.version))
    return logger


def _open_mlflow(folder: Path, name: str, settings: dict[str, Any]) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    place = folder / "mlflow" / _RUN_ID
    chosen, known = os.environ.get("MLFLOW_TRACKING_URI"), _read_id(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        logger: Logger = MLFlowLogger(
            experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT),
            run_name=name,
            tracking_uri=chosen or f"sqlite:///{place.with_name('mlflow.db').absolute().as_posix()}",
            artifact_location=None if chosen else place.with_name("artifacts").absolute().as_uri(),
            run_id=known,
        )
        try:
            service = _experiment(logger)
        finally:
            if not chosen:
                os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow has set it, and the next run would follow it
    if known:
        service.update_run(known, status="RUNNING")
    else:
        logger.log_hyperparams(settings)
        write_text(place, str(logger.version))
    return logger


_OPENERS: dict[str, Callable[[Path, str, dict[str, Any]], Logger]] = {
    "tensorboard": _open_tensorboard,
    "wandb": _open_wandb,
    "mlflow": _open_mlflow,
}
_REMEDIES = {
    "tensorboard": "make room, or leave it out",
    "wandb": "log in with wandb login, or set WANDB_MODE=offline",
    "mlflow": "see to MLFLOW_TRACKING_URI, or unset it to log into the run folder",
}


def _flatten(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """Nested settings as pairs of a dotted name and a value that every service takes; others are written as JSON."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{above}{name}.")
        else:
            yield above + name, value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _read_id(place: Path) -> str | None:
    """The id that the run was given when it began, None where it begins now."""
    return place.read_text(encoding="utf-8").strip() if place.exists() else None


def _experiment(logger: Logger) -> Any:
    """What a logger of Lightning's writes through: a file writer, a run, a client."""
    return logger.experiment  # type: ignore[attr-defined]


@contextlib.contextmanager
def _naming(logger: Logger, trouble: str) -> Iterator[None]:
    """Raise `StorageError` for whatever goes wrong in the block: each service has errors of its own."""
    try:
        yield
    except Exception as error:
        raise StorageError(f"{type(logger).__name__}: {trouble} ({error})") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what is said of making tables and experiments."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
