"""``molbench plot``: every figure of a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.figures import KINDS, figure_kinds
from molbench.evaluation.figures.canvas import Drawn, save, styled
from molbench.evaluation.figures.records import Shown, naming
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.summary import summarise


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
    requested = figure_kinds(kinds, form)
    name = naming(results)
    names = {(stored.result.checkpoint.name, stored.result.protocol.name): name(stored) for stored in results}
    rows = [summary for summary in summarise(results) if summary.pretrainings == 1]
    summaries = [replace(summary, candidate=names[summary.candidate, summary.protocol]) for summary in rows]
    shown = Shown(results, summaries, name)
    files: list[Path] = []
    skipped: dict[str, str] = {}
    for kind in requested or KINDS:
        try:
            with styled():
                for drawn in _function(kind)(shown):
                    files += save(drawn.figure, drawn.rows, Path(output) / f"{drawn.name}.{form}")
        except UserError as error:
            if requested:
                raise
            skipped[kind] = str(error)
    return Plotted(files, skipped)


def _function(kind: str) -> Callable[[Shown], Iterable[Drawn]]:
    function: Callable[[Shown], Iterable[Drawn]] = getattr(import_module(f"{__package__}.{kind}"), kind)
    return function
