"""One side of the benchmark of maps, in a process of its own: `python -m experiments.benchmarks.map_sides SIDE IN OUT`.

IN is an .npz file of `vectors`, float32 [N, 128], `labels` and `sources`; into the folder OUT go `places.npy` and,
where a side draws one, `map.png`. Nothing is imported that another side needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Given = dict[str, NDArray[Any]]
NEIGHBOURS, MIN_DIST, PERPLEXITY = 15, 0.1, 30.0


def our_figure(given: Given, out: Path) -> NDArray[Any]:
    """UMAP as it is drawn here: its quality measured, 5,000 films among all, and stated on the figure."""
    from embedlearn.maps.figures import View, draw_map
    from embedlearn.maps.projections.umap import UMAPProjection
    from embedlearn.maps.quality import map_quality

    places = UMAPProjection(n_neighbors=NEIGHBOURS, min_dist=MIN_DIST).fit(given["vectors"]).embedding_
    labels, sources = given["labels"].tolist(), given["sources"].tolist()
    quality = map_quality(given["vectors"], places, labels, sources)
    draw_map(out / "map.png", View("UMAP", places, labels, sources, quality.sentences()))
    return places


def bare_figure(given: Given, out: Path) -> NDArray[Any]:
    """umap-learn with its own search for neighbours, seeded, and a scatter by label and by source."""
    return _bare_figure(given, out, random_state=0, n_jobs=1)


def unseeded_figure(given: Given, out: Path) -> NDArray[Any]:
    """The same without a seed, so that umap-learn may use every core: another map each time."""
    return _bare_figure(given, out)


def our_tsne(given: Given, out: Path) -> NDArray[Any]:
    """t-SNE as it is made here."""
    from embedlearn.maps.projections.tsne import TSNEProjection

    return TSNEProjection(perplexity=PERPLEXITY).fit(given["vectors"]).embedding_


def scikit_tsne(given: Given, out: Path) -> NDArray[Any]:
    """scikit-learn's, on every core."""
    from sklearn.manifold import TSNE

    made = TSNE(perplexity=PERPLEXITY, init="pca", random_state=0, n_jobs=-1).fit_transform(given["vectors"])
    return np.asarray(made)


def _bare_figure(given: Given, out: Path, **settings: Any) -> NDArray[Any]:
    import matplotlib.pyplot as plt
    import umap

    plt.switch_backend("Agg")
    places = umap.UMAP(n_neighbors=NEIGHBOURS, min_dist=MIN_DIST, **settings).fit_transform(given["vectors"])
    drawn, both = plt.subplots(1, 2, figsize=(7, 3.5))
    for axes, names in zip(both, (given["labels"], given["sources"]), strict=True):
        for name in np.unique(names):
            axes.scatter(*places[names == name].T, s=2, label=name)
        axes.legend()
    drawn.savefig(out / "map.png", dpi=300)
    return np.asarray(places)


SIDES: dict[str, Callable[[Given, Path], NDArray[Any]]] = {
    "our-figure": our_figure,
    "bare-figure": bare_figure,
    "unseeded-figure": unseeded_figure,
    "our-tsne": our_tsne,
    "scikit-tsne": scikit_tsne,
}


def run_side(name: str, films: Path, out: Path) -> None:
    """Read the films, draw, and keep where they lie."""
    with np.load(films) as held:
        given = dict(held)
    np.save(out / "places.npy", SIDES[name](given, out))


if __name__ == "__main__":
    run_side(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
