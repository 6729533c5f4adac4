"""Scores of candidates over their seeds, and how they differ from the baselines'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from molbench.evaluation.measurement import Estimate, estimate_of
from molbench.evaluation.pretrainings import repeated
from molbench.evaluation.repeats import Runs, TaskRecords
from molbench.evaluation.result import Stored
from molbench.evaluation.statistics import LEVEL, SIGNIFICANT, holm
from molbench.spec.fingerprint import FINGERPRINT

#: What may be said of a difference. ``=``: the models are not told apart.
Verdict = Literal["better", "worse", "=", "needs more seeds", "few records"]

#: Times as many seeds as there were, of which it is told what they would show.
MORE_SEEDS = 3


@dataclass(frozen=True)
class Delta:
    """Score minus a baseline's.

    Attributes:
        value: In the unit of the score.
        half_width: Of its 95 % interval; None where either had one seed, whose luck is unknown.
        p: Two-sided p-value of no difference; None likewise.
        p_adjusted: The same by Holm's method for all differences of the table to this kind of baseline.
        verdict: What it amounts to.
        detectable: Smallest true difference that the adjusted test finds in 80 % of repetitions.
        detectable_later: The same with three times as many seeds.
    """

    value: float
    half_width: float | None
    p: float | None
    p_adjusted: float | None
    verdict: Verdict
    detectable: float | None
    detectable_later: float | None


@dataclass(frozen=True)
class SummaryRow:
    """One candidate on one task.

    Attributes:
        mean: Mean of the primary metric over seeds.
        half_width: Of its 95 % interval over seeds and test records; None for one seed.
        spread: Standard deviation over seeds (n - 1), over complete repeats of a cross-validation, or over
            pretrainings where there are several; None for one.
        pretrainings: How many checkpoints of one method it is the mean of, equal but for the seed.
        n: Test records.
        clusters: Effective number of independent ones among them.
        few: Whether they are too few, or their scores too skewed, for the interval to be relied on.
        delta: Difference to the scratch baseline; None for a baseline itself or without one.
        over_fingerprint: Difference to the fingerprint baseline, likewise.
    """

    candidate: str
    task: str
    protocol: str
    metric: str
    unit: str
    direction: str
    mean: float
    half_width: float | None
    spread: float | None
    seeds: tuple[int, ...]
    pretrainings: int
    n: int
    clusters: float
    few: bool
    warnings: tuple[str, ...]
    delta: Delta | None = None
    over_fingerprint: Delta | None = None


Key = tuple[str, str, str]


def summarise(results: Sequence[Stored]) -> list[SummaryRow]:
    """One summary a (task, protocol, candidate), in order of first appearance.

    Candidates that are one method pretrained with several seeds have one together behind their own.

    Raises:
        UserError: If results that belong together were not made on the same test records.
    """
    groups: dict[Key, dict[int, Stored]] = {}
    of_task: dict[str, list[Stored]] = {}
    for stored in results:
        result = stored.result
        key = (result.task.id, result.protocol.name, result.checkpoint.name)
        groups.setdefault(key, {})[result.seed] = stored
        of_task.setdefault(result.task.id, []).append(stored)
    records = {task: TaskRecords.of(task_results) for task, task_results in of_task.items()}
    members: dict[Key, list[Runs]] = {key: [runs] for key, runs in groups.items()}
    members |= _pretrainings(groups)
    summaries, compared = [], []
    for key, runs in members.items():
        first = next(iter(runs[0].values())).result
        references = ((*key[:2], first.checkpoint.baseline), (key[0], FINGERPRINT, FINGERPRINT))
        summaries.append(_summary(key, runs, records[key[0]]))
        compared.append(
            [
                records[key[0]].difference(runs, [groups[other]])
                if other in groups and other != key
                else None
                for other in references
            ]
        )
    lower = [summary.direction == "lower" for summary in summaries]
    deltas = [verdicts([pair[i] for pair in compared], lower) for i in range(2)]
    return [
        replace(summary, delta=delta, over_fingerprint=over)
        for summary, delta, over in zip(summaries, *deltas, strict=True)
    ]


def verdicts(differences: Sequence[Estimate | None], lower: Sequence[bool]) -> list[Delta | None]:
    """What the differences of one table amount to, adjusted for their number.

    Args:
        differences: Scores minus a baseline's; None stays None.
        lower: Whether lower scores are better, for each.
    """
    tested = [
        i for i, difference in enumerate(differences) if difference and np.isfinite(difference.half_width())
    ]
    raw = {i: float(difference.p) for i in tested if (difference := differences[i])}
    adjusted = dict(zip(raw, holm(np.array(list(raw.values()))).tolist(), strict=True))
    level = 1 - (1 - LEVEL) / max(len(tested), 1)
    return [
        _delta(difference, raw.get(i), adjusted.get(i), level, lower[i]) if difference else None
        for i, difference in enumerate(differences)
    ]


def _delta(difference: Estimate, p: float | None, adjusted: float | None, level: float, lower: bool) -> Delta:
    value = float(difference.value)
    if p is None or adjusted is None:
        return Delta(value, None, None, None, "needs more seeds", None, None)
    verdict: Verdict = "="
    if adjusted < SIGNIFICANT:
        verdict = "few records" if difference.records.few else "better" if (value < 0) == lower else "worse"
    detectable, later = (float(difference.detectable(level, times)) for times in (1, MORE_SEEDS))
    return Delta(value, float(difference.half_width()), p, adjusted, verdict, detectable, later)


def _summary(key: Key, runs: Sequence[Runs], records: TaskRecords) -> SummaryRow:
    everything = [stored for one in runs for stored in one.values()]
    first = everything[0].result
    measured = records.measure(runs)
    interval = estimate_of(measured, records.clusters)
    half_width = float(interval.half_width())
    return SummaryRow(
        candidate=key[2],
        task=key[0],
        protocol=key[1],
        metric=first.task.declaration.metrics[0],
        unit=first.primary.unit,
        direction=first.primary.direction,
        mean=float(measured.value),
        half_width=half_width if np.isfinite(half_width) else None,
        spread=float(measured.repeats.std(ddof=1)) if measured.repeats.size > 1 else None,
        seeds=tuple(sorted({stored.result.seed for stored in everything})),
        pretrainings=len(runs),
        n=records.clusters.count,
        clusters=records.clusters.effective,
        few=bool(interval.records.few),
        warnings=tuple(sorted({warning for stored in everything for warning in stored.result.warnings})),
    )


def _pretrainings(groups: dict[Key, dict[int, Stored]]) -> dict[Key, list[Runs]]:
    """What checkpoints that are one method give together, on each task under each protocol."""
    checkpoints = {key[2]: next(iter(runs.values())).result.checkpoint for key, runs in groups.items()}
    together = repeated(checkpoints)
    members: dict[Key, list[Runs]] = {}
    for task, protocol in dict.fromkeys(key[:2] for key in groups):
        for names in together:
            pretrainings: list[Runs] = [
                groups[key] for name in names if (key := (task, protocol, name)) in groups
            ]
            if len(pretrainings) > 1:
                members[task, protocol, " + ".join(names)] = pretrainings
    return members
