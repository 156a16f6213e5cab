"""The Bokeh document of the page, empty of films: the page's own script fills it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from embedlearn.figures import GREY

MANY = 2_000  # films from which on they are drawn smaller
ALPHA, FADED = 0.85, 0.12  # of films, and of those that are not selected
INK = "#1c2127"  # until the script has read the colours of the page


def document(films: int) -> dict[str, Any]:
    """The plot for so many films as `Bokeh.embed.embed_item` takes it; the same each time, ids included."""
    from bokeh.embed import json_item

    item: dict[str, Any] = _pinned(json_item(_figure(4.0 if films > MANY else 6.0)), {})
    return item


def bokeh_script() -> str:
    """BokehJS of the installed package: plots alone, without widgets, tables, formulae and WebGL."""
    import bokeh.util.paths

    return (Path(bokeh.util.paths.static_path()) / "js" / "bokeh.min.js").read_text(encoding="utf-8")


def _figure(size: float) -> Any:
    """A square without axes, for a map has no units, nor a toolbar, since the page has its own."""
    models: Any = importlib.import_module("bokeh.models")
    films, _, new, _ = drawn = _renderers(models, size)
    plot = models.Plot(
        x_range=models.Range1d(0, 1), y_range=models.Range1d(0, 1), sizing_mode="scale_width", aspect_ratio=1,
        min_border=0, toolbar_location=None, background_fill_color=None, border_fill_color=None,
        outline_line_color=None, lod_threshold=None, renderers=list(drawn),
    )  # fmt: skip
    wheel = models.WheelZoomTool()
    box = models.BoxSelectTool(name="box", renderers=[films])
    lasso = models.LassoSelectTool(name="lasso", renderers=[films], continuous=False)
    for tool in (box, lasso):
        tool.overlay.update(fill_color=GREY, fill_alpha=0.15, line_color=GREY, line_alpha=1)
    hover = models.HoverTool(tooltips=None, renderers=[films, new])
    plot.add_tools(models.PanTool(name="pan"), wheel, box, lasso, models.TapTool(renderers=[films]), hover)
    plot.toolbar.active_scroll = wheel
    return plot


def _renderers(models: Any, size: float) -> tuple[Any, Any, Any, Any]:
    """Of the films, the ring around one of them, the new films and their names."""
    columns = {"films": ("x", "y", "group"), "ring": ("x", "y"), "new": ("x", "y", "text", "align", "fill")}
    films, ring, new = (
        models.ColumnDataSource(data={column: [] for column in columns[name]}, name=name) for name in columns
    )
    palette = models.LinearColorMapper(palette=[INK], low=0, high=1, name="palette")
    dot = models.Circle(  # of pixels, which takes less time than the circles of a Scatter
        name="dot", radius=size / 2, radius_units="screen", hit_dilation=1.5,
        line_color=None, fill_alpha=ALPHA, fill_color={"field": "group", "transform": palette},
    )  # fmt: skip
    circle = models.Scatter(size=size + 8, fill_color=None, line_color=INK, line_width=2, name="ring-glyph")
    star = models.Scatter(size=17, marker="star", fill_alpha="fill", line_width=2, name="mark-glyph")
    word = models.Text(
        name="word-glyph", text_font={"value": "system-ui, sans-serif"}, text_font_size="12px", y_offset=-11,
        text_align={"field": "align"}, padding=2, border_radius=3, background_fill_alpha=0.75,
    )  # fmt: skip
    faded = dot.clone(fill_alpha=FADED, name="faded-dot")
    return (
        models.GlyphRenderer(data_source=films, glyph=dot, nonselection_glyph=faded),
        models.GlyphRenderer(data_source=ring, glyph=circle, level="overlay"),
        models.GlyphRenderer(data_source=new, glyph=star),
        models.GlyphRenderer(data_source=new, glyph=word),
    )


def _pinned(value: Any, ids: dict[str, str]) -> Any:
    """`value` with each model's id, which counts all models made so far, replaced by its place among these."""
    if isinstance(value, dict):
        return {
            key: ids.setdefault(inner, f"m{len(ids)}") if key in ("id", "root_id") else _pinned(inner, ids)
            for key, inner in value.items()
        }
    return [_pinned(inner, ids) for inner in value] if isinstance(value, list) else value
