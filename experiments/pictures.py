"""`python -m experiments.pictures --run RUN`: the README's pictures of maps and explanations.

Those that show films are drawn from a run on phantoms; of a run on real films only points and numbers are shown.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from embedlearn import explain, visualize
from embedlearn.console import run_command, say
from embedlearn.errors import ArgumentError
from embedlearn.files import replacing, require_folder

KINDS = ("umap", "tsne", "pca", "som")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Draw maps before and after training, the page, and the explanations of a run on phantoms, with its checks."""

    run: Path
    """Run folder of a training on phantoms, such as make demo leaves."""
    real: Path | None = None
    """Run folder of a training on real films, of which maps and checks are drawn too."""
    masks: Path | None = None
    """Lung masks for the checks of the real run, as embedlearn explain check takes them."""
    boxes: Path | None = None
    """Lung boxes for the same."""
    against: Path | None = None
    """A second real run with another seed, for the same."""
    out: Path = Path("assets")
    """Folder of the pictures."""


def main() -> None:
    run_command(Pictures, _draw, "experiments.pictures", None)


def _draw(settings: Pictures) -> None:
    require_folder(settings.out, "--out")
    with tempfile.TemporaryDirectory() as scratch:
        _of_phantoms(settings, Path(scratch))
        if settings.real:
            _of_real(settings, settings.real, Path(scratch))


def _of_phantoms(settings: Pictures, scratch: Path) -> None:
    run, maps, films = str(settings.run), scratch / "maps", scratch / "films"
    words = ["--compare", "untrained", run, "--thumbnails", "400", "--explain", "--out", str(maps)]
    visualize.main(words)
    for kind in KINDS:
        _keep(maps / f"{kind}.png", settings.out / f"maps-{kind}.png")
    _keep(maps / "som-sheet.png", settings.out / "maps-som-sheet.png")
    _keep(maps / "latent.html", settings.out / "latent.html")
    _photograph(settings.out / "latent.html", settings.out / "latent.png")
    _check(["--run", run], settings.run / "explain", settings.out / "check.png")
    explain.main(["--run", run, "--pairs", "--out", str(films)])
    _keep(films / "sheet.png", settings.out / "explained.png")
    told = json.loads((films / "explain.json").read_text(encoding="utf-8"))["films"]
    plainest = max(told, key=lambda film: film["maps"][0]["score"])["name"]
    _keep(films / f"{plainest}.png", settings.out / "explained-film.png")
    _keep(films / f"{plainest}-pair.png", settings.out / "explained-pair.png")


def _of_real(settings: Pictures, run: Path, scratch: Path) -> None:
    maps = scratch / "real"
    words = ["--compare", "untrained", str(run), "--split", "unseen", "--maps", "umap", "--no-page", "--out", str(maps)]
    visualize.main(words)
    _keep(maps / "umap.png", settings.out / "real-maps.png")
    flags = {"--masks": settings.masks, "--boxes": settings.boxes, "--against": settings.against}
    given = [word for flag, path in flags.items() if path for word in (flag, str(path))]
    _check(["--run", str(run), *given], run / "explain", settings.out / "real-check.png")


def _check(words: list[str], folder: Path, picture: Path) -> None:
    try:
        explain.main(["check", *words])
    except SystemExit as exit_:
        if exit_.code != 1:  # that says that a check fails, which the picture shows
            raise
    _keep(folder / "check.png", picture)


def _keep(made: Path, picture: Path) -> None:
    with replacing(picture) as beside:
        shutil.copy(made, beside)
    say(f"wrote {picture}")


def _photograph(page: Path, picture: Path) -> None:
    """The page as a browser shows it."""
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ArgumentError(f"{picture}: wanted a browser to draw it with ({', '.join(BROWSERS)}), found none")
    with sync_playwright() as playwright, replacing(picture) as beside:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        shown = opened.new_page(viewport={"width": 1280, "height": 800})
        shown.goto(page.absolute().as_uri())
        shown.wait_for_selector("canvas")
        shown.wait_for_timeout(1500)
        beside.write_bytes(shown.screenshot(full_page=True))
        opened.close()


if __name__ == "__main__":
    main()
