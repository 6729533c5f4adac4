"""One record for each number that a board shows: what it is of, how sure it is, and where it comes from."""

from __future__ import annotations

import math
from typing import Literal

from molbench.evaluation.summary import Verdict
from molbench.spec.base import Spec, later
from molbench.spec.submission import Tier


class Number(Spec):
    """A number with its 95 % interval; without one where there was a single seed."""

    value: float
    low: float | None
    high: float | None


class Difference(Number):
    """A difference between two models.

    Attributes:
        p: Two-sided p-value of its being zero.
        p_adjusted: Adjusted by Holm's method for the tasks of the model.
        verdict: What it amounts to, see :data:`~molbench.evaluation.summary.Verdict`.
        detectable: Smallest true difference that is found in 80 % of repetitions.
        detectable_later: The same with as many times more seeds as ``Table.more_seeds``.
    """

    p: float | None
    p_adjusted: float | None
    verdict: Verdict
    detectable: float | None
    detectable_later: float | None


class Publication(Spec):
    """Where a number of tier ``reported`` was read.

    Attributes:
        paper: Citation key or title.
        table: Table or figure of it.
        url: Address of what was read.
        protocol_match: Whether it was made as this board's numbers are.
        dispersion: What its ± is: ``standard deviation over 3 seeds``; None where there is none.
    """

    paper: str
    table: str
    url: str | None = None
    protocol_match: Literal["yes", "no", "unknown"] = "unknown"
    dispersion: str | None = None


class Score(Spec):
    """One model on one task of one board.

    Attributes:
        tier: How far it has been checked.
        mean: Mean over seeds.
        half_width: Of the 95 % interval over seeds and test records.
        spread: Standard deviation over seeds, or over complete repeats of a cross-validation.
        records: Test records.
        clusters: Effective number of independent ones.
        few: Whether they are too few, or too skewed, for the interval to be relied on.
        seen: Whether test records were seen in pretraining, in words; None where nothing is known of it.
        keys: Digest of the predictions it was computed from.
        version: Of the task, ``1.0``; the number behind the dot counts exclusions of records.
    """

    board: str
    model: str
    task: str
    tier: Tier = "re-scored"
    metric: str
    unit: str
    direction: str
    mean: float
    half_width: float | None
    spread: float | None
    seeds: int
    records: int
    clusters: float
    few: bool
    seen: str | None = later(None)
    keys: list[str] = later([])
    version: str | None = later(None)
    over_scratch: Difference | None
    over_fingerprint: Difference | None = later(None)


def rounded(value: float) -> float:
    """Six significant digits: what differs beyond them between machines is noise."""
    return float(f"{value:.6g}")


def known(value: float | None) -> float | None:
    """Likewise; what is not finite is not known."""
    return None if value is None or not math.isfinite(value) else rounded(value)
