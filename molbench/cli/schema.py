"""``molbench schema``: JSON Schema of the YAML files, for editors and other tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from molbench.errors import UserError


class DocumentName(StrEnum):
    """The kinds of YAML file there are."""

    DATASET = "dataset"
    SPLITS = "splits"
    TASKS = "tasks"
    EXCLUSIONS = "exclusions"
    SUITES = "suites"
    PROTOCOL = "protocol"
    METHOD = "method"
    TRAINING = "training"
    BOARD = "board"
    REPORTED = "reported"
    SUBMISSION = "submission"
    WITHDRAWN = "withdrawn"


def schema(
    document: Annotated[DocumentName | None, typer.Argument(help="Which kind of file.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write all of them to, one file each.")
    ] = None,
) -> None:
    """Print the JSON Schema of one kind of YAML file, or write those of all.

    An editor finds it by a first line such as `# yaml-language-server: $schema=schemas/dataset.json`.
    """
    if (document is None) == (output is None):
        raise UserError("name one kind of file, or a folder for all of them with --output")
    from molbench.spec.schemas import schema_text, write_schemas

    if output is not None:
        for path in write_schemas(output):
            typer.echo(str(path))
    elif document is not None:
        typer.echo(schema_text(document.value), nl=False)
