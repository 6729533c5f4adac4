"""Kinds of task: one file each, and nothing else in the package asks which kind a task is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molbench.spec.tasks import TASK_KINDS, Task

if TYPE_CHECKING:
    from molbench.evaluation.kinds.base import TaskKind


def kind_of(task: Task) -> TaskKind:
    """What the kind of a task means for its labels, models, metrics and scores."""
    kind: TaskKind = TASK_KINDS[task.kind]()
    return kind
