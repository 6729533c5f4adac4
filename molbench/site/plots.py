"""Small pictures as SVG inside a page: they take the page's colours and need no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from molbench.numbers import plain

_SPAN = 96
_HISTOGRAM = (520, 150)
_PARITY = 150


@dataclass(frozen=True)
class Scale:
    """A common axis of intervals, logarithmic where all are positive.

    Attributes:
        low: Left end.
        high: Right end.
        log: Whether equal steps are equal ratios.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Scale:
        """One that holds all of some numbers."""
        finite = [number for number in numbers if math.isfinite(number)] or [0.0, 1.0]
        low, high = min(finite), max(finite)
        log = low > 0 and high / low > 3
        return cls(low, high if high > low else low + (abs(low) or 1.0), log)

    def position(self, value: float) -> float:
        """From 0 at the left end to 1 at the right."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return min(max((value - low) / (high - low), 0.0), 1.0)


def interval_mark(scale: Scale, value: float, low: float | None, high: float | None) -> Markup:
    """A point with its interval; the text beside it says the same."""
    x, *ends = (
        3 + scale.position(v) * (_SPAN - 6)
        for v in (value, *((low, high) if None not in (low, high) else ()))
    )
    line = f'<path d="M{ends[0]:.1f} 7H{ends[1]:.1f}"/>' if ends else ""
    return _svg(_SPAN, 14, f'{line}<circle cx="{x:.1f}" cy="7" r="3"/>', "interval")


def histogram(groups: Sequence[tuple[str, np.ndarray]], unit: str, label: str) -> Markup:
    """Shares of the values of several groups over common bins.

    Args:
        groups: Name and values, [n]; the first is filled, others are lines.
        unit: Of the values.
        label: What a screen reader says.
    """
    everything = np.concatenate([values for _, values in groups])
    edges = np.linspace(everything.min(), everything.max() or 1.0, 41)
    if edges[0] == edges[-1]:
        edges = np.linspace(edges[0] - 0.5, edges[0] + 0.5, 41)
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for _, values in groups]
    width, height = _HISTOGRAM
    top = max(float(share.max()) for share in shares) or 1.0
    step = width / (len(edges) - 1)
    paths = []
    for number, share in enumerate(shares):
        heights = (1 - share / top) * (height - 24)
        line = "".join(f"V{y:.1f}h{step:.2f}" for y in heights)
        paths.append(f'<path class="group{number}" d="M0 {height - 24}{line}V{height - 24}"/>')
    low, high = (plain(float(edge), 3) for edge in (edges[0], edges[-1]))
    return _svg(width, height, "".join(paths) + _axis(low, f"{high} {unit}".rstrip()), "histogram", label)


def bars(counts: Sequence[int], first: str, last: str, label: str) -> Markup:
    """Counts of equal bins."""
    width, height = _HISTOGRAM
    step, top = width / len(counts), max(counts) or 1
    made = "".join(
        f'<path class="bar" d="M{i * step + 1:.1f} {height - 24}v{-count / top * (height - 40):.1f}'
        f'h{step - 2:.1f}V{height - 24}z"/>'
        f'<text x="{(i + 0.5) * step:.1f}" y="{height - 28 - count / top * (height - 40):.1f}" '
        f'text-anchor="middle">{count or ""}</text>'
        for i, count in enumerate(counts)
    )
    return _svg(width, height, made + _axis(first, last), "histogram", label)


def parity_plot(target: np.ndarray, prediction: np.ndarray, label: str) -> Markup:
    """Predictions over labels, both on one scale; every point lies on the diagonal where the model is right.

    Args:
        target: Labels, [n].
        prediction: Predictions, [n].
        label: What a screen reader says.
    """
    low, high = (float(f(target)) for f in (np.min, np.max))
    margin = 0.05 * ((high - low) or 1.0)
    low, high = low - margin, high + margin
    size = _PARITY
    x, y = (np.rint(np.clip((values - low) / (high - low), 0, 1) * size) for values in (target, prediction))
    pairs = zip(x.astype(int).tolist(), (size - y).astype(int).tolist(), strict=True)
    points = "".join([f"M{a} {b}h0" for a, b in pairs])
    axes = f'<path class="axis" d="M0 {size}L{size} 0M.5 0V{size - 0.5}H{size}"/>'
    return _svg(size, size, f'{axes}<path class="points" d="{points}"/>', "parity", label)


def curve(groups: Sequence[tuple[str, np.ndarray]], label: str, ends: tuple[str, str] = ("", "")) -> Markup:
    """Several functions over equal steps, such as mean spectra.

    Args:
        groups: Name and values, [points].
        label: What a screen reader says.
        ends: What stands below the first and the last step.
    """
    width, height = _HISTOGRAM
    top = max(float(np.abs(values).max()) for _, values in groups) or 1.0
    paths = []
    for number, (_, values) in enumerate(groups):
        few = values[np.linspace(0, len(values) - 1, min(len(values), 300)).astype(int)]
        x = np.linspace(0, width, len(few))
        line = "L".join(
            f"{a:.1f} {height - 24 - b / top * (height - 40):.1f}" for a, b in zip(x, few, strict=True)
        )
        paths.append(f'<path class="line{number}" d="M{line}"/>')
    return _svg(width, height, "".join(paths) + _axis(*ends), "histogram", label)


def _axis(first: str, last: str) -> str:
    """The axis below a histogram, with what stands at its ends."""
    width, height = _HISTOGRAM
    return (
        f'<path class="axis" d="M0 {height - 23.5}H{width}"/>'
        f'<text x="0" y="{height - 6}">{Markup.escape(first)}</text>'
        f'<text x="{width}" y="{height - 6}" text-anchor="end">{Markup.escape(last)}</text>'
    )


def _svg(width: float, height: float, content: str, name: str, label: str | None = None) -> Markup:
    role = f'role="img" aria-label="{Markup.escape(label)}"' if label else 'aria-hidden="true"'
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return Markup(f'<svg class="{name}" {size} {role}>{content}</svg>')  # noqa: S704 - numbers; text is escaped
