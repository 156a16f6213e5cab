"""What `visualize` is asked: its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedlearn.console import DataFlags
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number

Kind = Literal["umap", "tsne", "pca", "som"]
UNTRAINED = "untrained"
AT_MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class Visualize(DataFlags):
    """Draw maps of the latent space, each with what it is worth below it, and one page to look around in.

    Takes the newest run and its films, or what --run, --data or --embeddings name. The untrained network of the run
    stands beside it in the table of qualities; --compare draws the two side by side. A map keeps some neighbours and
    loses others: the figures say how many, and whether films lie together by label or by source. Findings behind a
    slash, such as pneumonia/viral, are joined: they count as the label before it.
    """

    run: Path | None = None
    """Run folder; the newest under --runs where none is named."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    embeddings: Path | None = None
    """Embeddings to map instead of films; without --run nothing stands beside them."""
    maps: tuple[Kind, ...] = ("umap", "tsne", "pca", "som")
    """Kinds of map to draw."""
    compare: tuple[str, ...] = ()
    """Two run folders to draw side by side; the word untrained stands for the untrained network of the other one."""
    split: Literal["all", "unseen"] = "all"
    """Which films: all of them, or those that the encoder was not trained on."""
    at_most: int = AT_MOST
    """Films to map; of more a sample is drawn."""
    place: tuple[Path, ...] = ()
    """New films, or folders of them, to show on the maps, under their file names."""
    on: Path | None = None
    """A folder map-KIND of an earlier call, to place films on that map as it is."""
    neighbours: int | None = None
    """Films of a neighbourhood of UMAP; 15 where not given."""
    perplexity: float | None = None
    """About how many neighbours a film has for t-SNE; 30 where not given."""
    pale: bool = False
    """Draw films pale that a map has torn from their nearest films; a self-organising map draws nodes instead."""
    page: bool = True
    """Write the page latent.html."""
    thumbnails: int = 0
    """Show so many films at most in the page, where one points at them, and as many at most on the self-organising map,
    those nearest to its fullest nodes; films may identify patients."""
    show_names: bool = False
    """Name films in the page by their files instead of by numbers; names may identify patients."""
    explain: bool = False
    """In the page, the mean of what spoke for and against the label of chosen films; asks the encoder once more."""
    theme: Literal["light", "dark", "both"] = "light"
    """Figures for white paper, for a dark page, or both."""
    out: Path | None = None
    """Folder to write into; by default maps in the run's folder or beside the embeddings, or placed beside the map."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to embed; auto takes a GPU where there is one."""
    seed: int = 0
    """Of the sample and of the maps."""

    def __post_init__(self) -> None:
        require_number("--at-most", self.at_most, 5, 10_000_000)
        require_number("--thumbnails", self.thumbnails, 0, 1_000_000)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        if self.neighbours is not None:
            require_number("--neighbours", self.neighbours, 2, 1_000)
        if self.perplexity is not None:
            require_number("--perplexity", self.perplexity, 1, 10_000)
        if not self.maps or len(set(self.maps)) < len(self.maps):
            raise ArgumentError(f"--maps: wanted each kind once, got {' '.join(self.maps) or 'none'}")
        for flag, use in self._without_use().items():
            raise ArgumentError(f"{flag}: {use}; leave it out")
        if len(self.compare) not in (0, 2):
            raise ArgumentError(f"--compare: wanted two run folders, or one and {UNTRAINED}, got {len(self.compare)}")
        if set(self.compare) == {UNTRAINED}:
            raise ArgumentError(f"--compare: wanted a run folder beside {UNTRAINED}, got none")
        if self.on and not self.place:
            raise ArgumentError("--on: wanted films to place, got none; name them with --place")
        for flag, given in self._asking().items():
            if given and self.embeddings and not self.run:
                raise ArgumentError(f"{flag}: wanted the encoder too; name its run with --run")

    def _without_use(self) -> dict[str, str]:
        """Flags that were given and would do nothing, with the reason."""
        found = {}
        if self.neighbours is not None and "umap" not in self.maps:
            found["--neighbours"] = "is for umap, which --maps does not name"
        if self.perplexity is not None and "tsne" not in self.maps:
            found["--perplexity"] = "is for tsne, which --maps does not name"
        if self.compare and self.run:
            found["--run"] = "the runs are those that --compare names"
        if self.embeddings:
            reading = {"--data": self.data, "--map": self.map, "--columns": self.columns, "--skip-bad": self.skip_bad}
            given = {**reading, "--compare": self.compare}
            found |= {flag: "embeddings bring their films' rows with them" for flag, value in given.items() if value}
        if self.pale and self.maps == ("som",):
            found["--pale"] = "a self-organising map draws no single films"
        if not self.page:
            given = {"--show-names": self.show_names, "--explain": self.explain}
            found |= {flag: "is for the page, which --no-page leaves out" for flag, value in given.items() if value}
            if self.thumbnails and "som" not in self.maps:
                found["--thumbnails"] = "is for the page, which --no-page leaves out, and for som, not in --maps"
        if self.on:
            settled = ("data", "map", "columns", "skip_bad", "embeddings", "maps", "compare", "split", "at_most",
                       "neighbours", "perplexity", "thumbnails", "explain", "seed")  # fmt: skip
            for name in settled:
                if getattr(self, name) != getattr(Visualize, name):
                    found[f"--{name.replace('_', '-')}"] = "the map of --on is made already"
        return found

    def _asking(self) -> dict[str, bool]:
        """Flags that need an encoder."""
        return {"--place": bool(self.place), "--thumbnails": bool(self.thumbnails), "--explain": self.explain}
