"""Stored predictions scored against the catalogue's own labels: what a receipt has of a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import Predictions
from molbench.spec.catalogue import TaskRef
from molbench.spec.submission import Predicted
from molbench.submission.predictions import read_predictions
from molbench.submission.receipt import TaskScore, unlike
from molbench.submission.scoring import task_scores_of

if TYPE_CHECKING:  # boards are built without torch
    from molbench.evaluation.trust import Trust


def rescore(path: Path, entry: Predicted, trust: Trust, scratch: bool = False) -> list[TaskScore]:
    """Score the predictions of one task, under each of its versions, oldest first.

    Args:
        path: File of the predictions, whose size and digest were checked.
        entry: What the card says of them.
        trust: What the catalogue knows.
        scratch: Whether every seed has an encoder of its own.

    Returns:
        One score a version.

    Raises:
        UserError: If they are not one prediction for each test record and seed, were made on other records
            or on a split scheme that lacks some, are in another unit, are the same for seeds that differ, or
            do not score what the card says.
    """
    count = sum(trust.count(entry.task, seed) for seed in entry.seeds)
    given = read_predictions(path, entry, count)
    joined = {seed: trust.join(entry.task, seed, of_seed) for seed, of_seed in given.items()}
    task, data, _ = next(iter(joined.values()))
    if entry.split != joined[min(joined)][1].split:
        raise UserError(f"made on other records, or another split, than {task.id} as built here")
    if data.partial:
        raise UserError(f"{task.id} lacks records: nothing on it can be compared with others")
    predictions = {seed: part for seed, (_, _, part) in joined.items()}
    for part in predictions.values():
        _check_scale(task, part)
    if scratch or not _frozen(task, entry.protocol):
        _check_seeds(predictions)
    task_scores = task_scores_of(task, trust.protocols[entry.protocol], predictions, data, scratch=scratch)
    task_score = task_scores[0]
    if unlike(task_score.mean, entry.value):
        raise UserError(
            f"says {entry.value:.6g} {task_score.unit}, its predictions give {task_score.mean:.6g}: "
            "correct value, or the predictions"
        )
    return task_scores


def _frozen(task: TaskRef, protocol: str) -> bool:
    """Whether another seed may give the same predictions."""
    return protocol in {"probe", "direct"} and (protocol == "direct" or kind_of(task.task).probes_vectors)


def _check_scale(task: TaskRef, predictions: Predictions) -> None:
    warnings = kind_of(task.task).scale_warnings(task.task, predictions)
    if named := [warning for warning in warnings if "looks like" in warning]:
        raise UserError(f"{task.id}: {named[0]}")


def _check_seeds(predictions: Mapping[int, Predictions]) -> None:
    seen: dict[bytes, int] = {}
    for seed, part in predictions.items():
        other = seen.setdefault(part.prediction.tobytes(), seed)
        if other != seed:
            raise UserError(f"the same predictions stand under seeds {other} and {seed}")
