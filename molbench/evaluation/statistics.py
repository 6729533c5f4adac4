"""Uncertainty by the bootstrap: over test samples and over seeds, paired between models.

Percentile intervals (Efron & Tibshirani 1993, ch. 13). All models are drawn the same samples and the same
seeds, so that what is common to them, such as a hard test molecule, cancels in their difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
_CELLS = 1 << 22  # counts held in memory at once


def resample(
    metrics: Sequence[Callable[[np.ndarray], np.ndarray]], samples: int, count: int = RESAMPLES
) -> np.ndarray:
    """Values of several metrics on the same resamples of the test split, [len(metrics), count].

    Args:
        metrics: Functions of the counts of each sample, [R, n] to [R]; see ``Statistic.on``.
        samples: Number of samples, n.
        count: Number of resamples.
    """
    chunks = [np.stack([metric(counts) for metric in metrics]) for counts in draw(samples, count)]
    return np.concatenate(chunks, axis=1)


def draw(samples: int, count: int) -> Iterator[np.ndarray]:
    """How often each of ``samples`` comes up in ``count`` draws with replacement, in chunks [R, n] float64.

    The numbers depend on the arguments alone.
    """
    rng = np.random.default_rng([samples, count])
    size = max(1, min(count, _CELLS // samples))
    for start in range(0, count, size):
        rows = min(size, count - start)
        drawn = rng.integers(0, samples, (rows, samples), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * samples
        yield np.bincount(drawn.ravel(), minlength=rows * samples).reshape(rows, samples).astype(np.float64)


def average_over_seeds(values: np.ndarray) -> np.ndarray:
    """Mean over seeds that are themselves drawn with replacement, [seeds, count] to [count].

    Few seeds understate their own spread: with s of them its variance comes out (s - 1) / s too small.
    """
    seeds, count = values.shape
    picks = np.random.default_rng([seeds, count]).integers(0, seeds, (seeds, count))
    mean: np.ndarray = np.take_along_axis(values, picks, axis=0).mean(axis=0)
    return mean


def interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Central percentile interval; resamples on which the metric has no value are left out."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided p-value that a difference is zero: twice the smaller tail, never below 2/(R + 1)."""
    found = differences[np.isfinite(differences)]
    smaller = min(np.count_nonzero(found <= 0), np.count_nonzero(found >= 0))
    return float(min(1.0, 2 * (1 + smaller) / (1 + found.size)))
