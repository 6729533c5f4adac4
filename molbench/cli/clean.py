"""``molbench clean``: scores of what pretraining has not seen, from stored predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molbench.arguments import require_results
from molbench.cli import complete
from molbench.cli.console import table_console
from molbench.errors import UserError
from molbench.escape import visible
from molbench.numbers import ARROWS

if TYPE_CHECKING:
    from molbench.evaluation.clean.scores import CleanScore, CleanScores


def clean(
    results: Annotated[
        Path, typer.Argument(help="Folder of results, or of submissions: one, a family of them, or all.")
    ] = Path("results"),
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks",
            "-t",
            autocompletion=complete.tasks,
            help="Globs over task ids, 'qm9/*,md17/aspirin'; may be repeated.",
        ),
    ] = None,
    tanimoto: Annotated[
        float, typer.Option(help="Largest similarity to the corpus of records that count as unlike it.")
    ] = 0.7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score stored predictions again on records that pretraining has not seen, and rank models on them.

    What was seen is told by the corpora that checkpoints declare, which must be built here. No model is run.
    """
    require_results(results)
    from molbench.evaluation.clean.scores import ALL, clean_scores
    from molbench.submission.clean import clean_submissions, submissions_below

    score = clean_submissions if submissions_below(results) else clean_scores
    scores = score(results, tanimoto=tanimoto, tasks=tasks)
    if as_json:
        content = {
            "scores": [vars(row) for row in scores.rows],
            "unjudged": [
                {"model": model, "task": task, "reason": why}
                for (model, task), why in scores.unjudged.items()
            ],
            "damaged": {str(folder): why for folder, why in scores.damaged.items()},
        }
        typer.echo(json.dumps(content, indent=1, allow_nan=False))
    else:
        _print(scores)
    if {row.records for row in scores.rows} == {ALL}:
        why = next(iter(scores.unjudged.values()))
        raise UserError(f"no score can be told apart by what pretraining has seen: {why}")


def _print(scores: CleanScores) -> None:
    from rich.table import Table

    console = table_console()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("task", "protocol", "metric", "unit", "records", "model", "score ± 95 %", "n", "rank"):
        right = column in {"score ± 95 %", "n", "rank"}
        grid.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in scores.rows:
        grid.add_row(*map(visible, _texts(row)))
    console.print(grid)
    console.print(
        "\nunseen: no molecule of the record is in the corpus, by InChIKey or bond graph; tanimoto: none is "
        "more similar to any of the corpus; common: records that are clean for every model, on which models "
        "are ranked: one more than the number of models told to be better",
        soft_wrap=True,
    )
    unjudged: dict[tuple[str, str], list[str]] = {}
    for (model, task), why in scores.unjudged.items():
        unjudged.setdefault((model, why), []).append(task)
    for (model, why), tasks in unjudged.items():
        console.print(visible(f"not judged: {model} on {', '.join(tasks)}: {why}"), soft_wrap=True)
    for folder, why in scores.damaged.items():
        console.print(visible(f"damaged: {folder}: {why}"), soft_wrap=True)


def _texts(row: CleanScore) -> tuple[str, ...]:
    from molbench.numbers import plus_minus

    return (
        row.task,
        row.protocol,
        f"{row.metric} {ARROWS[row.direction]}",
        row.unit,
        f"{row.records}, common" if row.common else row.records,
        row.model,
        "too few records" if row.score is None else plus_minus(row.score, row.half_width),
        f"{row.n}/{row.of}",
        "" if row.rank is None else str(row.rank),
    )
