"""`python -m embedlearn.embed`: write the embeddings of films, with the rows they belong to."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from embedlearn.console import DataFlags, run_command, say
from embedlearn.errors import ArgumentError, EmbedlearnError

if TYPE_CHECKING:
    from embedlearn.embeddings import Shards
    from embedlearn.encoders.checkpoints import SavedEncoder
    from embedlearn.encoders.runs import Run

PROGRAM = "embedlearn embed"


@dataclass(frozen=True, kw_only=True)
class Embed(DataFlags):
    """Write the embeddings of films, each with its manifest row, to one Parquet file or to a folder of them.

    With no --data, the films of the run: the column split says which of them it was trained on. A folder is filled
    shard by shard, by as many processes as torchrun or Ray starts; the same command makes what is missing in it.
    """

    out: Path
    """File to write, NAME.parquet; or a folder, NAME, for shards."""
    run: Path | None = None
    """Run folder whose encoder to use; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    shard: int = 4096
    """Films a shard of a folder, a multiple of 128."""
    engine: Literal["torch", "ray"] = "torch"
    """Who fills a folder: this process and those that torchrun starts beside it, or the workers of Ray; extra: ray."""
    export: Literal["none", "onnx"] = "none"
    """A further form to write the encoder in, beside it in the run folder: onnx, for any runtime that reads it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""

    def __post_init__(self) -> None:
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        if self.out.suffix not in ("", ".parquet"):
            raise ArgumentError(f"--out {self.out}: wanted NAME.parquet, or for a folder a name without an ending")
        if self.out.suffix and (several or self.engine != "torch" or self.shard != Embed.shard):
            flag = f"--engine {self.engine}" if self.engine != "torch" else "torchrun" if several else "--shard"
            raise ArgumentError(f"{flag}: is for a folder; name --out {self.out.with_suffix('')}")
        if several and self.engine == "ray":
            raise ArgumentError("--engine ray: starts its own workers; leave torchrun out")


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Embed, _embed, PROGRAM, arguments)


def _embed(settings: Embed) -> None:
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import choose_run
    from embedlearn.files import require_folder
    from embedlearn.flags import require_packages

    require_folder(settings.out.parent, "--out")
    if settings.engine == "ray":
        require_packages("--engine ray", ["ray.data"], "ray")
    choose_device(settings.device)
    run = choose_run(settings.run, settings.runs)
    saved = load_encoder(run.encoder)
    (_to_file if settings.out.suffix else _to_folder)(settings, run, saved)


def _to_file(settings: Embed, run: Run, saved: SavedEncoder) -> None:
    from embedlearn.encoders.devices import choose_device
    from embedlearn.sources import collect_for_run, embed_collection

    _export(settings, run)
    collection = collect_for_run(settings, run, saved.preprocessing)
    embeddings = embed_collection(saved, collection, choose_device(settings.device), "embedding films")
    embeddings.save(settings.out)
    say(f"wrote {settings.out}: {len(embeddings)} embeddings of {embeddings.vectors.shape[1]} numbers by {run.folder}")


def _to_folder(settings: Embed, run: Run, saved: SavedEncoder) -> None:
    from embedlearn.sources import collect_for_run
    from embedlearn.tasks import sharding as sharded

    def plan() -> Shards:
        _export(settings, run)
        collection = collect_for_run(settings, run, saved.preprocessing)
        return sharded.write_plan(settings.out, collection, saved, settings.shard)

    sharded.require_fitting(settings.out, settings.shard, saved)
    shards = sharded.planned_once(settings.out, plan)
    missing = [number for number in range(len(shards)) if not shards.has(number)]
    if torn := sum(shards.path(number).exists() for number in missing):
        say(f"  note: {torn} shards are torn; they are made again")
    try:
        if settings.engine == "ray":
            sharded.fill_with_ray(shards, missing, run.encoder, settings.device)
        else:
            sharded.fill(shards, missing, saved, sharded.own_device(settings.device))
    except KeyboardInterrupt:
        there = sum(shards.path(number).exists() for number in range(len(shards)))
        say(f"{settings.out}: {there} of {len(shards)} shards are there; the same command makes the others")
        raise
    except EmbedlearnError as error:
        if os.environ.get("RANK", "0") != "0":  # `fail` takes processes to fail alike, but this shard is one's own
            sys.stderr.write(f"{PROGRAM}: {error}\n")
        raise
    say(
        f"wrote {settings.out}: {shards.films} embeddings of {len(shards.center)} numbers in {len(shards)} shards by "
        f"{run.folder}; {len(shards) - len(missing)} of them were there"
    )


def _export(settings: Embed, run: Run) -> None:
    if settings.export == "onnx":
        from embedlearn.tasks.training import export_run

        export_run(run.folder)


if __name__ == "__main__":
    main()
