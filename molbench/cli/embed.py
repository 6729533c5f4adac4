"""``molbench embed``: vectors of records as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molbench.arguments import require_file
from molbench.cli import complete


def embed(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint file, *.pt or *.safetensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table to write, *.parquet or *.npz.")],
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks", "-t", autocompletion=complete.tasks, help="Globs over task ids; may be repeated."
        ),
    ] = None,
    suite: Annotated[
        str | None, typer.Option(autocompletion=complete.suites, help="Tasks of a suite.")
    ] = None,
) -> None:
    """Write the vectors of a frozen encoder, one for each record of the datasets of some tasks.

    `molbench evaluate TABLE` scores the table as it would score the checkpoint.
    """
    require_file(checkpoint)
    from molbench.evaluation.vectors.export import write_vectors

    count, width = write_vectors(checkpoint, tasks or [], output, suite=suite)
    typer.echo(f"{output}: {count:,} vectors of {width} numbers")
