"""``molbench compare``: one model against others from their stored predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molbench.cli import complete
from molbench.cli.console import table_console
from molbench.errors import UserError, unknown_name
from molbench.escape import visible

if TYPE_CHECKING:
    from molbench.evaluation.comparison.compare import Comparison


FORMATS = ("table", "md", "latex", "csv", "json")


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            autocompletion=complete.models,
            help="Folders of results, or names of models in --results; "
            "the first is compared with each of the others.",
        ),
    ],
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks", "-t", autocompletion=complete.tasks,
            help="Globs over task ids, 'qm9/*,md17/aspirin'; may be repeated.",
        ),
    ] = None,
    results: Annotated[Path, typer.Option("--results", "-r", help="Folder of results.")] = Path("results"),
    form: Annotated[
        str,
        typer.Option("--format", "-f", autocompletion=complete.one_of(FORMATS), help=", ".join(FORMATS)),
    ] = FORMATS[0],
    plot: Annotated[
        Path | None, typer.Option(help="Draw it too: a .png, .svg or .pdf; the numbers beside it as .csv.")
    ] = None,
) -> None:  # fmt: skip
    """Compare the first model with each of the others, task by task, without running any.

    Differences are of the same test records, with 95 % intervals over records and seeds.
    """
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    if not results.is_dir() and (lost := next((name for name in models if not Path(name).exists()), None)):
        raise UserError(f"'{lost}' is no folder, and {results}, where a model of that name could be, is none")
    from molbench.evaluation.comparison.compare import compare as run
    from molbench.evaluation.comparison.tables import WRITERS
    from molbench.evaluation.figures.canvas import require_figure

    if plot is not None:
        require_figure(plot)
    comparison = run(*models, results=results, tasks=tasks)
    if form not in WRITERS:
        _print(comparison)
    else:
        typer.echo(WRITERS[form](comparison), nl=False)
    if plot is not None:
        for path in comparison.plot(plot):
            typer.echo(str(path), err=True)


def _print(comparison: Comparison) -> None:
    from rich.table import Table

    from molbench.evaluation.comparison.tables import NOTE, TEXTS, cells, header, sentences

    console = table_console()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in header(comparison):
        grid.add_column(column, justify="left" if column in TEXTS else "right", overflow="fold")
    for row in comparison.rows:
        grid.add_row(*map(visible, cells(comparison, row)))
    console.print(grid)
    for line in ("", NOTE, *sentences(comparison)):
        console.print(visible(line), soft_wrap=True)
