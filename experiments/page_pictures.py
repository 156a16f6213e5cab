"""`python -m experiments.page_pictures --run RUN --gallery GALLERY`: the README's pictures of the page."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from embedlearn.console import run_command, say
from embedlearn.errors import ArgumentError
from embedlearn.files import replacing, require_folder
from experiments.pictures import BROWSERS

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload

WIDTH, HEIGHT = 1_280, 1_500
DIALOG = 900  # pixels of the height in which a case is compared
THEMES: dict[str, Literal["light", "dark"]] = {"page": "light", "page-compare": "dark"}
SEED = 20_001  # of films that no run has seen


@dataclass(frozen=True, kw_only=True)
class PagePictures:
    """Open the page on a run on phantoms, put a synthetic film in, and take pictures: the answer, and a comparison."""

    run: Path
    """Run folder of a training on phantoms, such as make demo leaves."""
    gallery: Path
    """A gallery of its films."""
    label: str = "covid-19"
    """What the film shows."""
    patient: int = 7
    """Which synthetic patient's film it is."""
    out: Path = Path("assets")
    """Folder of the pictures."""


def main() -> None:
    run_command(PagePictures, _take, "experiments.page_pictures", None)


def _take(settings: PagePictures) -> None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise ArgumentError(
            "playwright: wanted to open the page, got no such package; pip install playwright"
        ) from None
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ArgumentError(f"wanted a browser, one of {', '.join(BROWSERS)}, got none; install chromium")
    require_folder(settings.out, "--out")
    film: FilePayload = {"name": "film.png", "mimeType": "image/png", "buffer": _film(settings)}
    with _served(settings) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, theme in THEMES.items():
            tab = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme)
            tab.goto(address)
            tab.set_input_files("#files", [film])
            tab.wait_for_selector("#cards img")
            if name == "page-compare":
                tab.set_viewport_size({"width": WIDTH, "height": DIALOG})
                tab.click("#cards button >> nth=0")
                tab.wait_for_selector("#compare[open] canvas >> nth=1")
            tab.wait_for_load_state("networkidle")
            tab.mouse.move(2, 2)
            with replacing(settings.out / f"{name}.png") as beside:
                tab.screenshot(path=beside, full_page=name == "page")
            say(f"wrote {settings.out / name}.png")


def _film(settings: PagePictures) -> bytes:
    from PIL import Image

    from embedlearn.radiographs.phantom import draw_film

    pixels = draw_film(settings.label, seed=SEED, patient=settings.patient, source="phantom-a", size=512)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue()


@contextmanager
def _served(settings: PagePictures) -> Iterator[str]:
    """The page's address while a server runs."""
    words = ["--run", str(settings.run), "--gallery", str(settings.gallery), "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "embedlearn.serve", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            opened = (line.split()[1] for line in process.stdout if line.startswith("open "))
            address = next(opened, None)
            if address is None:
                raise ArgumentError("the server did not start; try the same with python -m embedlearn.serve")
            yield address
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
