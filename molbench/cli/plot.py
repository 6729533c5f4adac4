"""``molbench plot`` and ``molbench atlas``: figures of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molbench.arguments import require_results
from molbench.cli import complete
from molbench.escape import visible
from molbench.evaluation.figures import FORMATS, KINDS, figure_kinds

Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--tasks",
        "-t",
        autocompletion=complete.tasks,
        help="Globs over task ids, 'qm9/*,md17/aspirin'; may be repeated.",
    ),
]


def plot(
    results: Annotated[Path, typer.Argument(help="Folder of results.")] = Path("results"),
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the figures.")] = Path("figures"),
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind", "-k", autocompletion=complete.one_of(KINDS), help=f"{', '.join(KINDS)}; all by default."
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", "-f", autocompletion=complete.one_of(FORMATS), help=f"{', '.join(FORMATS)}."
        ),
    ] = "png",
    tasks: Tasks = None,
) -> None:
    """Draw results; the numbers behind each figure lie beside it as CSV."""
    require_results(results)
    figure_kinds(kinds or (), form)
    from molbench.evaluation.figures.plot import plot as run

    plotted = run(results, output, kinds=kinds or (), form=form, tasks=tasks)
    for path in plotted.files:
        typer.echo(str(path))
    for kind, why in plotted.skipped.items():
        typer.echo(visible(f"{kind}: not drawn: {why}"), err=True)
    for folder, why in plotted.damaged.items():
        typer.echo(visible(f"damaged: {folder}: {why}"), err=True)


def atlas(
    first: Annotated[
        str,
        typer.Argument(autocompletion=complete.models, help="Folder of results, or a model in --results."),
    ],
    other: Annotated[
        str, typer.Argument(autocompletion=complete.models, help="The one it is compared with.")
    ],
    task: Annotated[str, typer.Option("--task", "-t", help="Id of a task that both have.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The figure, .png, .svg or .pdf; the records beside it.")
    ] = Path("atlas.png"),
    results: Annotated[Path, typer.Option("--results", "-r", help="Folder of results.")] = Path("results"),
) -> None:
    """Draw groups of records on which two models differ, and the records that differ most.

    Of the groups that are named, no more than 5 % are expected to be named by chance.
    """
    from molbench.evaluation.figures.atlas import atlas as run
    from molbench.numbers import plus_minus

    groups = run(first, other, task, output, results=results)
    typer.echo(f"{output}: {len(groups)} groups of records differ; {output.with_suffix('.csv')}: all records")
    for group in groups:
        difference = f"{'+' * (group.difference > 0)}{plus_minus(group.difference, group.half_width, 3)}"
        text = f"{group.kind} {group.name}: {difference}, "
        typer.echo(visible(f"  {text}{group.n} records, q = {group.q:.2g}"))
