"""Results that belong on a board, refused where they cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from molbench.errors import UserError
from molbench.evaluation.result import Stored
from molbench.spec.board import Board
from molbench.spec.fingerprint import FINGERPRINT

#: Task id, model name and seed to result.
Results = dict[str, dict[str, dict[int, Stored]]]


@dataclass(frozen=True)
class Collection:
    """Comparable results of one board.

    Attributes:
        board: The rules.
        tasks: Ids of the board's tasks that have results under its protocol, in board order.
        missing: Ids of those that have none.
        models: Names, in alphabetical order.
        results: The results.
    """

    board: Board
    tasks: list[str]
    missing: list[str]
    models: list[str]
    results: Results

    @property
    def partial(self) -> bool:
        """Whether records of the schemes that are tested on are missing; then they are in all results."""
        return any(
            item.result.task.partial
            for models in self.results.values()
            for seeds in models.values()
            for item in seeds.values()
        )

    def of(self, task: str, model: str) -> list[Stored]:
        """Results of one model on one task, by seed."""
        return [stored for _, stored in sorted(self.results[task].get(model, {}).items())]

    def any_of(self, model: str) -> Stored:
        """One result of a model, for what is the same in all of them."""
        return next(self.of(task, model)[0] for task in self.tasks if model in self.results[task])


def collect(board: Board, task_ids: Sequence[str], stored: Iterable[Stored]) -> Collection:
    """Pick the results of a board's tasks and protocol, and the fingerprint baseline's, which is its own.

    Args:
        board: The rules.
        task_ids: Its tasks.
        stored: Results that hold, see :mod:`~molbench.evaluation.trust`.

    Raises:
        UserError: If results of one task were made from different records, splits, task or protocol versions;
            if embedded and real, or partial and complete datasets meet; or if two checkpoints share a name.
    """
    results: Results = {task: {} for task in task_ids}
    for item in stored:
        result = item.result
        if result.task.id in results and result.protocol.name in {board.protocol, FINGERPRINT}:
            results[result.task.id].setdefault(result.checkpoint.name, {})[result.seed] = item
    scored = [task for task in task_ids if results[task].keys() - {FINGERPRINT}]
    everything = [item for task in scored for seeds in results[task].values() for item in seeds.values()]
    for task in scored:
        own = [item for seeds in results[task].values() for item in seeds.values()]
        _same(own, _made_from, f"task '{task}'")
        for name in (board.protocol, FINGERPRINT):
            _same([item for item in own if item.result.protocol.name == name], _recipe, f"task '{task}'")
    _same(everything, _kind_of_data, f"board '{board.name}'")
    models = sorted({item.result.checkpoint.name for item in everything})
    for model in models:
        own = [item for item in everything if item.result.checkpoint.name == model]
        if not own[0].result.checkpoint.scratch:
            _same(own, lambda item: {"checkpoint": item.result.checkpoint.encoder_digest}, f"model '{model}'")
    missing = [task for task in task_ids if task not in scored]
    return Collection(board, scored, missing, models, {task: results[task] for task in scored})


def _made_from(item: Stored) -> dict[str, Any]:
    result = item.result
    return {
        "records": result.task.split_digest,
        "task": result.task.declaration.model_dump(exclude={"why", "caveats", "schemes"}),
        "evaluation version": result.code.rpartition("/")[2],
    }


def _recipe(item: Stored) -> dict[str, Any]:
    return {"protocol": item.result.protocol.model_dump(exclude={"description"})}


def _kind_of_data(item: Stored) -> dict[str, Any]:
    return {"embedded": item.result.task.embedded, "partial": item.result.task.partial}


def _same(items: Sequence[Stored], view: Callable[[Stored], dict[str, Any]], where: str) -> None:
    """Refuse items that differ in any part of their view, naming two of them."""
    for item in items[1:]:
        first, other = view(items[0]), view(item)
        if differing := [name for name in first if first[name] != other[name]]:
            values = " and ".join(
                json.dumps(v[differing[0]], ensure_ascii=False)[:80] for v in (first, other)
            )
            raise UserError(
                f"{where} cannot be compared: {', '.join(differing)} differ ({values}) between\n"
                f"  {items[0].folder}\n  {item.folder}\n"
                "evaluate again, or remove the results that are out of date"
            )
