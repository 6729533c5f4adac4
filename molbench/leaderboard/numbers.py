"""Numbers as text: as many digits as the uncertainty allows, the same on every machine."""

from __future__ import annotations

import math


def plain(value: float, digits: int = 4) -> str:
    """``value`` to ``digits`` significant digits, without an exponent where that is readable."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -4 <= exponent < 7:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - exponent)}f}"


def plus_minus(value: float, spread: float | None) -> str:
    """``12.3 ± 0.4``; the value alone where there is no spread."""
    if spread is None:
        return plain(value)
    # What is left of equal scores after the arithmetic of two processors is no spread.
    return f"{plain(value)} ± {plain(spread, 2) if spread > 1e-6 * abs(value) else '0'}"


def interval(low: float, high: float, digits: int = 4) -> str:
    """``12.1 … 12.6``."""
    return f"{plain(low, digits)} … {plain(high, digits)}"


def signed(value: float, scale: float) -> str:
    """A difference with sign, and as a share of ``scale - value``, what it is a difference to."""
    base = scale - value
    share = f" ({100 * value / abs(base):+.0f} %)" if base and math.isfinite(base) else ""
    return f"{'+' if value > 0 else ''}{plain(value, 3)}{share}"
