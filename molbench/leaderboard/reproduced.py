"""What models of this project score where a paper has a row for the same encoder and pretraining."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.evaluation.built import train_records
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard.score import Score
from molbench.spec.base import Spec
from molbench.spec.catalogue import TaskRef
from molbench.spec.protocol import Protocol
from molbench.spec.recipe import Recipe
from molbench.spec.reported import ReportedTable

if TYPE_CHECKING:  # tables hold published numbers, which hold these
    from molbench.leaderboard.table import Row


class Reproduction(Spec):
    """One number of a paper made again.

    Attributes:
        model: Whose score it is.
        mean: The score, in the unit of the published number.
        half_width: Of its 95 % interval.
        deviation: How far it is from the published number, as a share of that.
        budget: How often it saw each training record in fine-tuning, as a share of how often the published
            model did; None where the paper's recipe is not among the protocols, or nothing was trained.
    """

    model: str
    mean: float
    half_width: float | None
    deviation: float
    budget: float | None


@dataclass(frozen=True)
class Ours:
    """Models of a board.

    Attributes:
        rows: The models.
        scores: Their scores, by task and model.
        protocol: How they were scored.
    """

    rows: Sequence[Row]
    scores: Mapping[tuple[str, str], Score]
    protocol: Recipe

    def of(self, table: ReportedTable, row: str, ref: TaskRef, value: float, unit: str) -> list[Reproduction]:
        """Scores of the models that repeat one row of a paper, on one task."""
        repeated = table.reproduced.get(row)
        if repeated is None:
            return []
        models = [
            candidate.model
            for candidate in self.rows
            if (candidate.backbone, candidate.method) == (repeated.backbone, repeated.method)
        ]
        scores = [self.scores[ref.id, model] for model in models if (ref.id, model) in self.scores]
        return [
            Reproduction(
                model=score.model,
                mean=score.mean,
                half_width=score.half_width,
                deviation=float(f"{score.mean / value - 1:.3g}"),
                budget=self._budget(table, ref),
            )
            for score in scores
            if score.unit == unit and value
        ]

    def _budget(self, table: ReportedTable, ref: TaskRef) -> float | None:
        published = load_protocols().get(table.protocol or "")
        if published is None or not isinstance(self.protocol, Protocol):
            return None
        share = _passes(self.protocol, ref) / _passes(published, ref)
        return float(f"{share:.2g}") if math.isfinite(share) else None


def _passes(protocol: Protocol, ref: TaskRef) -> float:
    """How often fine-tuning sees each training record; NaN where nobody knows."""
    recipe = protocol.on(ref.id)
    budget = kind_of(ref.task).budget(recipe)
    if budget is None:
        return math.nan
    if budget.epochs is not None:
        return budget.epochs
    try:
        records = train_records(ref)
    except UserError:
        records = None
    return budget.steps * budget.batch_size * budget.accumulate / records if records else math.nan
