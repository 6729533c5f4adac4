"""The models of a board in their order.

A row depends on its model, on its baseline and on the fingerprint trees alone; only places, mean ranks,
shares of first places and the Pareto front are about all models. A model without some tasks has no mean over
all of them; it has a place from comparisons on the tasks it has in common with each other model, and its row
says how many these are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import SIGNIFICANT
from molbench.evaluation.summary import Verdict
from molbench.leaderboard.field import BoardField
from molbench.leaderboard.grid import ScoreGrid
from molbench.leaderboard.pairs import (
    Places,
    against,
    alone,
    detectable,
    differences,
    mean_ranks,
    places,
)
from molbench.leaderboard.score import Difference, Number, known, rounded
from molbench.leaderboard.table import Row
from molbench.leaderboard.weightings import on_pareto_front, shares_of_first
from molbench.spec.fingerprint import FINGERPRINT
from molbench.submission.receipt import TaskScore

#: Logarithm of a number beyond those of double precision.
_LARGEST = 700.0


@dataclass(frozen=True)
class Rows:
    """What a board says of its models.

    Attributes:
        listed: One row a model.
        detectable: Smallest true difference of two models' relative errors, as a share, that is found in 80 %
            of repetitions for a typical pair; None where nobody can say.
        detectable_later: The same with more seeds.
    """

    listed: list[Row]
    detectable: float | None = None
    detectable_later: float | None = None


def rows_of(field: BoardField) -> Rows:
    """The models of a board, best first; withdrawn ones, and those of boards that rank none, by name."""
    models = field.live
    if not field.board.ranked or field.partial:
        return Rows([_told(field, model) for model in [*models, *sorted(field.entries.keys() - set(models))]])
    ranked = [m for m in models if field.entries[m].card.tier in field.board.tiers]
    grid, of_ranked = field.grid(models), field.grid(ranked)
    enough: np.ndarray = np.any(of_ranked.there, axis=1)
    ranked, of_ranked = [m for m, is_in in zip(ranked, enough, strict=True) if is_in], of_ranked.take(enough)
    every = differences(of_ranked, of_ranked)
    shared = _of_all(field, ranked, of_ranked, places(every))
    estimates = alone(grid)
    widths = estimates.half_width()
    baselines = [field.entries[model].baseline or "" for model in models]
    gains = against(grid, field.grid(baselines))
    skills = against(grid, field.grid([FINGERPRINT] * len(models)))
    skill_widths, gain_widths, gain_p = skills.half_width(), gains.half_width(), gains.p
    rows = []
    for i, model in enumerate(models):
        value = float(np.asarray(estimates.value)[i])
        complete = bool(grid.complete[i])
        rows.append(
            _row(field, model).model_copy(
                update={
                    "relative_error": _ratio(value, float(widths[i])) if complete else None,
                    "gain": gain_of(gains, i, gain_widths, gain_p),
                    "skill": None if model == FINGERPRINT else _share(skills, i, skill_widths),
                    "tasks": int(grid.there[i].sum()),
                    **shared.get(model, {}),
                }
            )
        )
    withdrawn = [_row(field, model) for model in sorted(field.entries) if model not in models]
    by_rank = field.board.order == "mean rank"
    rows.sort(
        key=lambda row: (
            row.rank is None,
            (row.mean_rank if by_rank else 0) or 0,
            # The middle of the places it may have: what nearly nothing is known of may have the first, too.
            (row.rank or 0) + (row.rank_high or 0),
            -row.tasks,
            row.relative_error.value if row.relative_error else math.inf,
            row.mean_rank or 0,  # which is there where a task is missing, too
            row.model,
        )
    )
    return Rows(rows + withdrawn, *detectable(every))


def _told(field: BoardField, model: str) -> Row:
    """A model of a board that ranks none."""
    task_scores = field.task_scores[model].values()
    return _row(field, model).model_copy(
        update={"tasks": sum(not _too_few(field, one) for one in task_scores)}
    )


def _of_all(
    field: BoardField, models: Sequence[str], grid: ScoreGrid, standing: Places
) -> dict[str, dict[str, object]]:
    """What is said of a model that depends on all others."""
    complete = grid.complete
    logs = grid.logs[complete]
    first = dict(
        zip(
            np.flatnonzero(complete).tolist(),
            shares_of_first(logs, field.board.group_of(list(field.tasks))).tolist(),
            strict=True,
        )
    )
    ranks = mean_ranks(grid)
    means = np.where(complete, (grid.logs * grid.weights).sum(axis=1), np.nan)
    costs = np.array([_number(field.entries[model].card.parameters) for model in models])
    front, in_time = on_pareto_front(means, costs), _front_in_time(field, models, means)
    return {
        model: {
            "rank": int(standing.first[i]),
            "rank_high": int(standing.last[i]),
            "mean_rank": known(float(ranks[i])),
            "first": known(first[i]) if i in first else None,
            "pareto": bool(front[i]),
            "pareto_time": bool(in_time[i]),
        }
        for i, model in enumerate(models)
    }


def _front_in_time(field: BoardField, models: Sequence[str], errors: np.ndarray) -> np.ndarray:
    """Pareto fronts of error and measured time, each of the models of one device and way of measuring."""
    front = np.zeros(len(models), dtype=bool)
    costs = [field.entries[model].card.cost for model in models]
    measured = [None if cost is None else (cost.device, cost.version) for cost in costs]
    seconds = np.array([math.nan if (s := _seconds(field, model)) is None else s for model in models])
    for group in {key for key in measured if key is not None}:
        members = np.array([key == group for key in measured])
        front[members] = on_pareto_front(errors[members], seconds[members])
    return front


def _seconds(field: BoardField, model: str) -> float | None:
    """What a thousand records take on a typical task of the board; None if one was not measured."""
    entry = field.entries[model]
    keys = [(task_score.task, task_score.protocol) for task_score in field.task_scores[model].values()]
    speeds = [entry.speeds[key] for key in keys if key in entry.speeds]
    if entry.card.cost is None or not speeds or len(speeds) < len(keys):
        return None
    return known(1000 / math.exp(sum(map(math.log, speeds)) / len(speeds)))


def _row(field: BoardField, model: str) -> Row:
    """What a card says; numbers are filled in by others."""
    entry, task_scores = field.entries[model], field.task_scores[model]
    card = entry.card
    return Row(
        model=model,
        backbone=entry.backbone,
        method=entry.method,
        pretrained_on=entry.pretrained_on,
        encoder_digest=None if entry.scratch else card.digest,
        rank=None,
        rank_high=None,
        relative_error=None,
        gain=None,
        tasks=0,
        overlap=sum("the same dataset" in entry.seen.get(task, "") for task in task_scores),
        warnings=[
            f"{task}: {warning}"
            for task in field.tasks
            if task in task_scores
            for warning in (
                *entry.warnings.get((task, task_scores[task].protocol), ()),
                *_too_few(field, task_scores[task]),
            )
        ],
        tier=card.tier,
        parameters=card.parameters,
        seconds=_seconds(field, model),
        device=card.cost.device if card.cost else None,
        withdrawn=card.withdrawn,
    )


def _too_few(field: BoardField, task_score: TaskScore) -> list[str]:
    """Why a score that is shown counts for no task; nothing where it counts."""
    seeds, asked = len(task_score.values), field.board.seeds
    if seeds >= asked:
        return []
    return [f"it has {seeds} of the {asked} seeds that the board asks for, and does not count"]


def _ratio(log: float, width: float) -> Number:
    value, low, high = (_exp(end) for end in (log, log - width, log + width))
    finite = math.isfinite(width)
    return Number(
        value=rounded(value), low=known(low) if finite else None, high=known(high) if finite else None
    )


def _share(estimate: Estimate, i: int, widths: np.ndarray) -> Number | None:
    """Share of another's error that is gone, from a difference of logarithms, which turns its ends around."""
    log, width = float(np.asarray(estimate.value)[i]), float(widths[i])
    if not math.isfinite(log):
        return None
    value, low, high = (_removed(end) for end in (log, log + width, log - width))
    finite = math.isfinite(width)
    return Number(
        value=rounded(value), low=known(low) if finite else None, high=known(high) if finite else None
    )


def _exp(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < _LARGEST else math.inf


def _removed(logarithm: float) -> float:
    """Share of an error that is gone where it has become ``exp(logarithm)`` times as large."""
    return -math.expm1(logarithm) if logarithm < _LARGEST else -math.inf


def gain_of(estimate: Estimate, i: int, widths: np.ndarray, p: np.ndarray) -> Difference | None:
    """Share of another's error that model i removes, from differences of logarithms, [M]; None of none."""
    share = _share(estimate, i, widths)
    if share is None:
        return None
    finite = math.isfinite(widths[i])
    verdict: Verdict = "=" if finite else "needs more seeds"
    if finite and p[i] < SIGNIFICANT:
        verdict = "better" if share.value > 0 else "worse"
    return Difference(
        **share.model_dump(),
        p=rounded(float(p[i])) if finite else None,
        p_adjusted=None,
        verdict=verdict,
        detectable=None,
        detectable_later=None,
    )


def _number(value: int | None) -> float:
    return math.nan if value is None else float(value)
