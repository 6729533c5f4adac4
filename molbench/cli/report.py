"""What an evaluation came to, as it is shown while it goes on and in the end."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molbench.cli.console import table_console
from molbench.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from molbench.evaluation import Report, Run, RunOutcome, Watcher
    from molbench.evaluation.summary import Delta, SummaryRow
    from molbench.training import StepReport


class Display:
    """A progress bar over runs on standard error."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        ]
        self._progress = Progress(*columns, console=Console(stderr=True), disable=quiet)
        self._bar = self._progress.add_task("planning", total=None)

    def watcher(self) -> Watcher:
        """What tells the bar."""
        from molbench.evaluation import Watcher

        return Watcher(planned=self._planned, step=self._step, done=self._done, told=self.told)

    def _planned(self, total: int, reused: int) -> None:
        if reused:
            self._progress.console.print(f"{reused} of {total} results are there already")
        self._progress.update(self._bar, total=total, completed=reused, description="evaluating")

    def told(self, text: str) -> None:
        """Print above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)

    def _step(self, run: Run, report: StepReport) -> None:
        self._progress.update(self._bar, description=f"{_label(run)} step {report.step}/{report.steps}")

    def _done(self, outcome: RunOutcome) -> None:
        if outcome.error:
            self._progress.console.print(f"failed: {_label(outcome.run)}: {outcome.error}", markup=False)
        self._progress.update(self._bar, advance=1, description=_label(outcome.run))

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def finish(report: Report, output: Path, as_json: bool) -> None:
    """Print a report as a table or a JSON object.

    Raises:
        UserError: If runs failed.
    """
    if as_json:
        typer.echo(json.dumps(_plain(report), indent=2, ensure_ascii=False))
    else:
        _show(report, output)
    if report.failures:
        lines = [f"  {_label(outcome.run)}: {outcome.error}" for outcome in report.failures]
        raise UserError(
            f"{len(lines)} runs failed; the others are stored, and the same command repeats only these:\n"
            + "\n".join(lines)
        )


def _label(run: Run) -> str:
    return f"{run.candidate.name} on {run.task.id}, seed {run.seed}"


def _plain(report: Report) -> dict[str, object]:
    return {
        "cells": [asdict(cell) for cell in report.cells],
        "reused": report.reused,
        "not_applicable": [asdict(pair) for pair in report.not_applicable],
        "failures": [
            {
                "candidate": outcome.run.candidate.name,
                "task": outcome.run.task.id,
                "seed": outcome.run.seed,
                "reason": outcome.error,
            }
            for outcome in report.failures
        ],
    }


def _show(report: Report, output: Path) -> None:
    from rich.table import Table

    console = table_console()
    base = {(cell.task, cell.candidate): cell for cell in report.cells}
    scratch = {stored.result.checkpoint.name for stored in report.results if stored.result.checkpoint.scratch}
    baselines = {
        stored.result.checkpoint.name: stored.result.checkpoint.baseline for stored in report.results
    }
    rows = []
    for cell in report.cells:
        if cell.candidate in scratch:
            continue
        reference = base.get((cell.task, baselines.get(cell.candidate, "")))
        rows.append(_row(cell, reference if reference is not cell else None))
    if rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        # Columns of baselines that were not asked for would be empty.
        for column in [name for name in rows[0] if any(row[name] for row in rows)]:
            left = column in {"task", "metric", "unit", "model"}
            table.add_column(column, justify="left" if left else "right", overflow="fold")
        for row in rows:
            table.add_row(*(row[str(column.header)] for column in table.columns))
        console.print(table)
        _explain(report, output, console)
    for pair in report.not_applicable:
        console.print(f"not applicable: {pair.candidate} on {pair.task}: {pair.reason}", markup=False)


def _row(cell: SummaryRow, scratch: SummaryRow | None) -> dict[str, str]:
    from molbench.evaluation.summary import MORE_SEEDS
    from molbench.numbers import plus_minus, probabilities, share, spread

    delta, over = cell.delta, cell.over_fingerprint
    row = {
        "task": cell.task,
        "metric": f"{cell.metric} {'↓' if cell.direction == 'lower' else '↑'}",
        "unit": cell.unit,
        "model": cell.candidate,
        "score ± 95 %": plus_minus(cell.mean, cell.half_width),
        "over seeds": "" if cell.spread is None else spread(cell.spread, cell.mean),
        "scratch ± 95 %": plus_minus(scratch.mean, scratch.half_width) if scratch else "",
        "change ± 95 %": _change(delta, cell.mean),
        "p (adjusted)": probabilities(delta.p, delta.p_adjusted) if delta else "",
        "": delta.verdict if delta else "",
        "detectable": "",
        "over fingerprint": f"{_change(over, cell.mean)} {over.verdict}" if over else "",
    }
    if delta and delta.detectable and delta.detectable_later and (base := abs(cell.mean - delta.value)):
        row["detectable"] = share(delta.detectable / base, delta.detectable_later / base, MORE_SEEDS)
    return row


def _change(delta: Delta | None, mean: float) -> str:
    from molbench.numbers import signed

    return "" if delta is None else signed(delta.value, mean, delta.half_width)


def _explain(report: Report, output: Path, console: Console) -> None:
    cells = report.cells
    protocols = ", ".join(dict.fromkeys(cell.protocol for cell in cells))
    partial = sorted({stored.result.task.dataset for stored in report.results if stored.result.task.partial})
    console.print(
        f"\nprotocol {protocols}, {len(cells[0].seeds)} seeds, results in {output}; ± 95 %: half-width of "
        "the interval over test records, in their clusters, and seeds; over seeds: standard deviation, of a "
        "cross-validation over its repeats; change: to the same backbone from scratch, 'better' or 'worse' "
        "where p, adjusted for all rows, is below 0.05, '=' where they are not told apart; detectable: true "
        "difference that this table would find in 80 % of repetitions",
        soft_wrap=True,
    )
    if any(cell.delta and cell.delta.verdict == "needs more seeds" for cell in cells):
        console.print("one seed shows nothing of how much luck there is in it: use --seeds 3 or more")
    if few := sorted({cell.task for cell in cells if cell.few}):
        console.print(
            f"few records: the intervals of {', '.join(few)} cannot be relied on: too few test records, or "
            "clusters of them, or scores that are too skewed",
            markup=False,
            soft_wrap=True,
        )
    if any(cell.over_fingerprint for cell in cells):
        console.print(
            "over fingerprint: to boosted trees on fingerprints; a model that is 'worse' loses to them"
        )
    for name in partial:
        console.print(f"{name} lacks records of the complete dataset: compare these scores with nothing else")
    for cell in cells:
        for warning in cell.warnings:
            console.print(f"warning: {cell.candidate} on {cell.task}: {warning}", markup=False)
