"""``molbench audit model``: all audits of a model, which are tasks like others, and whether each is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from molbench.evaluation.audits import audits_named
from molbench.evaluation.harness import evaluate
from molbench.evaluation.report import Report
from molbench.spec.catalogue import AUDIT, TaskRef


@dataclass(frozen=True)
class AuditVerdict:
    """What one audit says of one model.

    Attributes:
        id: Of the audit, ``audit/rotation``.
        meaning: What the numbers are, in a sentence.
        tolerance: What no record's number may pass; None where it is told and not judged.
        worst: Largest number of a record; None where there is none, for the reason in ``why``.
        mean: Mean over the records, which is the score.
        passed: Whether the worst keeps to the tolerance; None where it is not judged or says nothing.
        why: Why there is no number.
    """

    id: str
    model: str
    version: int
    meaning: str
    tolerance: float | None
    worst: float | None
    mean: float | None
    passed: bool | None
    why: str | None = None


def audit_model(
    models: Any,
    *,
    only: str | Sequence[str] = (),
    output: str | Path = "results",
    name: str | None = None,
) -> list[AuditVerdict]:
    """Audit models on records that come with the package; audits that were done are used again.

    Each audit is a result like that of a task, ``<model>/audit/<name>/audit/0/result.json``, so that whatever
    reads results reads audits too.

    Args:
        models: As for :func:`~molbench.evaluation.harness.evaluate`, with atoms' features.
        only: Names of audits, ``rotation`` or ``audit/rotation``; all by default.
        output: Folder of results.
        name: What a model is called that is no file.

    Raises:
        UserError: If a model is none, an audit is unknown, or none applies.
    """
    chosen = audits_named(only)
    report = evaluate(
        models,
        [ref.id for ref in chosen],
        protocol=AUDIT,
        seeds=1,
        scratch=False,
        output=output,
        name=name,
        executor="inline",  # each takes less than it takes to start a process
    )
    verdicts = {(verdict.model, verdict.id): verdict for verdict in _verdicts(report, chosen)}
    names = dict.fromkeys(model for model, _ in verdicts)
    return [verdicts[model, ref.id] for model in names for ref in chosen if (model, ref.id) in verdicts]


def _verdicts(report: Report, refs: Sequence[TaskRef]) -> list[AuditVerdict]:
    tasks = {ref.id: ref.task for ref in refs}

    def verdict(model: str, task: str, why: str | None = None) -> AuditVerdict:
        declared = tasks[task]
        return AuditVerdict(
            task, model, declared.version, declared.why, declared.tolerance, None, None, None, why
        )

    judged = []
    for item in report.results:
        one = verdict(item.result.checkpoint.name, item.result.task.id)
        values = np.abs(item.predictions.prediction)
        worst = float(values.max())
        passed = None if one.tolerance is None else worst <= one.tolerance
        judged.append(replace(one, worst=worst, mean=float(values.mean()), passed=passed))
    unsaid = [verdict(pair.candidate, pair.task, pair.reason) for pair in report.not_applicable]
    failed = [
        verdict(outcome.run.candidate.name, outcome.run.task.id, outcome.error) for outcome in report.failures
    ]
    return [*judged, *unsaid, *(replace(one, passed=False) for one in failed)]
