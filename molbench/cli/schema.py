"""``molbench schema``: JSON Schema of the YAML files, for editors and other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molbench.cli import complete
from molbench.errors import UserError, unknown_name


def schema(
    document: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete.documents,
            help="Kind of file: dataset, splits, tasks, protocol, method, board …; a wrong name lists all.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write all of them to, one file each.")
    ] = None,
) -> None:
    """Print the JSON Schema of one kind of YAML file, or write those of all.

    An editor finds it by a first line such as `# yaml-language-server: $schema=schemas/dataset.json`.
    """
    if (document is None) == (output is None):
        raise UserError("name one kind of file, or a folder for all of them with --output")
    from molbench.spec.schemas import DOCUMENTS, schema_text, write_schemas

    if output is not None:
        for path in write_schemas(output):
            typer.echo(str(path))
    elif document not in DOCUMENTS:
        raise unknown_name("kind of file", str(document), DOCUMENTS)
    else:
        typer.echo(schema_text(document), nl=False)
