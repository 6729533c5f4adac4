"""What an evaluation came to, and who is told how it gets on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.evaluation.candidates.base import NotApplicable, Refusal
from molbench.evaluation.plan import Run
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import ResultsFolder
from molbench.evaluation.summary import SummaryRow, summarise
from molbench.training.loop import StepReport

if TYPE_CHECKING:
    import pandas as pd

    from molbench.evaluation.comparison.compare import Comparison


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: with a result, or with the reason why there is none.

    Attributes:
        run: The run.
        stored: Its result.
        error: Why it failed.
        not_applicable: Why its task turned out to be none for its candidate.
    """

    run: Run
    stored: Stored | None
    error: str | None = None
    not_applicable: str | None = None


@dataclass(frozen=True, repr=False)
class Report:
    """What an evaluation came to; in a notebook it shows itself as a table.

    Attributes:
        rows: One score a candidate and task, over its seeds.
        results: The results on disk behind them.
        failures: Runs without a result, and why.
        reused: How many results were there already.
        not_applicable: Candidates and tasks that do not go together, and why.
        refusals: Models and tasks that were left out since something is wrong with them.
        damaged: Folders of results that are left out since they cannot be read, and why.

    Examples:
        Results that are stored are a report, too.

        >>> import molbench
        >>> import numpy as np
        >>> def size(molecules):
        ...     return np.array([[len(m.atomic_numbers)] for m in molecules])
        >>> tasks = ["xtb-molecules/homo", "xtb-molecules/lumo"]
        >>> report = molbench.evaluate(size, tasks, seeds=1, output="mine", executor="inline")
        >>> again = molbench.Report.read("mine")
        >>> list(again.to_pandas()["task"])
        ['xtb-molecules/homo', 'xtb-molecules/lumo']
    """

    rows: list[SummaryRow]
    results: list[Stored]
    failures: list[RunOutcome]
    reused: int
    not_applicable: list[NotApplicable] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path, tasks: str | Sequence[str] | None = None) -> Report:
        """The results that lie in a folder, their scores computed again from their predictions.

        What cannot be read is left out, and listed as :attr:`damaged`.

        Args:
            folder: What ``molbench evaluate`` wrote.
            tasks: Glob patterns over task ids; all by default.

        Raises:
            UserError: If there is none, or results that belong together were not made on the same records.
        """
        read = ResultsFolder.read(folder, tasks)
        return cls(summarise(read.results), read.results, [], len(read.results), damaged=read.damaged)

    @property
    def models(self) -> list[str]:
        """Names of what was scored, baselines among them."""
        return list(dict.fromkeys(summary.candidate for summary in self.rows))

    @property
    def tasks(self) -> list[str]:
        """Ids of the tasks."""
        return list(dict.fromkeys(summary.task for summary in self.rows))

    def to_pandas(self) -> pd.DataFrame:
        """A row a model and task; ``delta`` and ``over_fingerprint`` with their fields behind their names."""
        from molbench.evaluation.report_table import to_pandas

        return to_pandas(self)

    def compare(self, *models: str | Path, tasks: str | Sequence[str] | None = None) -> Comparison:
        """Compare models of the report with each other, or with results that lie elsewhere.

        Args:
            models: Names of models in the report, or folders of results; the first is compared with each of
                the others. Where there is one only, the report's first model is compared with it; where there
                is none, with all others of the report.
            tasks: Glob patterns over task ids; all by default.

        Raises:
            UserError: If a name or folder holds nothing, or no task can be compared.
        """
        from molbench.evaluation.comparison.compare import compare_with

        return compare_with(self.results, models, tasks)

    def plot(self, output: str | Path, kinds: str | Sequence[str] = (), form: str = "png") -> list[Path]:
        """Draw it, and write the numbers behind each figure as CSV beside it.

        Args:
            output: Folder of the figures.
            kinds: Of strip, parity, errors, curves, radar and cost; all that can be drawn by default.
            form: ``png``, ``svg`` or ``pdf``.

        Raises:
            UserError: If a kind or format is unknown, or a kind that was asked for cannot be drawn.
        """
        from molbench.evaluation.figures.plot import plot_results

        return plot_results(self.results, output, kinds=kinds, form=form).files

    def __repr__(self) -> str:
        return (
            f"<Report: {len(self.models)} models on {len(self.tasks)} tasks, {len(self.results)} results, "
            f"{len(self.failures)} failures{f', {len(self.damaged)} damaged' if self.damaged else ''}>"
        )

    def __str__(self) -> str:
        from molbench.evaluation.report_table import to_text

        return to_text(self)

    def _repr_html_(self) -> str:
        from molbench.evaluation.report_table import to_html

        return to_html(self)


@dataclass(frozen=True)
class Watcher:
    """Who is told how an evaluation gets on; the default is nobody.

    Attributes:
        planned: Told the number of runs, and how many of them have a result already.
        step: Told of training steps.
        done: Told of every outcome.
        notice: Told what a model of somebody else's does, before anything is trained.
    """

    planned: Callable[[int, int], None] = lambda _total, _reused: None
    step: Callable[[Run, StepReport], None] = lambda _run, _report: None
    done: Callable[[RunOutcome], None] = lambda _outcome: None
    notice: Callable[[str], None] = lambda _text: None
