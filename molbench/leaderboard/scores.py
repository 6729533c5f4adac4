"""Every score of a board of submissions, beside its baseline's and the fingerprint trees'."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import (
    SIGNIFICANT,
    Component,
    half_width,
    holm,
    merge,
    of_repeats,
    p_value,
)
from molbench.evaluation.summary import Verdict
from molbench.leaderboard.entry import Entry
from molbench.leaderboard.score import Difference, Score
from molbench.spec.fingerprint import FINGERPRINT
from molbench.submission.receipt import Cell

Cells = Mapping[str, dict[str, Cell]]
#: Model and task to a difference.
Differences = dict[tuple[str, str], Difference]


def scores_of(
    board: str, entries: Mapping[str, Entry], cells: Cells, tasks: Sequence[str], models: Sequence[str]
) -> list[Score]:
    """One record a task and model, in that order.

    Differences are adjusted for the tasks of their model, by Holm's method, and not for the number of models:
    what is said of one does not depend on the others.
    """
    baselines = {model: entries[model].card.baseline or "" for model in models}
    scratch = _differences(cells, tasks, baselines)
    trees = _differences(cells, tasks, {model: FINGERPRINT for model in models if model != FINGERPRINT})
    return [
        _score(board, entries[model], cells[model][task], scratch=scratch, trees=trees)
        for task in tasks
        for model in models
        if task in cells[model]
    ]


def _score(board: str, entry: Entry, cell: Cell, *, scratch: Differences, trees: Differences) -> Score:
    model = entry.card.model
    key = (model, cell.task)
    spread = float(np.std(cell.values, ddof=1)) if len(cell.values) > 1 else None
    return Score(
        board=board,
        model=model,
        task=cell.task,
        tier=entry.receipt.tier,
        metric=cell.metric,
        unit=cell.unit,
        direction=cell.direction,
        mean=_rounded(cell.mean),
        half_width=_rounded(cell.half_width) if math.isfinite(cell.half_width) else None,
        spread=None if spread is None else _rounded(spread),
        seeds=len(cell.values),
        records=cell.records,
        clusters=_rounded(cell.clusters),
        few=cell.few,
        seen=_seen(entry, cell.task),
        keys=[cell.content],
        version=cell.version,
        over_scratch=scratch.get(key),
        over_fingerprint=trees.get(key),
    )


def _seen(entry: Entry, task: str) -> str | None:
    """What a card says of the records of a task in pretraining."""
    dataset = task.partition("/")[0]
    known = any(stage.dataset == dataset for stage in entry.card.pretraining)
    return f"pretrained on the same dataset ('{dataset}')" if known else None


def _differences(cells: Cells, tasks: Sequence[str], others: Mapping[str, str]) -> Differences:
    """Scores minus those of other models, of all that both have."""
    keys = [
        (model, task)
        for task in tasks
        for model, other in others.items()
        if task in cells[model] and task in cells.get(other, {})
    ]
    if not keys:
        return {}
    pairs = [(cells[model][task], cells[others[model]][task]) for model, task in keys]
    estimates = [_difference(one, other) for one, other in pairs]
    values = np.array([float(estimate.value) for estimate in estimates])
    records, seeds = (
        Component(
            np.array([float(getattr(estimate, name).variance) for estimate in estimates]),
            np.array([float(getattr(estimate, name).freedom) for estimate in estimates]),
        )
        for name in ("records", "seeds")
    )
    widths, p = half_width([records, seeds]), p_value(values, [records, seeds])
    numbers = zip(values.tolist(), widths.tolist(), p.tolist(), _adjusted(keys, p).tolist(), strict=True)
    return {key: _tested(pair, *own) for key, pair, own in zip(keys, pairs, numbers, strict=True)}


def _adjusted(keys: Sequence[tuple[str, str]], p: np.ndarray) -> np.ndarray:
    """P-values of each model adjusted for the number of its tasks."""
    adjusted, of_model = np.empty_like(p), dict[str, list[int]]()
    for i, (model, _) in enumerate(keys):
        of_model.setdefault(model, []).append(i)
    for own in of_model.values():
        adjusted[own] = holm(p[own])
    return adjusted


def _difference(one: Cell, other: Cell) -> Estimate:
    drawn = np.square(one.drawn.astype(float) - other.drawn).mean()
    seeds = merge([of_repeats(np.asarray(cell.values)) for cell in (one, other)])
    return Estimate(one.mean - other.mean, Component(float(drawn), float(one.drawn.size)), seeds)


def _tested(pair: tuple[Cell, Cell], value: float, width: float, p: float, adjusted: float) -> Difference:
    known = math.isfinite(width)
    verdict: Verdict = "=" if known else "needs more seeds"
    if known and adjusted < SIGNIFICANT:
        better = (value < 0) == (pair[0].direction == "lower")
        verdict = "few records" if pair[0].few else "better" if better else "worse"
    return Difference(
        value=_rounded(value),
        low=_rounded(value - width) if known else None,
        high=_rounded(value + width) if known else None,
        p=_rounded(p) if known else None,
        p_adjusted=_rounded(adjusted) if known else None,
        verdict=verdict,
        detectable=None,
        detectable_later=None,
    )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
