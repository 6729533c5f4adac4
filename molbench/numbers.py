"""Numbers as text: as many digits as the uncertainty allows, the same on every machine."""

from __future__ import annotations

import math
from collections.abc import Mapping

#: Which way a metric gets better.
ARROWS: Mapping[str, str] = {"lower": "↓", "higher": "↑"}


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


def plus_minus(value: float, half_width: float | None, digits: int = 4) -> str:
    """``12.3 ± 0.4``; ``12.3 ± ?`` where there is no half-width."""
    if half_width is None:
        return f"{plain(value, digits)} ± ?"
    return f"{plain(value, digits)} ± {spread(half_width, value)}"


def spread(size: float, value: float) -> str:
    """A standard deviation or half-width of ``value``, to two digits."""
    # What is left of equal scores after the arithmetic of two processors is no spread.
    return plain(size, 2) if size > 1e-6 * abs(value) else "0"


def interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """``12.1 … 12.6``; ``?`` without one."""
    return "?" if low is None or high is None else f"{plain(low, digits)} … {plain(high, digits)}"


def signed(value: float, scale: float, half_width: float | None) -> str:
    """A difference with sign, and as a share of ``scale - value``, what it is a difference to."""
    base = scale - value
    share = f" ({100 * value / abs(base):+.0f} %)" if base and math.isfinite(base) else ""
    return f"{'+' if value > 0 else ''}{plus_minus(value, half_width, 3)}{share}"


def probabilities(raw: float | None, adjusted: float | None) -> str:
    """A p-value and, in brackets, the same adjusted for the number of tests, where it is."""
    if raw is None:
        return "?"
    if adjusted is None:
        return _probability(raw)
    return f"{_probability(raw)} ({_probability(adjusted)})"


def _probability(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def share(now: float | None, later: float | None, more_seeds: int) -> str:
    """``5 % (x3 seeds: 2 %)``, what is detectable as a share of a score, and what more seeds would show."""
    if now is None or later is None:
        return "?"
    return f"{_percent(now)} (x{more_seeds} seeds: {_percent(later)})"


def _percent(number: float) -> str:
    return f"{plain(100 * number, 2)} %" if number < 10 else "> 1000 %"
