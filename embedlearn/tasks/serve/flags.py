"""What may be asked of `embedlearn serve`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOKEN = "EMBEDLEARN_TOKEN"


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Open a page on this machine: put a film in, see the answer, the similar cases and the reason; and a JSON API.

    Answers come from the cases of a gallery that the encoder was not trained on. Films that are sent are decoded in
    memory, answered and forgotten. Research use only: nothing here is fit for diagnosis.
    """

    run: Path | None = None
    """Run folder; by default the one under --runs that made the gallery."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    gallery: Path | None = None
    """The gallery that embedlearn index made; by default the one called gallery in the folder of the runs."""
    store: str | None = None
    """Take the gallery of that name from a database, postgresql://USER@HOST/DATABASE, instead of a folder."""
    demo: bool = False
    """Show the page on synthetic films: takes a run under --runs that was trained on them, or trains one."""
    classes: tuple[str, ...] = ()
    """Classes to answer with; by default the run's and covid-19, or every label where there is no such class."""
    heads: tuple[str, ...] = ("prototype", "knn")
    """The heads that answer; fewshot --help names them."""
    measure: Literal["prototype", "knn", "energy"] = "prototype"
    """How strangeness is measured: distance to the nearest class mean, to the k-th nearest example, or energy."""
    keep: float = 0.95
    """Share of films of known classes that the bound for the unknown should accept."""
    map: Path | None = None
    """A folder map-KIND of embedlearn visualize to show films on; by default the gallery's principal components."""
    pictures: tuple[Path, ...] = ()
    """Folders with films of the gallery's cases; the run's own films are found without."""
    show: tuple[str, ...] = ("label", "source", "view")
    """Columns of the gallery to show of a case, such as patient; what is not named here is in no answer."""
    host: str = "127.0.0.1"
    """Address to listen on; any but this machine's own asks every client for a token, which is printed once, or is
    taken from the environment's EMBEDLEARN_TOKEN."""
    port: int = 8000
    """Port to listen on; 0 takes one that is free."""
    names: tuple[str, ...] = ()
    """Further names by which clients may reach this server, such as that of a proxy before it."""
    most_films: int = 16
    """Films in one request."""
    most_mb: int = 64
    """Megabytes in one request."""
    most_pixels: int = 50
    """Million pixels of a film."""
    decode_seconds: float = 10.0
    """How long a film may take to be decoded."""
    decoders: int | None = None
    """Processes that decode films; by default half as many as there are processor cores."""
    threads: int | None = None
    """Threads of the encoder; by default as many as there are processor cores."""
    rate: float = 50.0
    """Requests a second from one address; 0 sets no limit."""
    poll: float = 5.0
    """Seconds between two looks at whether the gallery has changed."""
    log: Path | None = None
    """File to add a line of JSON to for each request; by default standard error."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the encoder computes; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the choice of examples where a class has very many."""

    def __post_init__(self) -> None:
        for flag, value, low, high in (
            ("--keep", self.keep, 0.01, 1), ("--port", self.port, 0, 65_535),
            ("--most-films", self.most_films, 1, 1_000),
            ("--most-mb", self.most_mb, 1, 4_096), ("--most-pixels", self.most_pixels, 1, 100),
            ("--decode-seconds", self.decode_seconds, 0.1, 600), ("--rate", self.rate, 0, 1e6),
            ("--poll", self.poll, 0.1, 86_400), ("--seed", self.seed, 0, 2**31 - 1),
            ("--decoders", 1 if self.decoders is None else self.decoders, 1, 64),
            ("--threads", 1 if self.threads is None else self.threads, 1, 256),
        ):  # fmt: skip
            require_number(flag, value, low, high)
        if self.demo and (self.run or self.gallery or self.store or self.map):
            raise ArgumentError("--demo: brings its own run and gallery; leave out --run, --gallery, --store and --map")
        if self.store and not self.gallery:
            raise ArgumentError("--store: wanted the gallery's name there too; give it by --gallery")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can ask."""
        return self.host in LOOPBACK

    @property
    def token(self) -> str | None:
        """The token that clients have to know, where it is given; None where one is to be made, or none is needed."""
        return os.environ.get(TOKEN) or None
