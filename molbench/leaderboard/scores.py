"""Every score of a board, beside its baseline's and the fingerprint trees'."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import LEVEL, SIGNIFICANT, Component, holm, merge, of_repeats
from molbench.evaluation.summary import MORE_SEEDS, Verdict
from molbench.leaderboard.entry import Entry
from molbench.leaderboard.score import Difference, Score, known, rounded
from molbench.spec.fingerprint import FINGERPRINT
from molbench.submission.receipt import TaskScore

TaskScores = Mapping[str, dict[str, TaskScore]]
#: Model and task to a difference.
Differences = dict[tuple[str, str], Difference]


def scores_of(
    board: str,
    entries: Mapping[str, Entry],
    task_scores: TaskScores,
    tasks: Sequence[str],
    models: Sequence[str],
) -> list[Score]:
    """One record a task and model, in that order.

    Differences are adjusted for the tasks of their model, by Holm's method, and not for the number of models:
    what is said of one does not depend on the others.
    """
    baselines = {model: entries[model].baseline or "" for model in models}
    scratch = _differences(task_scores, tasks, baselines)
    trees = _differences(task_scores, tasks, {model: FINGERPRINT for model in models if model != FINGERPRINT})
    return [
        _score(board, entries[model], task_scores[model][task], scratch=scratch, trees=trees)
        for task in tasks
        for model in models
        if task in task_scores[model]
    ]


def _score(
    board: str, entry: Entry, task_score: TaskScore, *, scratch: Differences, trees: Differences
) -> Score:
    model = entry.card.model
    key = (model, task_score.task)
    sample = task_score.sample
    return Score(
        board=board,
        model=model,
        task=task_score.task,
        tier=entry.card.tier,
        metric=task_score.metric,
        unit=task_score.unit,
        direction=task_score.direction,
        mean=rounded(task_score.mean),
        half_width=known(task_score.half_width),
        spread=known(np.std(sample, ddof=1)) if sample.size > 1 else None,
        seeds=len(task_score.values),
        records=task_score.records,
        clusters=rounded(task_score.clusters),
        few=task_score.few,
        seen=entry.seen.get(task_score.task),
        keys=[task_score.content],
        version=task_score.version,
        over_scratch=scratch.get(key),
        over_fingerprint=trees.get(key),
    )


def _differences(task_scores: TaskScores, tasks: Sequence[str], others: Mapping[str, str]) -> Differences:
    """Scores minus those of other models, of all that both have."""
    keys = [
        (model, task)
        for task in tasks
        for model, other in others.items()
        if task in task_scores[model]
        and task in task_scores.get(other, {})
        and comparable(task_scores[model][task], task_scores[other][task])
    ]
    if not keys:
        return {}
    pairs = [(task_scores[model][task], task_scores[others[model]][task]) for model, task in keys]
    together = _stacked([_difference(one, other) for one, other in pairs])
    count = {model: sum(name == model for name, _ in keys) for model in others}
    level = 1 - (1 - LEVEL) / np.array([count[model] for model, _ in keys])
    p = together.p
    columns = (
        together.half_width(),
        p,
        _adjusted(keys, p),
        *(together.detectable(level, times) for times in (1, MORE_SEEDS)),
    )
    numbers = zip(np.asarray(together.value).tolist(), *(column.tolist() for column in columns), strict=True)
    return {key: _tested(pair, *row) for key, pair, row in zip(keys, pairs, numbers, strict=True)}


def comparable(one: TaskScore, other: TaskScore) -> bool:
    """Whether two scores are of the same records: those of a cross-validation of the same folds."""
    return not one.folds or one.seeds == other.seeds


def _stacked(estimates: Sequence[Estimate]) -> Estimate:
    values = np.array([float(estimate.value) for estimate in estimates])
    records, seeds = (
        Component(
            np.array([float(getattr(estimate, name).variance) for estimate in estimates]),
            np.array([float(getattr(estimate, name).freedom) for estimate in estimates]),
        )
        for name in ("records", "seeds")
    )
    return Estimate(values, records, seeds)


def _adjusted(keys: Sequence[tuple[str, str]], p: np.ndarray) -> np.ndarray:
    """P-values of each model adjusted for the number of its tasks."""
    adjusted, of_model = np.empty_like(p), dict[str, list[int]]()
    for i, (model, _) in enumerate(keys):
        of_model.setdefault(model, []).append(i)
    for indices in of_model.values():
        adjusted[indices] = holm(p[indices])
    return adjusted


def _difference(one: TaskScore, other: TaskScore) -> Estimate:
    """Test records are paired; so are the repeats of a cross-validation, which cut them in the same way."""
    drawn = np.square(one.drawn.astype(float) - other.drawn).mean()
    seeds = (
        of_repeats(one.sample - other.sample)
        if one.folds
        else merge([of_repeats(task_score.sample) for task_score in (one, other)])
    )
    return Estimate(one.mean - other.mean, Component(float(drawn), float(one.drawn.size)), seeds)


def _tested(
    pair: tuple[TaskScore, TaskScore],
    value: float,
    width: float,
    p: float,
    adjusted: float,
    *detectable: float,
) -> Difference:
    finite = math.isfinite(width)
    verdict: Verdict = "=" if finite else "needs more seeds"
    if finite and adjusted < SIGNIFICANT:
        better = (value < 0) == (pair[0].direction == "lower")
        verdict = "few records" if pair[0].few else "better" if better else "worse"
    smallest, later_on = map(known, detectable)
    return Difference(
        value=rounded(value),
        low=known(value - width),
        high=known(value + width),
        p=rounded(p) if finite else None,
        p_adjusted=rounded(adjusted) if finite else None,
        verdict=verdict,
        detectable=smallest,
        detectable_later=later_on,
    )
