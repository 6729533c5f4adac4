"""``molbench score``: predictions that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molbench.cli.report import Display, finish


def score(
    predictions: Annotated[
        Path,
        typer.Argument(help="Table with columns task, id, prediction; also seed, unit, forces, force_unit."),
    ],
    name: Annotated[str, typer.Option("--name", help="What the model is called.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("results"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove earlier predictions of the same name.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of a table.")] = False,
) -> None:
    """Score predictions of a model that stays where it is: no code of it runs, and no file of it is needed.

    Labels are those of the datasets as built here. `molbench submit template TASK` writes a table to fill in.
    """
    from molbench.evaluation.handed_in.score import score_predictions

    with Display(quiet=as_json) as display:
        report = score_predictions(
            predictions, name, output=output, replace=replace, watcher=display.watcher()
        )
    finish(report, output, as_json)
