"""Maps of the latent space as one interactive HTML file, which holds all that it runs and fetches nothing."""

from __future__ import annotations

from pathlib import Path

from embedlearn.files import write_text
from embedlearn.maps.page.contents import NewFilms, PageData, check
from embedlearn.maps.page.encoding import encode
from embedlearn.maps.page.markup import render
from embedlearn.maps.page.plot import bokeh_script, document

__all__ = ["NewFilms", "PageData", "write_page"]


def write_page(path: Path, page: PageData) -> None:
    """Write the page, whole or not at all; the same bytes for the same `page`.

    Raises `ArgumentError` where the parts of `page` do not belong together, and `StorageError`.
    """
    check(page)
    write_text(path, render(page, bokeh_script(), document(len(page.ids)), encode(page)))
