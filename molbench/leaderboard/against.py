"""The models of a board beside one of them: the share of its error that each removes, on common tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from molbench.errors import UserError, unknown_name
from molbench.evaluation.statistics import SIGNIFICANT, holm
from molbench.leaderboard.boards import boards_named, tasks_on
from molbench.leaderboard.entry import SetAside
from molbench.leaderboard.field import BoardField
from molbench.leaderboard.pairs import against
from molbench.leaderboard.rows import gain_of
from molbench.leaderboard.score import Difference, rounded
from molbench.leaderboard.submitted import read_entries
from molbench.spec.catalogue import Catalogue


@dataclass(frozen=True)
class Against:
    """A model beside another.

    Attributes:
        model: Its name.
        tasks: How many tasks both have.
        gain: Share of the other's relative error that is gone, in the mean over these tasks that the board
            takes; p adjusted by Holm's method for all models that are listed, and so is the verdict.
    """

    model: str
    tasks: int
    gain: Difference

    def to_row(self) -> dict[str, Any]:
        """A row of a table: the model, its tasks, and the gain field by field."""
        return {"model": self.model, "tasks": self.tasks, **self.gain.model_dump()}


def gains_over(
    other: str,
    board: str,
    root: Path,
    models: Sequence[str] = (),
    tell: Callable[[Sequence[SetAside]], None] | None = None,
) -> list[Against]:
    """The models of a board beside one of them, best first.

    Args:
        other: Name of that one.
        board: Name of the board, or YAML file of one.
        root: Folder of submissions, whose receipts are believed.
        models: Which to compare with it; none for all.
        tell: Told once what was set aside, before a model is looked for.

    Raises:
        UserError: If the board or the model is unknown, ranks nothing, or there is nothing to
            compare it with.
    """
    catalogue = Catalogue.load()
    (rules,) = boards_named([board])
    if not rules.ranked:
        raise UserError(f"board '{rules.name}' ranks nothing: a smaller number of it makes no model better")
    entries, aside = read_entries(root, catalogue)
    if tell is not None:
        tell(aside)
    field = BoardField.of(rules, tasks_on(rules, catalogue), entries)
    if not field.live:
        raise UserError(f"{root}: board '{rules.name}' has no submissions")
    for name in (other, *models):
        if name not in field.live:
            raise unknown_name("model", name, field.live)
    models = [model for model in models or field.live if model != other]
    grid, beside = field.grid(models), field.grid([other] * len(models))
    common = (grid.there * beside.there).sum(axis=1).astype(int)
    estimate = against(grid, beside)
    widths, p = estimate.half_width(), estimate.p
    gains = {i: gain for i in np.flatnonzero(common).tolist() if (gain := gain_of(estimate, i, widths, p))}
    if not gains:
        raise UserError(f"{root}: no other model has a task of board '{board}' that '{other}' has")
    tested = [i for i, gain in gains.items() if gain.p is not None]
    adjusted = dict(zip(tested, holm(p[tested]).tolist(), strict=True))
    rows = [
        Against(models[i], int(common[i]), _by_adjusted(gain, adjusted.get(i))) for i, gain in gains.items()
    ]
    return sorted(rows, key=lambda row: (-row.gain.value, row.model))


def _by_adjusted(gain: Difference, p: float | None) -> Difference:
    """With a verdict that holds for all comparisons of the list together."""
    if p is None:
        return gain
    verdict = ("better" if gain.value > 0 else "worse") if p < SIGNIFICANT else "="
    return gain.model_copy(update={"p_adjusted": rounded(p), "verdict": verdict})
