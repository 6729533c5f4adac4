"""What audits found of an encoder, for the page of its model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from molbench.evaluation.repeats import Runs
from molbench.leaderboard.score import Score
from molbench.site.facts import Facts
from molbench.spec.catalogue import is_audit


@dataclass(frozen=True)
class AuditLine:
    """One audit.

    Attributes:
        score: The mean over the records, as a board has it.
        name: Of the audit.
        question: What it asks.
        worst: Of the record that deviates most; None where the predictions do not lie here.
        tolerance: What no record may pass; None where it is told and not judged.
        verdict: ``kept`` or ``broken``, by the worst record; empty where nobody can say.
    """

    score: Score
    name: str
    question: str
    worst: float | None
    tolerance: float | None
    verdict: str


def audit_lines(scores: Iterable[Score], runs: Mapping[str, Runs], facts: Facts) -> list[AuditLine]:
    """The audits among some scores of a model."""
    lines = []
    for score in scores:
        ref = facts.task(score.task)
        if not is_audit(score.task) or ref is None:
            continue
        task_runs = runs.get(score.task, {})
        worst = max(
            (float(np.abs(one.predictions.prediction).max()) for one in task_runs.values()), default=None
        )
        lines.append(
            AuditLine(
                score,
                score.task.partition("/")[2],
                ref.task.why,
                worst,
                ref.task.tolerance,
                _verdict(score.mean, worst, ref.task.tolerance),
            )
        )
    return lines


def _verdict(mean: float, worst: float | None, tolerance: float | None) -> str:
    if tolerance is None:
        return ""
    if max(mean, worst or 0.0) > tolerance:
        return "broken"
    return "" if worst is None else "kept"
