"""What ``--dry-run`` prints, of evaluations and of pretrainings."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from molbench.cli.console import table_console
from molbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from molbench.evaluation.candidates.base import Refusal
    from molbench.evaluation.forecast import Forecast
    from molbench.spec.pretrain import PretrainRequest

_NUMBERS = {"runs", "steps", "there already", "estimate"}


def show_forecast(forecast: Forecast, as_json: bool) -> None:
    """Print a forecast as a table or a JSON object.

    Raises:
        UserError: If models or tasks were refused.
    """
    if as_json:
        entries = asdict(forecast) | {"runs": forecast.runs, "cached": forecast.cached}
        typer.echo(json.dumps(entries | {"seconds": forecast.seconds}, indent=2, ensure_ascii=False))
        refuse(forecast.refusals)
        return
    console = table_console()
    _print_table(
        console,
        ("task", "model", "protocol", "runs", "there already", "estimate", "from"),
        [
            (
                row.task,
                row.model,
                row.protocol,
                str(row.runs),
                str(row.cached),
                _time(row.seconds),
                row.source,
            )
            for row in forecast.rows
        ],
    )
    for pair in forecast.not_applicable:
        console.print(f"not applicable: {pair.candidate} on {pair.task}: {pair.reason}")
    if forecast.missing:
        console.print("not built here; --built leaves these out:")
        for missing in forecast.missing:
            console.print(str(missing))
    unknown = any(row.seconds is None for row in forecast.rows)
    counts = f"{forecast.runs} runs, {forecast.cached} there already"
    if forecast.cached < forecast.runs:
        summary = _summary(counts, forecast.seconds, unknown, forecast.memory)
    else:
        summary = f"\n{counts}"
    console.print(summary, soft_wrap=True)
    refuse(forecast.refusals)


def show_pretraining_forecast(requests: Sequence[PretrainRequest]) -> None:
    """Print which pretrainings there are, how many steps of each are done, and what the others would take.

    Raises:
        UserError: If some could not be done.
    """
    from molbench.training.forecast import forecast_pretrainings

    forecast, console = forecast_pretrainings(requests), table_console()
    _print_table(
        console,
        ("checkpoint", "steps", "there already", "estimate", "from"),
        [
            (str(row.request.output), f"{row.steps:,}", f"{row.done:,}", _time(row.seconds), row.source)
            for row in forecast.rows
        ],
    )
    if forecast.rows:
        unknown = any(row.seconds is None for row in forecast.rows)
        counts = f"{len(forecast.rows)} pretrainings, {forecast.finished} there already"
        console.print(_summary(counts, forecast.seconds, unknown, forecast.memory), soft_wrap=True)
    if forecast.refusals:
        raise UserError("\n".join(f"refused: {reason}" for reason in forecast.refusals))


def _print_table(console: Console, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row)
    if rows:
        console.print(table)


def _summary(counts: str, seconds: float, unknown: bool, memory: float) -> str:
    return (
        f"\n{counts}; about {_time(seconds)} for the others one after the other"
        f"{', and what has no estimate' if unknown else ''}; a worker takes about {memory / 1024:.1f} GiB"
    )


def refuse(refusals: Sequence[Refusal]) -> None:
    """End with the models and tasks that were refused, once the others are done.

    Raises:
        UserError: If there are any.
    """
    if refusals:
        raise UserError("\n".join(f"refused: {refusal}" for refusal in refusals))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 1:
        return "< 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
