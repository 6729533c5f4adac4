"""What the scores of a model cost, where all of them were measured in one way and on one device."""

from __future__ import annotations

from collections.abc import Sequence

from molbench.evaluation.result import Result
from molbench.spec.submission import Cost


def cost_of(results: Sequence[Result]) -> Cost | None:
    """All of some results together; None where one was not measured, or on another device."""
    costs = [result.cost for result in results]
    measured = [cost for cost in costs if cost is not None]
    if len(measured) < len(costs) or len({(cost.version, cost.device) for cost in measured}) != 1:
        return None
    seconds = sum(cost.seconds for cost in measured)
    return Cost(device=measured[0].device, version=measured[0].version, seconds=float(f"{seconds:.3g}"))


def speed_of(results: Sequence[Result]) -> float | None:
    """Records a second in predicting or encoding, a mean over seeds; None where not measured."""
    speeds = [result.cost.inference for result in results if result.cost is not None]
    known = [speed for speed in speeds if speed]
    return float(f"{sum(known) / len(known):.3g}") if known and len(known) == len(results) else None
