"""A finished board as plain data, the same whatever it is rendered to."""

from __future__ import annotations

import math
from typing import Any

from molbench.evaluation.summary import MORE_SEEDS, Delta, SummaryRow, summarise
from molbench.leaderboard.collect import Collection
from molbench.leaderboard.published import PublishedScore
from molbench.leaderboard.rank import Standing, rank
from molbench.leaderboard.score import Difference, Number, Score
from molbench.spec.base import Spec, later
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.provenance import stages
from molbench.spec.submission import Tier

#: Logarithm of a number beyond those of double precision.
_LARGEST = 700.0


class Row(Spec):
    """One model.

    Attributes:
        rank: Absent where tasks or seeds are missing; such models are listed, not ranked.
        rank_high: Last place it may have; the first is its rank.
        relative_error: Geometric mean over tasks of error over that of predicting a constant.
        gain: Share of the error that pretraining removes, against the same backbone from scratch.
        tasks: Tasks it has all seeds of.
        overlap: Tasks whose dataset it was pretrained on.
        warnings: What is suspicious about its predictions.
        tier: How far the submission has been checked; None for results of one's own.
        mean_rank: Mean over tasks of its place among the models that have the task.
        skill: Share of the error of the fingerprint trees that it removes.
        first: Share of random weightings of the tasks in which it stays first.
        pareto: Whether no model with fewer weights has a smaller error.
        parameters: Weights of the encoder.
        pareto_time: Whether no model that was measured on the same device, in the same way, and takes less
            time has a smaller error.
        seconds: That a thousand records take to predict or encode, geometric mean over the board's tasks.
        device: On which.
        withdrawn: Why it was withdrawn.
    """

    model: str
    backbone: str
    method: str | None
    pretrained_on: str | None
    encoder_digest: str | None
    rank: int | None
    rank_high: int | None
    relative_error: Number | None
    gain: Difference | None
    tasks: int
    overlap: int
    warnings: list[str]
    tier: Tier | None = later(None)
    mean_rank: float | None = later(None)
    skill: Number | None = later(None)
    first: float | None = later(None)
    pareto: bool = later(False)
    parameters: int | None = later(None)
    pareto_time: bool = later(False)
    seconds: float | None = later(None)
    device: str | None = later(None)
    withdrawn: str | None = later(None)


class BoardDataset(Spec):
    """One dataset, or part of one, behind the board."""

    dataset: str
    version: str
    digest: str
    scheme: str
    split_digest: str
    tasks: list[str]


class Table(Spec):
    """Everything a board shows.

    Attributes:
        detectable: Smallest difference of two models' relative errors, as a share, that is found in 80 % of
            repetitions.
        detectable_later: The same with ``more_seeds`` times as many seeds.
        published: Numbers of papers, which are never ranked.
    """

    name: str
    title: str
    description: str
    commands: list[str]
    protocol: dict[str, Any]
    evaluation: str
    embedded: bool
    partial: bool
    detectable: float | None
    detectable_later: float | None
    more_seeds: int = MORE_SEEDS
    tasks: list[str]
    missing: list[str]
    sources: list[BoardDataset]
    rows: list[Row]
    scores: list[Score]
    published: list[PublishedScore] = later([])


def tabulate(collection: Collection) -> Table:
    """Rank a collection and lay out everything about it."""
    board = collection.board
    stored = [
        item
        for task in collection.tasks
        for model in collection.models
        for item in collection.of(task, model)
    ]
    cells = summarise(stored)
    ranking = rank(collection)
    ranked = [standing.model for standing in ranking.standings]
    rest = [model for model in collection.models if model not in ranked]
    first = next(item.result for item in stored if item.result.protocol.name == board.protocol)
    baseline = " --fingerprint" if FINGERPRINT in collection.models else ""
    wanted = f"--suite {board.suite}" if board.suite else f"--tasks '{','.join(board.tasks)}'"
    by_model = {standing.model: standing for standing in ranking.standings}
    return Table(
        name=board.name,
        title=board.title,
        description=board.description,
        commands=[
            f"molbench evaluate CHECKPOINT {wanted} --protocol {board.protocol} --seeds {board.seeds}"
            + baseline,
            f"molbench board build {board.name}",
        ],
        protocol=first.protocol.model_dump(exclude_none=True),
        evaluation=first.code.rpartition("/")[2],
        embedded=first.task.embedded,
        partial=first.task.partial,
        detectable=_known(ranking.detectable),
        detectable_later=_known(ranking.detectable_later),
        tasks=collection.tasks,
        missing=collection.missing,
        sources=_sources(collection),
        rows=[_row(collection, model, by_model.get(model), cells) for model in ranked + rest],
        scores=[_score(collection, cell) for cell in cells],
    )


def _row(collection: Collection, model: str, standing: Standing | None, cells: list[SummaryRow]) -> Row:
    entry = collection.any_of(model).result.checkpoint
    own = [cell for cell in cells if cell.candidate == model]
    notes = [
        (task, collection.of(task, model)[0].result.overlap or "")
        for task in collection.tasks
        if collection.of(task, model)
    ]
    return Row(
        model=model,
        backbone=entry.backbone,
        method=entry.method,
        pretrained_on=_corpora(entry.pretraining),
        encoder_digest=None if entry.scratch else entry.encoder_digest,
        rank=standing.rank if standing else None,
        rank_high=standing.last if standing else None,
        relative_error=_relative_error(standing) if standing else None,
        gain=_gain(standing.gain) if standing else None,
        tasks=sum(len(cell.seeds) >= collection.board.seeds for cell in own),
        overlap=sum("the same dataset" in note for _, note in notes),
        warnings=[f"{cell.task}: {warning}" for cell in own for warning in cell.warnings],
    )


def _score(collection: Collection, cell: SummaryRow) -> Score:
    results = [stored.result for stored in collection.of(cell.task, cell.candidate)]
    return Score(
        board=collection.board.name,
        model=cell.candidate,
        task=cell.task,
        metric=cell.metric,
        unit=cell.unit,
        direction=cell.direction,
        mean=_rounded(cell.mean),
        half_width=_known(cell.half_width),
        spread=_known(cell.spread),
        seeds=len(cell.seeds),
        records=cell.n,
        clusters=_rounded(cell.clusters),
        few=cell.few,
        seen=next((result.overlap for result in results if result.overlap), None),
        keys=[result.key for result in results],
        over_scratch=_difference(cell.delta),
        over_fingerprint=_difference(cell.over_fingerprint),
    )


def _difference(delta: Delta | None) -> Difference | None:
    if delta is None:
        return None
    ends = (
        (None, None)
        if delta.half_width is None
        else (delta.value - delta.half_width, delta.value + delta.half_width)
    )
    return _tested(delta, delta.value, *ends, delta.detectable, delta.detectable_later)


def _gain(delta: Delta | None) -> Difference | None:
    """The share of the error that is gone, from a difference of logarithms, which turns its ends around."""
    if delta is None:
        return None
    value, half_width = delta.value, delta.half_width
    ends = (None, None) if half_width is None else (value + half_width, value - half_width)
    low, high = (None if end is None else _removed(end) for end in ends)
    detectable = (
        None if size is None else _removed(-size) for size in (delta.detectable, delta.detectable_later)
    )
    return _tested(delta, _removed(value), low, high, *detectable)


def _removed(logarithm: float) -> float:
    """Share of an error that is gone where it has become ``exp(logarithm)`` times as large."""
    return -math.expm1(logarithm) if logarithm < _LARGEST else -math.inf


def _tested(delta: Delta, value: float, *numbers: float | None) -> Difference:
    low, high, detectable, later_on = (_known(number) for number in numbers)
    return Difference(
        value=_rounded(value),
        low=low,
        high=high,
        p=_known(delta.p),
        p_adjusted=_known(delta.p_adjusted),
        verdict=delta.verdict,
        detectable=detectable,
        detectable_later=later_on,
    )


def _relative_error(standing: Standing) -> Number:
    known = math.isfinite(standing.high)
    low, high = (_known(end) if known else None for end in (standing.low, standing.high))
    return Number(value=_rounded(standing.relative_error), low=low, high=high)


def _sources(collection: Collection) -> list[BoardDataset]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for task in collection.tasks:
        model = next(iter(collection.results[task]))
        entry = collection.of(task, model)[0].result.task
        key = (entry.dataset, entry.version, entry.digest, entry.scheme, entry.split_digest)
        grouped.setdefault(key, []).append(task)
    names = ("dataset", "version", "digest", "scheme", "split_digest")
    return [BoardDataset(**dict(zip(names, key, strict=True)), tasks=tasks) for key, tasks in grouped.items()]


def _rounded(value: float) -> float:
    """Six significant digits: what differs beyond them between machines is noise."""
    return float(f"{value:.6g}")


def _known(value: float | None) -> float | None:
    """Likewise; what is not finite is not known."""
    return None if value is None or not math.isfinite(value) else _rounded(value)


def _corpora(pretraining: dict[str, Any]) -> str | None:
    """Datasets of all stages of pretraining, first to last."""
    names = [str(stage.get("dataset") or "unknown data") for stage in stages(pretraining)]
    return " then ".join(names) or None
