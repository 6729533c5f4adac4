"""What an evaluation came to, as it is shown while it goes on and in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molbench.arguments import comma_separated
from molbench.cli.console import bar_of, table_console
from molbench.errors import UserError
from molbench.executors.base import InterruptedWorkError
from molbench.numbers import ARROWS

if TYPE_CHECKING:
    from rich.console import Console

    from molbench.evaluation import Report, Run, RunOutcome, Watcher
    from molbench.evaluation.summary import Delta, SummaryRow
    from molbench.training import StepReport


class Display:
    """A progress bar over runs on standard error."""

    def __init__(self, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        ]
        self._progress = bar_of(*columns, quiet=quiet)
        self._bar = self._progress.add_task("planning", total=None)
        self._total = self._stored = 0

    def watcher(self) -> Watcher:
        """What tells the bar."""
        from molbench.evaluation import Watcher

        return Watcher(planned=self._planned, step=self._step, done=self._done, notice=self.notice)

    def _planned(self, total: int, reused: int) -> None:
        if reused:
            self._progress.console.print(f"{reused} of {total} results are there already")
        self._total, self._stored = total, reused
        self._progress.update(self._bar, total=total, completed=reused, description="evaluating")

    def notice(self, text: str) -> None:
        """Print above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _step(self, run: Run, report: StepReport) -> None:
        self._progress.update(self._bar, description=f"{run.label} step {report.step}/{report.steps}")

    def _done(self, outcome: RunOutcome) -> None:
        if outcome.error:
            self.notice(f"failed: {outcome.run.label}: {outcome.error}")
        self._stored += outcome.stored is not None
        self._progress.update(self._bar, advance=1, description=outcome.run.label)

    @contextmanager
    def telling_what_is_stored(self, output: Path) -> Iterator[None]:
        """Say what there is when the work is stopped, by Ctrl-C or another signal, which goes on its way."""
        try:
            yield
        except BaseException as error:
            if self._total and (isinstance(error, InterruptedWorkError) or not isinstance(error, Exception)):
                self._progress.stop()
                stored = f"{self._stored:,} of {self._total:,} results are stored in {output}"
                again = "; the same command continues" if isinstance(error, KeyboardInterrupt) else ""
                typer.echo(stored + again, err=True)
            raise

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def finish(report: Report, output: Path, as_json: bool, tasks: Sequence[str] = ()) -> None:
    """Print a report as a table or a JSON object.

    Args:
        report: The report.
        output: Folder of the results, which is named.
        as_json: Whether to print an object.
        tasks: Patterns that the user gave; a task named in full is one that is expected to be scored.

    Raises:
        UserError: If models or tasks were refused, runs failed, none was applicable, or a task named in full
            was scored for no model.
    """
    scored = {summary.task for summary in report.rows}
    expected = {*comma_separated(tasks)}
    missing = [pair for pair in report.not_applicable if pair.task in expected - scored]
    if as_json:
        typer.echo(json.dumps(_plain(report), indent=2, ensure_ascii=False))
    else:
        told_below = missing if report.results and not report.failures and not report.refusals else []
        others = [pair for pair in report.not_applicable if pair not in told_below]
        _show(replace(report, not_applicable=others), output)
    lines = [f"refused: {refusal}" for refusal in report.refusals]
    if count := len(report.failures):
        lines.append(
            f"{count} run{'s' * (count > 1)} failed; what succeeded is stored, and the same command repeats "
            "only these:"
        )
        lines += [f"  {outcome.run.label}: {outcome.error}" for outcome in report.failures]
    if lines:
        raise UserError("\n".join(lines))
    if report.not_applicable and not report.results:
        raise UserError("nothing was scored: no task is one for any of the models")
    if missing:
        raise UserError("\n".join(f"{pair.candidate} on {pair.task}: {pair.reason}" for pair in missing))


def _plain(report: Report) -> dict[str, object]:
    return {
        "rows": [asdict(summary) for summary in report.rows],
        "reused": report.reused,
        "refused": [asdict(refusal) for refusal in report.refusals],
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
    base = {(summary.task, summary.candidate): summary for summary in report.rows}
    scratch = {stored.result.checkpoint.name for stored in report.results if stored.result.checkpoint.scratch}
    baselines = {
        stored.result.checkpoint.name: stored.result.checkpoint.baseline for stored in report.results
    }
    # Random weights stand beside the encoders that they are compared with; alone, in a row of their own.
    beside = {
        (summary.task, baselines.get(summary.candidate))
        for summary in report.rows
        if summary.candidate not in scratch
    }
    rows = []
    for summary in report.rows:
        if summary.candidate in scratch and (summary.task, summary.candidate) in beside:
            continue
        reference = base.get((summary.task, baselines.get(summary.candidate, "")))
        rows.append(_row(summary, reference if reference is not summary else None))
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


def _row(summary: SummaryRow, scratch: SummaryRow | None) -> dict[str, str]:
    from molbench.evaluation.summary import MORE_SEEDS
    from molbench.numbers import plus_minus, probabilities, share, spread

    delta, over = summary.delta, summary.over_fingerprint
    row = {
        "task": summary.task,
        "metric": f"{summary.metric} {ARROWS[summary.direction]}",
        "unit": summary.unit,
        "model": summary.candidate,
        "score ± 95 %": plus_minus(summary.mean, summary.half_width),
        "over seeds": "" if summary.spread is None else spread(summary.spread, summary.mean),
        "scratch ± 95 %": plus_minus(scratch.mean, scratch.half_width) if scratch else "",
        "change ± 95 %": _change(delta, summary.mean),
        "p (adjusted)": probabilities(delta.p, delta.p_adjusted) if delta else "",
        "": delta.verdict if delta else "",
        "detectable": "",
        "over fingerprint": f"{_change(over, summary.mean)} {over.verdict}" if over else "",
    }
    if delta and delta.detectable and delta.detectable_later and (base := abs(summary.mean - delta.value)):
        row["detectable"] = share(delta.detectable / base, delta.detectable_later / base, MORE_SEEDS)
    return row


def _change(delta: Delta | None, mean: float) -> str:
    from molbench.numbers import signed

    return "" if delta is None else signed(delta.value, mean, delta.half_width)


def _explain(report: Report, output: Path, console: Console) -> None:
    summaries = report.rows
    protocols = ", ".join(dict.fromkeys(summary.protocol for summary in summaries))
    partial = sorted({stored.result.task.dataset for stored in report.results if stored.result.task.partial})
    console.print(
        f"\nprotocol {protocols}, {len(summaries[0].seeds)} seeds, results in {output}; ± 95 %: half-width "
        "of the interval over test records, in their clusters, and seeds; over seeds: standard deviation, of "
        "a cross-validation over its repeats; change: to the same backbone from scratch, 'better' or 'worse' "
        "where p, adjusted for all rows, is below 0.05, '=' where they are not told apart; detectable: true "
        "difference that this table would find in 80 % of repetitions",
        soft_wrap=True,
    )
    if any(summary.delta and summary.delta.verdict == "needs more seeds" for summary in summaries):
        console.print("one seed shows nothing of how much luck there is in it: use --seeds 3 or more")
    if few := sorted({summary.task for summary in summaries if summary.few}):
        console.print(
            f"few records: the intervals of {', '.join(few)} cannot be relied on: too few test records, or "
            "clusters of them, or scores that are too skewed",
            markup=False,
            soft_wrap=True,
        )
    if any(summary.over_fingerprint for summary in summaries):
        console.print(
            "over fingerprint: to boosted trees on fingerprints; a model that is 'worse' loses to them"
        )
    for name in partial:
        console.print(f"{name} lacks records of the complete dataset: compare these scores with nothing else")
    for summary in summaries:
        for warning in summary.warnings:
            console.print(f"warning: {summary.candidate} on {summary.task}: {warning}", markup=False)
