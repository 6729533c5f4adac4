"""``molbench board``: turn results into ranked tables, and show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molbench.cli.console import table_console
from molbench.escape import visible

if TYPE_CHECKING:
    from molbench.leaderboard import Table

app = typer.Typer(no_args_is_help=True)

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the generated tables.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Boards; all that have results by default.")
    ] = None,
    results: Annotated[Path, typer.Option("--results", "-r", help="Folder of results.")] = Path("results"),
    output: Output = Path("leaderboards"),
    as_json: Json = False,
) -> None:
    """Write each board as Markdown and CSV, and records.json, from stored predictions alone."""
    from molbench.leaderboard import build_boards
    from molbench.leaderboard.render import to_json

    built = build_boards(results, output, names or ())
    for table in built.records.boards:
        if as_json:
            typer.echo(to_json(table), nl=False)
        else:
            typer.echo(f"{output / table.name}.md, .csv: {len(table.rows)} models, {len(table.tasks)} tasks")
    for name in built.empty:
        typer.echo(f"{name}: no results, not written", err=True)
    for rejection in built.rejections:
        typer.echo(visible(f"set aside: {rejection.folder}: {rejection.reason}"), err=True)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of a board.")],
    output: Output = Path("leaderboards"),
    as_json: Json = False,
) -> None:
    """Print a board that was built before."""
    from molbench.leaderboard import load_table
    from molbench.leaderboard.render import to_json

    table = load_table(name, output)
    if as_json:
        typer.echo(to_json(table), nl=False)
    else:
        _print(table)


def _print(table: Table) -> None:
    from rich.table import Table as Grid

    from molbench.leaderboard.render import estimate, gain, pretraining

    console = table_console()
    console.print(f"{table.title} (protocol {table.protocol['name']})")
    if table.missing:
        console.print(f"{len(table.missing)} tasks have no results yet, so nothing is ranked")
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for column in ("rank", "95 %", "model", "pretraining", "relative error", "gain over scratch", "tasks"):
        grid.add_column(column, justify="right" if column in {"rank", "tasks"} else "left")
    for row in table.rows:
        grid.add_row(
            "-" if row.rank is None else str(row.rank),
            "" if row.rank is None else f"{row.rank}-{row.rank_high}",
            row.model,
            pretraining(row),
            estimate(row.relative_error) if row.relative_error else "",
            gain(row.gain) if row.gain else "",
            f"{row.tasks}/{len(table.tasks) + len(table.missing)}",
        )
    console.print(grid)
