"""A folder of embeddings: planned once, then embedded shard by shard by as many processes as there are.

The plan holds what needs all films at once: their rows, digests and cases. A shard needs nothing but the plan and the
encoder, and its batches are cut at the same places whoever computes them, so its bits do not tell by whom. Processes
do not talk: each claims a shard by locking a byte of one file, a lock that the system drops when its holder dies.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.distributed.rendezvous import rendezvous

from embedlearn.console import Report, progress
from embedlearn.embeddings import FOLDER_FILE, Shards, read_shards
from embedlearn.encoders.checkpoints import SavedEncoder, load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.inputs import BATCH, embed_films
from embedlearn.errors import ArgumentError, EmbedlearnError, MismatchError, StorageError
from embedlearn.files import replacing, value_digest
from embedlearn.radiographs.cache import open_films
from embedlearn.sources import Collection

PLAN = "plan.parquet"
CLAIMS = ".claims"
PLANNING = 2**40  # the byte that stands for the plan; byte n stands for shard n
POLL = 0.2  # seconds


def require_fitting(folder: Path, size: int, saved: SavedEncoder) -> None:
    """Refuse, before long work, shards that cut a batch and a folder that holds anything but this encoder's shards.

    Raises `ArgumentError`, `ManifestError` or `MismatchError`.
    """
    if size < BATCH or size % BATCH:
        raise ArgumentError(f"--shard: wanted a multiple of {BATCH}, the films of a batch, got {size}")
    inside = folder.iterdir() if folder.is_dir() else ()
    if all(path.name == PLAN or path.name.startswith(".") for path in inside):  # what a killed planning leaves
        return
    shards = read_shards(folder)
    if shards.encoder != saved.digest:
        raise MismatchError(
            f"--out {folder}: holds embeddings by another encoder ({shards.encoder[:12]}, this is "
            f"{saved.digest[:12]}); name another folder or another --run, or remove the folder"
        )


def planned_once(folder: Path, make: Callable[[], Shards]) -> Shards:
    """`make()` by the first of the processes that torchrun started; the others wait for it and read what it wrote."""
    rank, world = (int(os.environ.get(name, alone)) for name, alone in (("RANK", "0"), ("WORLD_SIZE", "1")))
    if world == 1:
        return make()
    store, _, _ = next(rendezvous("env://", rank, world))  # torchrun's own, and of this start alone
    if rank == 0:
        plan = ""
        try:
            shards = make()
            plan = shards.plan
        finally:
            store.set(PLAN, plan)
        return shards
    while not store.check([PLAN]):
        time.sleep(POLL)
    shards, plan = read_shards(folder), store.get(PLAN).decode()
    if shards.plan != plan:
        raise MismatchError(f"--out {folder}: not what the first process writes to; name a folder that all share")
    return shards


def write_plan(folder: Path, collection: Collection, saved: SavedEncoder, size: int) -> Shards:
    """Write the plan of these films in shards of `size`, or find it there. Raises `MismatchError` for another one."""
    frame = collection.manifest.frame
    rows = [_digest(frame.iloc[start : start + size]) for start in range(0, len(frame), size)]
    plan = value_digest({"encoder": saved.digest, "preprocessing": saved.preprocessing.digest, "rows": rows})
    center = [float(value) for value in saved.center]
    shards = Shards(folder, plan, len(frame), size, saved.digest, saved.preprocessing.digest, center)
    with claimed(folder, PLANNING, wait=True):
        if (folder / FOLDER_FILE).exists() and (old := read_shards(folder)).plan != plan:
            raise MismatchError(
                f"--out {folder}: holds {old.films} films in shards of {old.shard}, got {len(frame)} in shards of "
                f"{size}, or others, or with other rows; name another folder, or remove this one to embed them anew"
            )
        _sweep(folder / PLAN, folder / FOLDER_FILE)
        with replacing(folder / PLAN) as beside:  # anew though it be there: the films may have moved
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), beside, row_group_size=size)
        shards.save()
    return shards


def _digest(rows: pd.DataFrame) -> str:
    """Of rows of any kind, whatever folder their films lie in."""
    rows = rows.assign(path=[Path(path).name for path in rows["path"]])
    words = rows.astype("string").astype(object).where(rows.notna(), None)
    return value_digest([list(words.columns), words.to_numpy().tolist()])


def write_shard(
    shards: Shards, number: int, saved: SavedEncoder, device: torch.device, report: Report | None = None
) -> None:
    """Embed the films of one shard and write its file: a function of plan, encoder and films alone.

    Raises `ImageError` where a film cannot be read, `MismatchError` where one has changed, `StorageError`.
    """
    with pq.ParquetFile(shards.folder / PLAN) as plan:
        rows = plan.read_row_group(number)
    paths = rows["path"].to_pylist()
    films = open_films([Path(path) for path in paths], saved.preprocessing)
    for path, planned, digest in zip(paths, rows["sha256"].to_pylist(), films.digests, strict=True):
        if planned != digest:
            raise MismatchError(f"{path}: not the film that was planned; restore it, or embed into a new folder")
    shards.write(number, rows, embed_films(saved.encoder, films, saved.preprocessing, device=device, progress=report))


def finish_shard(
    shards: Shards,
    number: int,
    saved: SavedEncoder,
    device: torch.device,
    *,
    wait: bool = True,
    report: Report | None = None,
) -> bool:
    """Write a shard unless it is there. False where another process is at it; with `wait`, once that one is behind it.

    A process that dies lets go of its shard, which is then written by the one that waited.
    """
    with claimed(shards.folder, number, wait=wait) as mine:
        if mine and not shards.has(number):
            _sweep(shards.path(number))
            write_shard(shards, number, saved, device, report)
        return mine


def fill(shards: Shards, missing: list[int], saved: SavedEncoder, device: torch.device) -> None:
    """Write the missing shards, first those that no other process is at; when this returns all are there."""
    with progress("embedding films") as report:
        for wait in (False, True):
            held = []
            for number in missing:
                before = shards.shard * sum(name.startswith("part-") for name in os.listdir(shards.folder))

                def tell(done: int, _: int, before: int = before) -> None:
                    report(min(before + done, shards.films), shards.films)

                if not finish_shard(shards, number, saved, device, wait=wait, report=tell):
                    held.append(number)
            missing = held


def fill_with_ray(shards: Shards, missing: list[int], encoder: Path, wanted: str) -> None:
    """Write the missing shards by Ray's workers: of the cluster that RAY_ADDRESS names, else of this machine.

    A worker that dies is replaced and its shard written again. Raises `EmbedlearnError` for the first that failed.
    """
    if not missing:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    data: Any = importlib.import_module("ray.data")
    ray: Any = importlib.import_module("ray")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    where = os.environ.get("RAY_ADDRESS", "local")  # Ray by itself joins what cluster it finds, even one that is gone
    try:
        session = ray.init(where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise ArgumentError(f"--engine ray: {error}; start that cluster, or unset RAY_ADDRESS") from error
    with session, progress("embedding films") as report:
        data.DataContext.get_current().enable_progress_bars = False
        there = ray.cluster_resources()
        gpus = 0 if wanted == "cpu" else int(there.get("GPU", 0))
        rows = data.from_items([{"number": number} for number in missing], override_num_blocks=len(missing))
        answers = rows.map(
            _finish_row, fn_args=(shards.folder.resolve(), encoder.resolve(), wanted),
            concurrency=gpus or int(there["CPU"]), num_cpus=1, num_gpus=1 if gpus else 0, max_calls=0,
        )  # fmt: skip
        done = shards.films - sum(shards.size(number) for number in missing)
        for answer in answers.iter_rows():
            if answer["error"]:
                raise EmbedlearnError(answer["error"])
            done += shards.size(answer["number"])
            report(done, shards.films)


def _finish_row(row: dict[str, Any], folder: Path, encoder: Path, wanted: str) -> dict[str, Any]:
    """Finish the shard `row["number"]`; what a user can mend goes back in words, so that it is not tried again."""
    try:
        finish_shard(read_shards(folder), row["number"], _loaded(encoder), own_device(wanted))
    except EmbedlearnError as error:
        return {**row, "error": str(error)}
    return {**row, "error": ""}


@functools.cache
def _loaded(encoder: Path) -> SavedEncoder:
    return load_encoder(encoder)


def own_device(wanted: str) -> torch.device:
    """The device that `wanted` means for this one of a machine's processes: each has a GPU of its own."""
    device = choose_device(wanted)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return device


@contextlib.contextmanager
def claimed(folder: Path, place: int, *, wait: bool) -> Iterator[bool]:
    """Hold the byte `place` of the folder's claims; yield whether it is ours, which it is for sure with `wait`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claims = (folder / CLAIMS).open("ab")
    except OSError as error:
        raise StorageError(f"--out {folder}: cannot be written ({error.strerror or error}); name another") from error
    with claims:
        yield _lock(claims, place, wait)


def _lock(claims: BinaryIO, place: int, wait: bool) -> bool:
    import fcntl

    try:
        fcntl.lockf(claims, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, place)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise StorageError(f"{claims.name}: cannot be locked ({error.strerror}); name an --out elsewhere") from error
    return True


def _sweep(*paths: Path) -> None:
    """Remove what processes that were killed left half written beside these files; their claim must be held."""
    for path in paths:
        for beside in path.parent.glob(f".{path.stem}-*{path.suffix}"):
            beside.unlink()
