"""``molbench.compare``: one model against others, task by task, from stored predictions alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.errors import UserError
from molbench.evaluation.comparison.contrasts import Contrast, contrasts
from molbench.evaluation.comparison.model_results import (
    ModelResults,
    TaskProtocol,
    distinct,
    group_by_model,
    models_in,
    read_models,
)
from molbench.evaluation.measurement import Estimate
from molbench.evaluation.repeats import TaskRecords
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import of_tasks
from molbench.evaluation.score import Scorer
from molbench.evaluation.summary import Delta, verdicts
from molbench.spec.fingerprint import FINGERPRINT

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TaskDifference:
    """Two models on one task.

    Attributes:
        a: Name of the model that is compared.
        b: Name of the one it is compared with.
        protocol: How both were scored; both names where they differ, as the fingerprint baseline's does.
        mean_a: Mean of the primary metric over the seeds of ``a``.
        mean_b: That of ``b``.
        seeds_a: Seeds of ``a``.
        seeds_b: Seeds of ``b``.
        n: Test records.
        clusters: Effective number of independent ones among them.
        delta: ``mean_a - mean_b`` with its uncertainty; p adjusted for all differences of the table.
    """

    a: str
    b: str
    task: str
    protocol: str
    metric: str
    unit: str
    direction: str
    mean_a: float
    mean_b: float
    seeds_a: tuple[int, ...]
    seeds_b: tuple[int, ...]
    n: int
    clusters: float
    delta: Delta


#: Until all differences of the table are known.
_UNTOLD = Delta(math.nan, None, None, None, "needs more seeds", None, None)


@dataclass(frozen=True)
class Omission:
    """What is not compared, and why."""

    a: str
    b: str
    task: str
    reason: str


@dataclass(frozen=True)
class Tally:
    """In how many tasks a model is told to be better or worse; ``untold``: one of them has a single seed."""

    wins: int
    ties: int
    losses: int
    untold: int


@dataclass(frozen=True, repr=False)
class Comparison:
    """One model against one or more others.

    Attributes:
        rows: A row a task and other model.
        omitted: Tasks that only one of two has, or that cannot be compared.
        contrasts: What else differs, by the two models' names.
        damaged: Results that could not be read, and why.

    Examples:
        >>> import molbench
        >>> def first(molecules):
        ...     return [[len(m.atomic_numbers)] for m in molecules]
        >>> def second(molecules):
        ...     return [[m.charge] for m in molecules]
        >>> report = molbench.evaluate([first, second], "xtb-molecules/alpha", seeds=2, executor="inline")
        >>> comparison = report.compare("first", "second")
        >>> comparison.tally(("first", "second")).wins
        1
        >>> files = comparison.plot("difference.svg")
    """

    rows: list[TaskDifference]
    omitted: list[Omission]
    contrasts: dict[tuple[str, str], list[Contrast]]
    damaged: dict[Path, str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Which models are compared."""
        return list(self.contrasts)

    def tally(self, pair: tuple[str, str]) -> Tally:
        """Wins, ties and losses of the first of two."""
        verdict_counts = Counter(row.delta.verdict for row in self.rows if (row.a, row.b) == pair)
        ties = verdict_counts["="] + verdict_counts["few records"]
        return Tally(
            verdict_counts["better"], ties, verdict_counts["worse"], verdict_counts["needs more seeds"]
        )

    def to_pandas(self) -> pd.DataFrame:
        """A row a difference, the fields of its ``delta`` among the columns."""
        import pandas as pd

        return pd.DataFrame([plain_row(row) for row in self.rows])

    def plot(self, path: str | Path) -> list[Path]:
        """Draw the differences with their intervals, as PNG, SVG or PDF, and write the numbers beside it."""
        from molbench.evaluation.comparison.figure import write

        return write(self, Path(path))

    def _repr_html_(self) -> str:
        from molbench.evaluation.comparison.tables import comparison_html

        return comparison_html(self)

    def __repr__(self) -> str:
        pairs = ", ".join(f"{a} - {b}" for a, b in self.pairs)
        return f"<Comparison: {pairs}; {len(self.rows)} differences, {len(self.omitted)} left out>"


def plain_row(row: TaskDifference) -> dict[str, object]:
    """A row as a flat mapping; ``difference`` is the value of its ``delta``."""
    flat: dict[str, object] = asdict(row)
    del flat["delta"]
    delta = asdict(row.delta)
    return {**flat, "difference": delta.pop("value"), **delta}


def compare(
    *models: str | Path, results: str | Path = "results", tasks: str | Sequence[str] | None = None
) -> Comparison:
    """Compare the first model with each of the others on every task that both have.

    Nothing is run: the stored predictions are scored again. Test records are paired, seeds are not; see
    :mod:`molbench.evaluation.statistics`. Raw p-values are adjusted by Holm's method for all rows together.

    Args:
        models: Folders of results, of one model or of several, or names of models in ``results``.
        results: Folder in which names are looked for.
        tasks: Glob patterns over task ids; all by default.

    Raises:
        UserError: If there are fewer than two models, one is not found, or they share no task.

    Examples:
        >>> import molbench
        >>> def composition(molecules):
        ...     return [[(m.atomic_numbers == z).sum() for z in (1, 6, 7, 8, 9)] for m in molecules]
        >>> def size(molecules):
        ...     return [[len(m.atomic_numbers)] for m in molecules]
        >>> report = molbench.evaluate([composition, size], "xtb-molecules/zpve", seeds=2, executor="inline")
        >>> (row,) = molbench.compare("composition", "size").rows
        >>> row.delta.verdict
        'better'
    """
    sides = read_models(models, results, tasks)
    if len(sides) < 2:
        raise UserError("two models are needed: give two folders of results, or names with --results")
    return compare_results(sides[0], sides[1:])


def compare_with(
    results: Sequence[Stored], models: Sequence[str | Path], tasks: str | Sequence[str] | None = None
) -> Comparison:
    """:func:`compare` of results at hand with each other, or with results that lie elsewhere.

    Args:
        results: Results at hand.
        models: Names of models in them, or folders; where there is one only, the first model at hand is
            compared with it, and where there is none, with all others at hand.
        tasks: Glob patterns over task ids; all by default.

    Raises:
        UserError: If a name or folder holds nothing, or no task can be compared.
    """
    here = sorted(group_by_model(of_tasks(results, tasks), Path()), key=lambda model: model.is_baseline)
    named = {model.model: model for model in here}
    sides: list[ModelResults] = []
    for model in models:
        sides += [named[str(model)]] if str(model) in named else models_in(Path(model), tasks)
    if len(models) < 2:
        sides = [*here[:1], *(sides or here[1:])]
    if len(sides) < 2:
        raise UserError("there is nothing to compare with: name another model, or a folder of results")
    first, *others = distinct(sides)
    return compare_results(first, others)


def compare_results(first: ModelResults, others: Sequence[ModelResults]) -> Comparison:
    """:func:`compare` of results that were read.

    Raises:
        UserError: If the first shares no task with any of the others.
    """
    compared_tasks: list[tuple[TaskDifference, Estimate]] = []
    omitted: list[Omission] = []
    noted: dict[tuple[str, str], list[Contrast]] = {}
    for other in others:
        compared: list[tuple[TaskProtocol, TaskProtocol]] = []
        common, missing = _common(first, other)
        omitted += [Omission(first.name, other.name, task, why) for task, why in missing]
        for key, other_key in common:
            try:
                compared_tasks.append(_difference(first, other, key, other_key))
                compared.append((key, other_key))
            except UserError as error:
                omitted.append(Omission(first.name, other.name, key[0], str(error)))
            except Exception as error:  # noqa: BLE001 - files that anybody may have written
                why = f"cannot be read: {type(error).__name__}: {error}"
                omitted.append(Omission(first.name, other.name, key[0], why))
        noted[first.name, other.name] = contrasts(
            [stored.result for key, _ in compared for stored in first.runs[key].values()],
            [stored.result for _, other_key in compared for stored in other.runs[other_key].values()],
        )
    if not compared_tasks:
        lines = [f"  {left.task}, {left.b}: {left.reason}" for left in omitted]
        raise UserError("no task can be compared:\n" + "\n".join(lines))
    deltas = verdicts(
        [estimate for _, estimate in compared_tasks], [row.direction == "lower" for row, _ in compared_tasks]
    )
    rows = [
        replace(row, delta=delta) for (row, _), delta in zip(compared_tasks, deltas, strict=True) if delta
    ]
    damaged = {folder: why for side in (first, *others) for folder, why in side.damaged.items()}
    return Comparison(rows, omitted, noted, damaged)


def _common(
    a: ModelResults, b: ModelResults
) -> tuple[list[tuple[TaskProtocol, TaskProtocol]], list[tuple[str, str]]]:
    """Where both have the same task under the same protocol, and tasks of one of them without the like.

    The fingerprint baseline is a protocol of its own, which stands beside every other.
    """
    pairs = [
        (key, other_key)
        for key in a.runs
        for other_key in b.runs
        if key[0] == other_key[0] and (key[1] == other_key[1] or FINGERPRINT in {key[1], other_key[1]})
    ]
    done = {key[0] for key, _ in pairs}
    missing: dict[str, str] = {}
    for side, other in ((a, b), (b, a)):
        for task, protocol in side.runs:
            theirs = sorted({run[1] for run in other.runs if run[0] == task})
            if task not in done:
                under = f", only under {', '.join(theirs)}" if theirs else ""
                missing.setdefault(task, f"{other.name} has no result under {protocol}{under}")
    return pairs, list(missing.items())


def _difference(
    a: ModelResults, b: ModelResults, key: TaskProtocol, other_key: TaskProtocol
) -> tuple[TaskDifference, Estimate]:
    ours, theirs = a.runs[key], b.runs[other_key]
    one = next(iter(ours.values()))
    for stored in (*ours.values(), *theirs.values()):
        _refuse_other_score(one, stored)
    records = TaskRecords.of([*ours.values(), *theirs.values()])
    estimate = records.difference([ours], [theirs])
    if estimate is None:
        raise UserError("they share no fold of the cross-validation")
    means = [float(records.measure([runs]).value) for runs in (ours, theirs)]
    if not all(map(math.isfinite, means)):
        raise UserError(f"{one.result.task.declaration.metrics[0]} is not defined for the predictions of one")
    name = one.result.task.declaration.metrics[0]
    scorer = Scorer.of(one.result.task.declaration, name, one.predictions)
    row = TaskDifference(
        a=a.name,
        b=b.name,
        task=key[0],
        protocol=key[1] if key[1] == other_key[1] else f"{key[1]} / {other_key[1]}",
        metric=name,
        unit=scorer.unit,
        direction=scorer.metric.direction,
        mean_a=means[0],
        mean_b=means[1],
        seeds_a=tuple(sorted(ours)),
        seeds_b=tuple(sorted(theirs)),
        n=records.clusters.count,
        clusters=records.clusters.effective,
        delta=_UNTOLD,
    )
    return row, estimate


def _refuse_other_score(one: Stored, stored: Stored) -> None:
    """What two scores must share to have a difference; records and labels are compared one by one later."""
    for name in ("kind", "target", "unit", "version"):
        if (a := getattr(one.result.task.declaration, name)) != (
            b := getattr(stored.result.task.declaration, name)
        ):
            raise UserError(f"the task's {name} is {a} in {one.folder}, {b} in {stored.folder}")
    first, other = (item.result.task.declaration.metrics[0] for item in (one, stored))
    if first != other:
        raise UserError(f"{one.folder} is scored by {first}, {stored.folder} by {other}")
