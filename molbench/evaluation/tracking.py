"""An evaluation's new results shown by trackers of experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from molbench.evaluation.report import RunOutcome, Watcher
from molbench.evaluation.result import Stored
from molbench.training.log import LOG
from molbench.training.trackers.base import Tracker, replay


def tracking(watcher: Watcher, trackers: Sequence[Tracker]) -> Watcher:
    """A watcher that shows curve and scores of every run that has ended, and tells another the same."""
    if not trackers:
        return watcher

    def done(outcome: RunOutcome) -> None:
        watcher.done(outcome)
        if outcome.stored is not None:
            _show(outcome.stored, trackers)

    return replace(watcher, done=done)


def _show(stored: Stored, trackers: Sequence[Tracker]) -> None:
    result = stored.result
    name = f"{result.checkpoint.name}/{result.task.id}/{result.protocol.name}/{result.seed}"
    facts = {
        "task": result.task.id,
        "protocol": result.protocol.name,
        "seed": result.seed,
        "backbone": result.checkpoint.backbone,
    }
    scores = {metric: value.value for metric, value in result.metrics.items()}
    replay(trackers, name, facts, stored.folder / LOG, scores)
