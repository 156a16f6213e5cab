"""`python -m embedlearn.embed`: write the embeddings of films, with the rows they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedlearn.console import DataFlags, run_command, say
from embedlearn.errors import ArgumentError

PROGRAM = "embedlearn embed"


@dataclass(frozen=True, kw_only=True)
class Embed(DataFlags):
    """Write the embeddings of films to one Parquet file, each with its manifest row.

    With no --data, the films of the run: the column split says which of them it was trained on.
    """

    out: Path
    """File to write, NAME.parquet."""
    run: Path | None = None
    """Run folder whose encoder to use; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    export: Literal["none", "onnx"] = "none"
    """A further form to write the encoder in, beside it in the run folder: onnx, for any runtime that reads it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Embed, _embed, PROGRAM, arguments)


def _embed(settings: Embed) -> None:
    from embedlearn.encoders.checkpoints import load_encoder
    from embedlearn.encoders.devices import choose_device
    from embedlearn.encoders.runs import choose_run
    from embedlearn.files import require_folder
    from embedlearn.runner import export_run
    from embedlearn.sources import collect_for_run, embed_collection

    if settings.out.suffix != ".parquet":
        raise ArgumentError(f"--out {settings.out}: wanted a name that ends in .parquet")
    require_folder(settings.out.parent, "--out")
    device = choose_device(settings.device)
    run = choose_run(settings.run, settings.runs)
    saved = load_encoder(run.encoder)
    if settings.export == "onnx":
        export_run(run.folder)
    collection = collect_for_run(settings, run, saved.preprocessing)
    embeddings = embed_collection(saved, collection, device, "embedding films")
    embeddings.save(settings.out)
    say(f"wrote {settings.out}: {len(embeddings)} embeddings of {embeddings.vectors.shape[1]} numbers by {run.folder}")


if __name__ == "__main__":
    main()
