"""Stored predictions scored against the catalogue's own labels: one cell of a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.built import Data
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.score import Scorer, constant, score
from molbench.evaluation.statistics import half_width, of_repeats
from molbench.metrics import METRICS
from molbench.spec.catalogue import TaskRef
from molbench.spec.submission import Predicted
from molbench.submission.predictions import read_predictions
from molbench.submission.receipt import Cell, unlike
from molbench.submission.replicates import packed, replicates

if TYPE_CHECKING:  # boards are built without torch
    from molbench.evaluation.trust import Trust


@dataclass
class _Sum:
    """What every test record adds to the mean over seeds."""

    share: float
    names: dict[str, list[str]] = field(default_factory=dict)
    contributions: dict[str, float] = field(default_factory=dict)

    def add(self, predictions: Predictions, influence: np.ndarray) -> None:
        listed = predictions.clusters.to_pylist() if predictions.clusters is not None else []
        added = (influence / len(predictions.ids) * self.share).tolist()
        for i, (name, one) in enumerate(zip(predictions.ids, added, strict=True)):
            self.names.setdefault(name, listed[i] if listed else [])
            self.contributions[name] = self.contributions.get(name, 0.0) + one


def rescore(path: Path, entry: Predicted, trust: Trust, scratch: bool = False) -> list[Cell]:
    """Score the predictions of one task, under each of its versions, oldest first.

    Args:
        path: File of the predictions, whose size and digest were checked.
        entry: What the card says of them.
        trust: What the catalogue knows.
        scratch: Whether every seed has an encoder of its own.

    Raises:
        UserError: If they are not one prediction for each test record and seed, were made on other records
            or on a split scheme that lacks some, are in another unit, are the same for seeds that differ, or
            do not score what the card says.
    """
    wanted = sum(trust.count(entry.task, seed) for seed in entry.seeds)
    given = read_predictions(path, entry, wanted)
    joined = {seed: trust.join(entry.task, seed, of_seed) for seed, of_seed in given.items()}
    task, data, _ = next(iter(joined.values()))
    if entry.split != joined[min(joined)][1].split:
        raise UserError(f"made on other records, or another split, than {task.id} as built here")
    if data.partial:
        raise UserError(f"{task.id} lacks records: nothing on it can be compared with others")
    predictions = {seed: part for seed, (_, _, part) in joined.items()}
    for part in predictions.values():
        _check_scale(task, part)
    if scratch or not _frozen(task, entry.protocol):
        _check_seeds(predictions)
    cells = [
        _cell(
            task,
            version,
            entry,
            {seed: (one, _without(part, ids)) for seed, (one, _, part) in joined.items()},
            protocol_version=trust.protocols[entry.protocol].version,
            data=_digests(data),
        )
        for version, ids in task.versions
    ]
    cell = cells[0]
    if unlike(cell.mean, entry.value):
        raise UserError(
            f"says {entry.value:.6g} {cell.unit}, its predictions give {cell.mean:.6g}: "
            "correct value, or the predictions"
        )
    return cells


def _without(predictions: Predictions, ids: frozenset[str]) -> Predictions:
    """Predictions less those of some records."""
    if not ids:
        return predictions
    kept = [i for i, name in enumerate(predictions.ids) if name not in ids]
    return predictions.take(np.array(kept, dtype=np.int64))


def _cell(
    task: TaskRef,
    version: str,
    entry: Predicted,
    joined: Mapping[int, tuple[TaskRef, Predictions]],
    *,
    protocol_version: int,
    data: tuple[str, str],
) -> Cell:
    declared = task.task
    metric = METRICS[declared.metrics[0]]
    total, unit = _Sum(1 / len(joined)), declared.unit
    values, trivial, others = [], [], dict.fromkeys(declared.metrics[1:], 0.0)
    for _, part in joined.values():
        scorer = Scorer.of(declared, declared.metrics[0], part)
        unit, scores = scorer.unit, score(declared, part)
        values.append(scores[declared.metrics[0]].value)
        trivial.append(scorer.value(constant(part)))
        for name in others:
            others[name] += scores[name].value / len(joined)
        total.add(part, scorer.influence(part))
    names, contributions = list(total.names.values()), np.array(list(total.contributions.values()))
    clusters = Clusters.of(names)
    drawn = clusters.component(contributions)
    of_seeds = of_repeats(np.array(_repeats(values, [ref for ref, _ in joined.values()])))
    interval = float(half_width([drawn, of_seeds]))
    ids = [own or [name] for name, own in zip(total.names, names, strict=True)]
    content = sha256(b"".join(part.prediction.astype(np.float64).tobytes() for _, part in joined.values()))
    return Cell(
        task=task.id,
        version=version,
        protocol=entry.protocol,
        protocol_version=protocol_version,
        metric=declared.metrics[0],
        metric_version=metric.version,
        unit=unit,
        direction=metric.direction,
        seeds=sorted(joined),
        values=[_rounded(value, 9) for value in values],
        constant=_rounded(float(np.mean(trivial)), 9),
        replicates=packed(replicates(_place(task), ids, contributions)),
        # Of one seed it is infinite, which no JSON can say: it is not known.
        half_width=_rounded(interval, 6) if np.isfinite(interval) else np.nan,
        records=len(names),
        clusters=_rounded(clusters.effective, 6),
        few=bool(drawn.few),
        others={name: _rounded(value, 9) for name, value in others.items()},
        content=content.hexdigest(),
        data=data,
    )


def _place(task: TaskRef) -> str:
    return f"{task.entry.id}/{task.subset or ''}"


def _digests(data: Data) -> tuple[str, str]:
    return data.digest, data.split


def _repeats(values: list[float], refs: list[TaskRef]) -> list[float]:
    """Scores that each measure everything once: of seeds, or of complete repeats of a cross-validation."""
    groups: dict[int, list[float]] = {}
    for i, (value, ref) in enumerate(zip(values, refs, strict=True)):
        groups.setdefault(ref.fold[0] if ref.fold else i, []).append(value)
    whole = len(groups) > 1 and len({len(group) for group in groups.values()}) == 1
    return [float(np.mean(group)) for group in groups.values()] if whole else values


def _frozen(task: TaskRef, protocol: str) -> bool:
    """Whether another seed may give the same predictions."""
    return protocol in {"probe", "direct"} and (protocol == "direct" or kind_of(task.task).probes_vectors)


def _check_scale(task: TaskRef, predictions: Predictions) -> None:
    warnings = kind_of(task.task).scale_warnings(task.task, predictions)
    if named := [warning for warning in warnings if "looks like" in warning]:
        raise UserError(f"{task.id}: {named[0]}")


def _check_seeds(predictions: Mapping[int, Predictions]) -> None:
    seen: dict[bytes, int] = {}
    for seed, part in predictions.items():
        other = seen.setdefault(part.prediction.tobytes(), seed)
        if other != seed:
            raise UserError(f"the same predictions stand under seeds {other} and {seed}")


def _rounded(value: float, digits: int) -> float:
    """What differs beyond so many digits between machines is noise."""
    return float(f"{value:.{digits}g}")
