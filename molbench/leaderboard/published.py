"""Numbers of papers that belong beside a board."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from molbench.evaluation.kinds import kind_of
from molbench.leaderboard.reproduced import Ours, Reproduction
from molbench.leaderboard.score import Publication
from molbench.metrics import METRICS
from molbench.paths import catalogue_root
from molbench.spec.base import Spec, later
from molbench.spec.catalogue import TaskRef
from molbench.spec.document import read_listing
from molbench.spec.reported import Paper, ReportedPaper, ReportedTable
from molbench.spec.units import factor


class PublishedScore(Spec):
    """One number of a paper.

    Attributes:
        model: Name of the row.
        value: In the unit that the task reports.
        spread: What is printed behind ±, likewise.
        reproductions: What models of the board score that repeat it.
    """

    model: str
    task: str
    metric: str
    unit: str
    value: float
    spread: float | None = None
    publication: Publication
    reproductions: list[Reproduction] = later([])


@cache
def reported_papers() -> Mapping[str, ReportedPaper]:
    """Everything below ``leaderboards/reported``, by name."""
    return read_listing(catalogue_root() / "leaderboards" / "reported", ReportedPaper)


def published_scores(tasks: Sequence[TaskRef], ours: Ours | None = None) -> list[PublishedScore]:
    """What papers say of the primary metric of some tasks, in the order of papers, tables and rows.

    Numbers that were read off a figure are left out.

    Args:
        tasks: The tasks.
        ours: Models that may have repeated some of it.
    """
    refs = {ref.id: ref for ref in tasks}
    scores = []
    for paper in reported_papers().values():
        for table in paper.tables:
            if table.reading != "figure":
                scores += list(_of_table(paper.paper, table, refs, ours))
    return scores


def unit_of(ref: TaskRef) -> str:
    """Unit in which the primary metric of a task is reported."""
    metric = METRICS[ref.task.metrics[0]]
    return kind_of(ref.task).reported_unit(ref.task, metric) if metric.scaled else "1"


def _of_table(
    paper: Paper, table: ReportedTable, refs: Mapping[str, TaskRef], ours: Ours | None
) -> Iterator[PublishedScore]:
    source = Publication(
        paper=paper.title,
        table=table.table,
        url=f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else None,
        protocol_match=table.match,
        dispersion=table.dispersion,
    )
    for model, numbers in table.rows.items():
        for name, number in numbers.items():
            column = table.columns[name]
            ref = refs.get(column.task or "")
            if ref is None or column.metric != ref.task.metrics[0]:
                continue
            unit = unit_of(ref)
            scale = 0.01 if column.unit == "percent" else factor(column.unit, unit)
            value, spread = number if isinstance(number, tuple) else (number, None)
            yield PublishedScore(
                model=model,
                task=ref.id,
                metric=column.metric,
                unit=unit,
                value=float(f"{scale * value:.6g}"),
                spread=None if spread is None else float(f"{scale * spread:.6g}"),
                publication=source,
                reproductions=ours.of(table, model, ref, scale * value, unit) if ours else [],
            )
