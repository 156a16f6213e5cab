"""The page's HTML: its words escaped, its scripts inline and named one by one by the content policy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from embedlearn.maps.page.contents import PageData

HERE = Path(__file__).parent
RESEARCH_ONLY = "Research use only: nothing here is fit for diagnosis."
TEMPLATE = "page.html.jinja"
SCRIPTS = ("data.js", "plot.js", "card.js", "selection.js", "page.js")  # in the order in which they build on each other
ESCAPES = str.maketrans({letter: f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"})


def render(page: PageData, bokeh: str, document: Mapping[str, Any], contents: Mapping[str, Any]) -> str:
    """The page as one text: the script of Bokeh, its `document`, and the `contents` that our own script shows."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    own = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    words = {
        "page": page,
        "films": len(page.ids),
        "contents": contents,
        "lead": _lead(page),
        "boxes": _boxes(page),
        "shown": _shown(len(page.ids), contents["thumbnails"]),
        "policy": policy(bokeh, own),
        "style": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "scripts": (Markup(bokeh), Markup(own)),
        "data": {"document": as_data(document), "contents": as_data(contents)},
    }
    return environment.get_template(TEMPLATE).render(words) + "\n"


def policy(*scripts: str) -> str:
    """A content policy under which these inline scripts run, no other, and nothing is fetched or evaluated."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def as_data(value: Mapping[str, Any]) -> Markup:
    """JSON that may stand in a script element: no word in it can end the element or begin a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(ESCAPES))


def _lead(page: PageData) -> str:
    placed = f" and {len(page.new.names):,} new" if page.new is not None and len(page.new.names) else ""
    return (
        f"{len(page.ids):,} films{placed}; {len(page.maps)} {'map' if len(page.maps) == 1 else 'maps'} to choose from."
    )


def _boxes(page: PageData) -> list[tuple[str, str]]:
    """Each note with its label, which it may begin with: "warning: ..."."""
    boxes = [("Warning", RESEARCH_ONLY)]
    for line in page.notes:
        label, colon, words = line.partition(": ")
        known = bool(colon) and label.lower() in ("warning", "note")
        boxes.append((label.capitalize(), words) if known else ("Note", line))
    return boxes


def _shown(films: int, thumbnails: Mapping[str, Any] | None) -> str:
    if thumbnails is None:
        return ""
    count = thumbnails["shown"]
    have = "All films have" if count == films else f"{count:,} of the {films:,} films, chosen evenly, have"
    return f"{have} a thumbnail, because that was asked for. Films may identify patients."
