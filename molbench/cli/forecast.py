"""What ``molbench evaluate --dry-run`` prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from molbench.cli.console import table_console
from molbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molbench.evaluation.candidates.base import Refusal
    from molbench.evaluation.forecast import Forecast


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
    from rich.table import Table

    console = table_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "model", "protocol", "runs", "there already", "estimate", "from"):
        table.add_column(
            column, justify="right" if column in {"runs", "there already", "estimate"} else "left"
        )
    for row in forecast.rows:
        table.add_row(
            row.task, row.model, row.protocol, str(row.runs), str(row.cached), _time(row.seconds), row.source
        )
    if forecast.rows:
        console.print(table)
    for pair in forecast.not_applicable:
        console.print(f"not applicable: {pair.candidate} on {pair.task}: {pair.reason}")
    if forecast.missing:
        console.print("not built here; --built leaves these out:")
        for missing in forecast.missing:
            console.print(str(missing))
    unknown = any(row.seconds is None for row in forecast.rows)
    console.print(
        f"\n{forecast.runs} runs, {forecast.cached} there already; about {_time(forecast.seconds)} for the "
        f"others one after the other{', and what has no estimate' if unknown else ''}; a worker takes about "
        f" {forecast.memory / 1024:.1f} GiB",
        soft_wrap=True,
    )
    refuse(forecast.refusals)


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
