"""One model of uncertainty for every number shown: sources of variation whose squared half-widths add up.

A score varies with the test records and with the seeds. Each source is a :class:`Component`: a variance, and
how well it is known. The half-width of an interval is the root of the sum over the components of

    (t + |skewness| (1 + 2 t²) / 6)² variance,

with Student's t of the component's own degrees of freedom. Adding half-widths instead of variances keeps the
small number of seeds from being hidden behind the large number of records; where a source varies little, the
interval is a little too wide. The second term widens for skewed records by the larger end of Johnson's
modified t (N. J. Johnson, J. Am. Stat. Assoc. 73, 536 (1978)). The p-value of a difference is one minus the
level whose interval just reaches zero, so that interval and p-value never disagree. What the intervals cover
is simulated by ``benchmarks/coverage.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.special import stdtrit

Array = np.ndarray | float
Index = tuple[np.ndarray | slice | None, ...]

LEVEL = 0.95
SIGNIFICANT = 0.05
#: Share of repetitions in which a detectable difference is detected.
POWER = 0.8
#: Records or clusters below which, and skewness above which, an interval cannot be relied on; the latter is
#: Cochran's rule, more than 25 times the square of the records' skewness (Sampling Techniques (1977), 2.15).
FEWEST, MOST_SKEWED = 10, 0.2

_SMALLEST_P = 1e-15


@dataclass(frozen=True)
class Component:
    """One source of variation of an estimate; arrays where many estimates are handled at once.

    Attributes:
        variance: What it adds to the variance of the estimate; infinite where it is unknown.
        freedom: Degrees of freedom of that variance.
        third: What it adds to the third central moment of the estimate.
    """

    variance: Array
    freedom: Array
    third: Array = 0.0

    def at(self, index: Index) -> Component:
        """The same of some of many estimates."""
        parts = np.broadcast_arrays(self.variance, self.freedom, self.third)
        return Component(*(part[index] for part in parts))

    @property
    def skewness(self) -> Array:
        """Size of the skewness of the estimate, as far as it is due to this source."""
        scale = np.power(self.variance, 1.5)
        return np.divide(np.abs(self.third), scale, out=np.zeros(np.shape(scale)), where=scale > 0)

    @property
    def few(self) -> np.ndarray:
        """Whether too few records, or too skewed ones, stand behind it for an interval to hold."""
        return (np.asarray(self.freedom) < FEWEST - 1) | (self.skewness > MOST_SKEWED)

    def half_width(self, tail: Array, further: Array = 0.0) -> np.ndarray:
        """Half-width of the interval due to this source alone.

        Args:
            tail: Probability left out at either end.
            further: Probability of a second quantile that is added, for the power of a test.
        """
        t = -stdtrit(self.freedom, tail)
        t = t + self.skewness * (1 + 2 * t**2) / 6
        if np.any(further):
            t = t + stdtrit(self.freedom, further)
        known = np.isfinite(self.variance)
        return np.where(known, t * np.sqrt(np.where(known, self.variance, 0.0)), np.inf)


def merge(components: Sequence[Component]) -> Component:
    """Independent sources as one; degrees of freedom by Welch (1947) and Satterthwaite (1946)."""
    variance = sum(part.variance for part in components)
    least = reduce(np.minimum, [part.freedom for part in components])
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = np.square(variance) / sum(np.square(part.variance) / part.freedom for part in components)
    # Nothing varies, or one of the variances is unknown.
    freedom = np.where(np.isfinite(freedom), freedom, least)
    return Component(variance, freedom, sum(part.third for part in components))


def of_repeats(values: np.ndarray) -> Component:
    """What drawing the seeds adds to the variance of their mean.

    Args:
        values: One score a seed, [..., S]. The variance of a single one is unknown.
    """
    count = values.shape[-1]
    if count < 2:
        return Component(np.full(values.shape[:-1], np.inf), 1.0)
    return Component(values.var(axis=-1, ddof=1) / count, float(count - 1))


def half_width(components: Sequence[Component], level: float = LEVEL) -> np.ndarray:
    """Half-width of the interval of an estimate with these independent sources of variation."""
    return _total(components, (1 - level) / 2)


def minimal_detectable_difference(
    components: Sequence[Component], level: Array = LEVEL, power: float = POWER
) -> np.ndarray:
    """Smallest true difference that is found significant with probability ``power``."""
    return _total(components, (1 - level) / 2, power)


def p_value(value: Array, components: Sequence[Component]) -> np.ndarray:
    """Two-sided p-value of an estimate being zero: one minus the level of the interval that touches zero.

    Returns:
        Numbers between 1e-15, which stands for anything smaller, and 1.
    """
    from scipy.optimize import elementwise  # takes long to import, and a single run needs no p-value

    known = reduce(np.logical_and, [np.isfinite(part.variance) for part in components])
    sources = [(np.where(known, part.variance, 1.0), part.freedom, part.third) for part in components]
    flat = [np.asarray(number, dtype=float) for source in sources for number in source]
    size, *flat = np.broadcast_arrays(np.abs(np.asarray(value, dtype=float)), *flat)

    def excess(log_p: np.ndarray, size: np.ndarray, *numbers: np.ndarray) -> np.ndarray:
        parts = [Component(*numbers[i : i + 3]) for i in range(0, len(numbers), 3)]
        above: np.ndarray = _total(parts, np.exp(log_p) / 2) - size
        return above

    ends = np.log(_SMALLEST_P), 0.0
    smallest, largest = (excess(np.full(size.shape, end), size, *flat) for end in ends)
    tolerances = {"xatol": 1e-9, "xrtol": 1e-9}
    root = elementwise.find_root(excess, ends, args=(size, *flat), tolerances=tolerances).x  # type: ignore[call-overload]
    p = np.where(largest >= 0, 1.0, np.where(smallest <= 0, _SMALLEST_P, np.exp(root)))
    result: np.ndarray = np.where(known & (size > 0), p, 1.0)
    return result


def holm(p: np.ndarray) -> np.ndarray:
    """P-values adjusted for their number, [m] (S. Holm, Scand. J. Stat. 6, 65 (1979)).

    Where those below a threshold are called differences, one or more calls are false with a probability
    below it, however the tests depend on one another.
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def _total(components: Sequence[Component], tail: Array, further: Array = 0.0) -> np.ndarray:
    root: np.ndarray = np.sqrt(sum(np.square(part.half_width(tail, further)) for part in components))
    return root
