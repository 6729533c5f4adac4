"""``molbench join``: shards of one evaluation as one folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def join(
    folders: Annotated[list[Path], typer.Argument(help="Folders that `molbench evaluate --shard` wrote.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where all results are copied to.")
    ] = None,
) -> None:
    """Check that every shard of an evaluation is there once, with all results, and put them together."""
    from molbench.evaluation.shards import join as run

    joined = run(folders, output)
    into = "complete" if output is None else f"joined in {output}"
    typer.echo(f"{joined.results} results of {joined.shards} shards: {into}")
