"""How what a model looks at is shown: each region's evidence beyond its area, and where evidence lies by answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding, Shown
from embedlearn.explanations.checks.borders import CORNER, RING
from embedlearn.explanations.geometry import cell_edges
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.numbers import number, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 2.7, 3.3  # inches, of a map
SMALL = 0.005  # a share below which tenths of a percentage point do not tell
COLOUR = {"fine": COLOURS[2], "note": GREY, "warning": COLOURS[1]}
REGIONS = (
    "Evidence beyond a region's share of the map's places, in percentage points, with 95 % interval. In the lungs it "
    "should lie to the right of the line, elsewhere to the left: green where it is so, orange where it is the other "
    "way round. Of the corners the one named above is shown, with an interval that holds for all of them at once."
)
MAPS = (
    "Where |evidence| lies by the model's answer, on the square that it reads, as times an even spread; mean of the "
    f"films, all panels of one scale. Outlined: the border ring, {number(RING, digits=1)} of the side wide, and, "
    f"dashed, the corners of {number(CORNER, digits=1)}; a place that an outline cuts counts in part."
)


def looking_figures(
    findings: Sequence[Finding], maps: Mapping[str, NDArray[np.float64]], lag: float
) -> dict[str, Shown]:
    """The regions of the findings as dots, and by answer a map float64 [h, w] that sums to 1."""
    dots = [finding for finding in findings if finding.value is not None]
    regions = Panel("Evidence beyond the area", partial(_draw_regions, findings=dots), 1.0 + 0.35 * len(dots))
    most = max(float(shares.max()) * shares.size for shares in maps.values())
    panels = [
        Panel(name, partial(_draw_map, shares=shares, lag=lag, most=most), HEIGHT) for name, shares in maps.items()
    ]
    return {
        "looking-regions": Shown(REGIONS, Picture((regions,), 5.0)),
        "looking-maps": Shown(MAPS, Picture(tuple(panels), WIDTH, min(3, len(panels)))),
    }


def told(value: float, low: float | None, high: float | None) -> str:
    """In percentage points; two digits more where there is next to nothing to tell of."""
    write = points if abs(value) >= SMALL else lambda share: number(100 * share, signed=True)
    ends = f" [{write(low)}, {write(high)}]" if low is not None and high is not None else ""
    return f"{write(value)} points{ends} beyond"


def _draw_regions(axes: Axes, findings: Sequence[Finding]) -> None:
    for row, finding in enumerate(findings):
        value = finding.value or 0.0
        low, high = (value if end is None else end for end in (finding.low, finding.high))
        axes.hlines(row, 100 * low, 100 * high, color=COLOUR[finding.level], linewidth=2)
        axes.plot(100 * value, row, "o", color=COLOUR[finding.level], markersize=6)
    axes.axvline(0, color=GREY, linestyle=":", linewidth=1)
    names = [finding.key.removeprefix("looking.").replace("lungs.", "lungs, by ").replace("corners", "a corner")
             for finding in findings]  # fmt: skip
    axes.set_yticks(range(len(findings)), names)
    axes.set(ylim=(len(findings) - 0.5, -0.5), xlabel="percentage points of the evidence")


def _draw_map(axes: Axes, shares: NDArray[np.float64], lag: float, most: float) -> None:
    """How many times an even spread each cell holds, where the encoder looks for it."""
    down, across = (cell_edges(count, 1.0, lag) for count in shares.shape)
    drawn = axes.pcolormesh(across, down, shares * shares.size, cmap="Blues", vmin=0, vmax=most)
    line: Any = {"color": COLOURS[1], "linewidth": 1}
    axes.plot([RING, 1 - RING, 1 - RING, RING, RING], [RING, RING, 1 - RING, 1 - RING, RING], **line)
    for x in (0.0, 1.0):
        for y in (0.0, 1.0):
            inner = abs(x - CORNER), abs(y - CORNER)
            axes.plot([inner[0], inner[0], x], [y, inner[1], inner[1]], linestyle="--", **line)
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), aspect="equal")
    axes.grid(False)
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", fraction=0.05, pad=0.03, ticks=[0, 1, most])
    bar.ax.set_xticklabels(["0", "1", f"{most:.1f}"])
