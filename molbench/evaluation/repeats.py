"""Runs of one model on one task as repeats of one measurement: seeds, or repeats of a cross-validation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from molbench.errors import UserError
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.measurement import Estimate, Measurement, difference
from molbench.evaluation.result import Stored, TaskEntry

#: Results of one model on one task, by seed.
Runs = Mapping[int, Stored]


@dataclass(frozen=True)
class TaskRecords:
    """The test records of one task, of all folds where it is a cross-validation.

    Attributes:
        ids: Their names.
        names: Names of the clusters of each.
        clusters: How they hang together.
        places: Which of them each split scheme, that is each fold, tests on.
    """

    ids: Sequence[str]
    names: Sequence[Sequence[str]]
    clusters: Clusters
    places: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, results: Sequence[Stored]) -> TaskRecords:
        """Those of all results of one task.

        Raises:
            UserError: If results on the same split were not made on the same records, labels and clusters.
        """
        first: dict[str, Stored] = {}
        for stored in results:
            other = first.setdefault(stored.result.task.scheme, stored)
            if other is not stored:
                _refuse_others(other, stored)
        row_of: dict[str, int] = {}
        names: list[list[str]] = []
        places = {}
        for scheme, stored in first.items():
            predictions = stored.predictions
            ids, column = predictions.ids, predictions.clusters
            listed = [[]] * len(ids) if column is None else column.to_pylist()
            for identifier, clusters in zip(ids, listed, strict=True):
                if identifier not in row_of:
                    row_of[identifier] = len(names)
                    names.append(clusters)
            places[scheme] = np.array([row_of[identifier] for identifier in ids])
        return cls(list(row_of), names, Clusters.of(names), places)

    def measure(self, runs: Sequence[Runs]) -> Measurement:
        """One model's score.

        Args:
            runs: Its runs; of a method that was pretrained several times, those of each pretraining, which
                are then the repeats.
        """
        if len(runs) > 1:
            parts = [self.measure([one]) for one in runs]
            of_each = np.array([part.value for part in parts])
            return Measurement(of_each.mean(), np.mean([part.records for part in parts], axis=0), of_each)
        repeats = repeats_of(runs[0])
        total = np.zeros(self.clusters.count)
        values: list[float] = []
        for group in repeats.values():
            values.append(float(np.mean([stored.value for stored in group])))
            for stored in group:
                rows = self.places[stored.result.task.scheme]
                total[rows] += stored.contributions / (len(group) * len(repeats))
        if len(values) == 1 and not next(iter(runs[0].values())).result.is_drawn:
            values *= 2  # another seed would have given the same
        return Measurement(float(np.mean(values)), total, np.array(values))

    def difference(self, first: Sequence[Runs], other: Sequence[Runs]) -> Estimate | None:
        """The score of one model minus that of another; None where they share no fold of a cross-validation.

        All seeds of both count; of a cross-validation the folds that both have, which belong together.
        """
        folded = any(_fold(stored.result.task) for runs in (*first, *other) for stored in runs.values())
        if folded:
            common = set.intersection(*(set(runs) for runs in (*first, *other)))
            if not common:
                return None
            first, other = (
                [{seed: runs[seed] for seed in sorted(common)} for runs in part] for part in (first, other)
            )
        a, b = self.measure(first), self.measure(other)
        paired = folded and len(first) == len(other) == 1
        return difference(a, b, self.clusters, paired)


def repeats_of(runs: Runs) -> dict[int, list[Stored]]:
    """Runs in groups that each measure everything once.

    Every seed does. Where the runs are several repeats of a cross-validation, all with the same folds, a
    repeat does, as 3DMRL reports (arXiv 2412.02957). Single folds scatter more: they are smaller, and some
    are harder than others. They are compared only where there are no two complete repeats.
    """
    seeds = {seed: [runs[seed]] for seed in sorted(runs)}
    repeats: dict[int, dict[int, Stored]] = {}
    for stored in runs.values():
        if (fold := _fold(stored.result.task)) is None:
            return seeds
        repeats.setdefault(fold[0], {})[fold[1]] = stored
    if len(repeats) > 1 and len({tuple(sorted(folds)) for folds in repeats.values()}) == 1:
        return {repeat: list(repeats[repeat].values()) for repeat in sorted(repeats)}
    return seeds


def _fold(task: TaskEntry) -> tuple[int, int] | None:
    """Repeat and fold, which :func:`~molbench.spec.splits.fold_name` adds to the name of the scheme."""
    declared = task.id.partition("@")[2] or task.declaration.scheme
    match = re.fullmatch(rf"{re.escape(declared)}-(\d+)-(\d+)", task.scheme)
    return (int(match[1]), int(match[2])) if match else None


def _refuse_others(one: Stored, other: Stored) -> None:
    a, b = one.predictions, other.predictions
    same = a.ids == b.ids and np.array_equal(a.target, b.target)
    if not same:
        raise UserError(f"{other.folder} and {one.folder} were not made on the same test records")
    if (a.clusters is None) != (b.clusters is None) or (
        a.clusters is not None and not a.clusters.equals(b.clusters)
    ):
        raise UserError(f"{other.folder} and {one.folder} disagree on the clusters of the test records")
