"""How every figure looks: colours that all eyes tell apart, plain axes; in files written whole, or in a page."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from embedlearn.errors import ArgumentError
from embedlearn.files import replacing
from embedlearn.flags import require_choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008), in an order that keeps neighbours apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#777777"
GRID = "#e6e6e6"
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "text.parse_math": False,  # a class may be named with dollar signs
}
# What a page's style sheet decides, so that a figure is fit for a light and a dark one.
OF_THE_PAGE = {"#000000": "currentColor", "#0072b2": "var(--blue)", GREY: "var(--muted)", GRID: "var(--grid)"}


class Theme(NamedTuple):
    """The colours of a figure: of what is told apart, of words and lines, of the ground, and what recedes."""

    colours: tuple[str, ...]
    ink: str
    paper: str
    muted: str
    grid: str


THEMES = {
    "light": Theme(COLOURS, "#000000", "#ffffff", GREY, GRID),
    # The same hues, those that a dark ground swallows made lighter.
    "dark": Theme(
        ("#3B96DC", "#F0803C", "#1FBF8F", "#DE94BD", "#EDB120", "#A6DBFA", "#FFFFFF"),
        "#e8e8e8", "#14171a", "#9aa0a6", "#2c3136",
    ),
}  # fmt: skip
UNSAID = {".png": {"Software": None}, ".svg": dict.fromkeys(("Creator", "Date", "Format", "Type"))}


class Panel(NamedTuple):
    """One pair of axes: what it shows, how it is drawn, and its height in inches."""

    title: str
    draw: Callable[[Axes], None]
    height: float


class Picture(NamedTuple):
    """Panels of one width, in inches: side by side in a file, each by itself in a page, where a phone stacks them."""

    panels: tuple[Panel, ...]
    width: float
    columns: int = 2

    def save(self, path: Path) -> None:
        """Write all panels into one PNG file. Raises `StorageError`."""
        columns = min(self.columns, len(self.panels))
        rows = -(-len(self.panels) // columns)
        with figure(path, self.width * columns, max(panel.height for panel in self.panels) * rows) as drawn:
            for number, panel in enumerate(self.panels, 1):
                _draw(drawn.add_subplot(rows, columns, number), panel)

    def svgs(self, name: str) -> list[str]:
        """Each panel as an <svg> to stand in HTML; `name` keeps its ids from those of the page's other pictures."""
        return [_svg(panel, self.width, f"{name}-{number}") for number, panel in enumerate(self.panels)]


@contextlib.contextmanager
def figure(path: Path, width: float, height: float, theme: str = "light", dpi: int = 150) -> Iterator[Figure]:
    """Yield an empty figure of so many inches; save it to `path`, NAME.png or NAME.svg, when the block ends well.

    `theme` is one of `THEMES`; `dpi` is of a PNG, and of what is drawn as pixels in an SVG. The same drawing makes the
    same bytes. Raises `ArgumentError` for another name or theme, `StorageError`.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if path.suffix not in UNSAID:
        raise ArgumentError(f"{path}: wanted a figure's name that ends in .png or .svg")
    rules = STYLE | _rules(theme) | {"svg.hashsalt": "embedlearn"}
    with rc_context(rules):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        with replacing(path) as beside:
            drawn.savefig(beside, metadata=UNSAID[path.suffix], dpi=dpi)


def theme_of(name: str) -> Theme:
    """The theme of this name. Raises `ArgumentError`."""
    require_choice("theme", name, tuple(THEMES))
    return THEMES[name]


def _rules(theme: str) -> dict[str, Any]:
    """What a theme sets of matplotlib's style; of a light one nothing, it is matplotlib's own."""
    from cycler import cycler

    look = theme_of(theme)
    if look == THEMES["light"]:
        return {}
    inked = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color")
    grounds = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    return {
        **dict.fromkeys(inked, look.ink),
        **dict.fromkeys(grounds, look.paper),
        "grid.color": look.grid,
        "axes.prop_cycle": cycler(color=look.colours),
    }


def _draw(axes: Axes, panel: Panel) -> None:
    panel.draw(axes)
    axes.set_title(panel.title, loc="left")


def _svg(panel: Panel, width: float, name: str) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    written = io.StringIO()
    with rc_context({**STYLE, "svg.fonttype": "none", "svg.hashsalt": name}):
        drawn = Figure(figsize=(width, panel.height), layout="constrained")
        _draw(drawn.subplots(), panel)
        drawn.savefig(written, format="svg", transparent=True, metadata=UNSAID[".svg"])
    return _for_html(ElementTree.fromstring(written.getvalue()), panel.title, name)


def _for_html(root: ElementTree.Element, title: str, name: str) -> str:
    """The drawing less what only a file of its own needs: namespaces, ids that nothing refers to, fonts, its size."""
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag.endswith("}style")]:
            parent.remove(child)
    elements = list(root.iter())
    values = [value for element in elements for value in element.attrib.values()]
    used = {found for value in values for found in re.findall(r"^#(.+)$|url\(#(.+)\)", value)}
    names = {inner for pair in used for inner in pair if inner}
    for element in elements:
        element.tag = element.tag.rpartition("}")[2]
        if element.tag != "text":
            element.text = None
        element.tail = None
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        for key, value in attributes.items():
            if key == "id":
                if value in names:
                    element.set(key, f"{name}-{value}")
            elif key == "style":
                element.set(key, _styled(value))
            else:
                named = re.sub(r"^#(?=.)|(?<=url\()#", f"#{name}-", value)
                element.set(key, re.sub(r"-?\d+\.\d+", _rounded, " ".join(named.split())))
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-label", title)
    heading = ElementTree.Element("title")
    heading.text = title
    root.insert(0, heading)
    return ElementTree.tostring(root, encoding="unicode")


def _styled(style: str) -> str:
    """The declarations of one element, less the fonts, in the colours of the page."""
    kept = [part.strip() for part in style.split(";") if part.strip() and not part.strip().startswith("font-family")]
    return "; ".join(
        re.sub(r"#[0-9a-fA-F]{6}", lambda found: OF_THE_PAGE.get(found[0].lower(), found[0]), part) for part in kept
    )


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
