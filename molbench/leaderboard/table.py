"""A finished board as plain data, the same whatever it is rendered to."""

from __future__ import annotations

import math
from typing import Any

from molbench.evaluation.summary import Cell, Delta, summarise
from molbench.leaderboard.collect import Collection
from molbench.leaderboard.rank import Estimate, Standing, rank
from molbench.spec.base import Spec, later
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.provenance import stages


class Number(Spec):
    """A number with its 95 % interval, and a p-value where a difference is meant."""

    value: float
    low: float
    high: float
    p: float | None = None


class Row(Spec):
    """One model.

    Attributes:
        rank: Absent where tasks or seeds are missing; such models are listed, not ranked.
        rank_low: Lower end of the 95 % interval of the rank.
        rank_high: Upper end.
        relative_error: Geometric mean over tasks of error over that of predicting a constant.
        gain: Share of the error that pretraining removes, against the same backbone from scratch.
        tasks: Tasks it has all seeds of.
        overlap: Tasks whose dataset it was pretrained on.
        warnings: What is suspicious about its predictions.
    """

    model: str
    backbone: str
    method: str | None
    pretrained_on: str | None
    identity: str | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    relative_error: Number | None
    gain: Number | None
    tasks: int
    overlap: int
    warnings: list[str]


class Score(Spec):
    """One model on one task: mean over seeds, standard deviation over seeds, differences to the baselines."""

    model: str
    task: str
    metric: str
    unit: str
    direction: str
    mean: float
    std: float | None
    low: float
    high: float
    seeds: int
    records: int
    over_scratch: Number | None
    over_fingerprint: Number | None = later(None)


class Source(Spec):
    """One dataset, or part of one, behind the board."""

    dataset: str
    version: str
    digest: str
    scheme: str
    split_digest: str
    tasks: list[str]


class Table(Spec):
    """Everything a board shows."""

    name: str
    title: str
    description: str
    commands: list[str]
    protocol: dict[str, Any]
    evaluation: str
    embedded: bool
    partial: bool
    tasks: list[str]
    missing: list[str]
    sources: list[Source]
    rows: list[Row]
    scores: list[Score]


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
    standings = rank(collection)
    ranked = [standing.model for standing in standings]
    rest = [model for model in collection.models if model not in ranked]
    first = next(item.result for item in stored if item.result.protocol.name == board.protocol)
    baseline = " --fingerprint" if FINGERPRINT in collection.models else ""
    wanted = f"--suite {board.suite}" if board.suite else f"--tasks '{','.join(board.tasks)}'"
    by_model = {standing.model: standing for standing in standings}
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
        tasks=collection.tasks,
        missing=collection.missing,
        sources=_sources(collection),
        rows=[_row(collection, model, by_model.get(model), cells) for model in ranked + rest],
        scores=[_score(cell) for cell in cells],
    )


def _row(collection: Collection, model: str, standing: Standing | None, cells: list[Cell]) -> Row:
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
        identity=None if entry.scratch else entry.identity,
        rank=standing.rank if standing else None,
        rank_low=standing.low if standing else None,
        rank_high=standing.high if standing else None,
        relative_error=_number(standing.relative_error if standing else None),
        gain=_number(standing.gain if standing else None),
        tasks=sum(len(cell.seeds) >= collection.board.seeds for cell in own),
        overlap=sum("the same dataset" in note for _, note in notes),
        warnings=[f"{cell.task}: {warning}" for cell in own for warning in cell.warnings],
    )


def _score(cell: Cell) -> Score:
    return Score(
        model=cell.candidate,
        task=cell.task,
        metric=cell.metric,
        unit=cell.unit,
        direction=cell.direction,
        mean=_rounded(cell.mean),
        std=None if cell.std is None else _rounded(cell.std),
        low=_rounded(cell.low),
        high=_rounded(cell.high),
        seeds=len(cell.seeds),
        records=cell.n,
        over_scratch=_difference(cell.delta),
        over_fingerprint=_difference(cell.over_fingerprint),
    )


def _difference(delta: Delta | None) -> Number | None:
    return _number(Estimate(delta.value, delta.low, delta.high, delta.p) if delta else None)


def _sources(collection: Collection) -> list[Source]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for task in collection.tasks:
        model = next(iter(collection.results[task]))
        entry = collection.of(task, model)[0].result.task
        key = (entry.dataset, entry.version, entry.digest, entry.scheme, entry.split_digest)
        grouped.setdefault(key, []).append(task)
    names = ("dataset", "version", "digest", "scheme", "split_digest")
    return [Source(**dict(zip(names, key, strict=True)), tasks=tasks) for key, tasks in grouped.items()]


def _number(estimate: Estimate | None) -> Number | None:
    if estimate is None:
        return None
    p = None if estimate.p is None else _rounded(estimate.p)
    return Number(
        value=_rounded(estimate.value), low=_rounded(estimate.low), high=_rounded(estimate.high), p=p
    )


def _rounded(value: float) -> float:
    """Six significant digits: what differs beyond them between machines is noise."""
    return float(f"{value:.6g}") if math.isfinite(value) else 0.0


def _corpora(pretraining: dict[str, Any]) -> str | None:
    """Datasets of all stages of pretraining, first to last."""
    names = [str(stage.get("dataset") or "unknown data") for stage in stages(pretraining)]
    return " then ".join(names) or None
