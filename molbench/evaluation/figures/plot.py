"""``molbench plot``: every figure of a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from molbench.arguments import comma_separated
from molbench.errors import UserError, unknown_name
from molbench.evaluation.figures import cost, curves, errors, learning, parity, radar, strip
from molbench.evaluation.figures.canvas import SUFFIXES, Drawn, save, styled
from molbench.evaluation.figures.records import Naming, by_task, naming
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.summary import SummaryRow, summarise

Draw = Callable[[Sequence[Stored], Sequence[SummaryRow], Naming], Iterable[Drawn]]

#: Kind of figure to how it is drawn from results, their summary, and names.
KINDS: dict[str, Draw] = {
    "strip": lambda _results, summaries, _name: [strip.strip(summaries)],
    "parity": lambda results, _cells, _name: parity.parity(results),
    "errors": lambda results, _cells, name: errors.errors(by_task(results, name)),
    "curves": lambda results, _cells, _name: [curves.curves(results)],
    "learning": lambda results, cells, _name: [learning.learning(results, cells)],
    "radar": lambda _results, summaries, _name: [radar.radar(summaries)],
    "cost": lambda results, summaries, name: [cost.cost(results, summaries, name)],
}


@dataclass(frozen=True)
class Plotted:
    """What was drawn.

    Attributes:
        files: Figures and tables.
        skipped: Kinds that were not drawn, and why.
        damaged: Folders of results that were left out since they cannot be read, and why.
    """

    files: list[Path]
    skipped: dict[str, str]
    damaged: dict[Path, str] = field(default_factory=dict)


def plot(
    results: str | Path,
    output: str | Path,
    *,
    kinds: str | Sequence[str] = (),
    form: str = "png",
    tasks: str | Sequence[str] | None = None,
) -> Plotted:
    """Draw results, and write the numbers behind each figure as CSV beside it.

    Args:
        results: Folder that ``molbench evaluate`` wrote.
        output: Folder of the figures.
        kinds: Of ``KINDS``; all that can be drawn by default.
        form: ``png``, ``svg`` or ``pdf``.
        tasks: Glob patterns over task ids; all by default.

    Raises:
        UserError: If there are no results, a kind or format is unknown, or a kind that was asked for cannot
            be drawn.
    """
    folder = ResultsFolder.read(results, tasks)
    plotted = plot_results(folder.results, output, kinds=kinds, form=form)
    return replace(plotted, damaged=folder.damaged)


def plot_results(
    results: Sequence[Stored], output: str | Path, *, kinds: str | Sequence[str] = (), form: str = "png"
) -> Plotted:
    """:func:`plot` of results at hand."""
    requested = comma_separated(kinds)
    if wrong := next((kind for kind in requested if kind not in KINDS), None):
        raise unknown_name("kind of figure", wrong, KINDS)
    if f".{form}" not in SUFFIXES:
        raise unknown_name("format", form, [suffix[1:] for suffix in SUFFIXES])
    name = naming(results)
    names = {(stored.result.checkpoint.name, stored.result.protocol.name): name(stored) for stored in results}
    rows = [summary for summary in summarise(results) if summary.pretrainings == 1]
    summaries = [replace(summary, candidate=names[summary.candidate, summary.protocol]) for summary in rows]
    files: list[Path] = []
    skipped: dict[str, str] = {}
    for kind in requested or KINDS:
        try:
            with styled():
                for drawn in KINDS[kind](results, summaries, name):
                    files += save(drawn.figure, drawn.rows, Path(output) / f"{drawn.name}.{form}")
        except UserError as error:
            if requested:
                raise
            skipped[kind] = str(error)
    return Plotted(files, skipped)
