"""Numbers as pages write them."""

from __future__ import annotations

import re

import numpy as np


def number(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    """So many decimals without the zero before them: .741, −.012, 1.000; a dash where there is no number."""
    if value is None or np.isnan(value):
        return "–"
    value = round(value, digits) or 0.0  # which has no sign
    text = f"{value:{'+' if signed and value else ''}.{digits}f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text).replace("-", "−")


def p_value(value: float | None) -> str:
    """A p value to three decimals, and no smaller than these can say."""
    return "<.001" if value is not None and value < 0.001 else number(value)


def percent(value: float) -> str:
    """A share in per cent, to one decimal."""
    return f"{100 * value:.1f} %".replace("-", "−")


def points(value: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{100 * value:+.1f}".replace("-", "−")
