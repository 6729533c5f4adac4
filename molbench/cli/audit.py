"""``molbench data audit`` and ``molbench audit``: do splits separate, and what has pretraining seen?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molbench.arguments import require_file
from molbench.cli import complete
from molbench.cli.console import progress_bars, table_console
from molbench.escape import visible

if TYPE_CHECKING:
    from molbench.data.audit.result import Audit
    from molbench.data.leakage.matrix import Matrix

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def audit_dataset(
    name: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete.datasets, help="Dataset id, or a folder that holds a built dataset."
        ),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every dataset that is built here.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for one JSON file a dataset.")] = None,
    docs: Annotated[
        Path | None, typer.Option(help="Markdown page to write, its figures in figures/ beside it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples that similarities are taken from.")] = 0,
    as_json: Json = False,
) -> None:
    """Prove that the splits of a dataset are disjoint, and describe them.

    Ends with exit code 1 where a split is empty, or splits share records and the scheme declares no leak.
    """
    from molbench.errors import UserError

    if everything == (name is not None):
        raise UserError("name one dataset, or ask for --all")
    from molbench.data.folder.location import locate

    folders = _built() if everything else [locate(str(name))]
    from molbench.data.audit.check import audit_folder
    from molbench.data.audit.report import write_report

    audits = {}
    for folder in folders:
        with progress_bars() as progress:
            audits[folder] = audit_folder(folder, seed=seed, progress=progress)
        if not as_json:
            _show(audits[folder])
    if as_json:
        dumped = [report.model_dump() for report in audits.values()]
        typer.echo(json.dumps(dumped if everything else dumped[0], indent=2, ensure_ascii=False))
    if out is not None:
        from molbench.atomic import replace_file

        for report in audits.values():
            with replace_file(out / f"{report.dataset}.json") as temporary:
                temporary.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if docs is not None:
        write_report(audits, docs)
    problems = [f"{report.dataset}: {problem}" for report in audits.values() for problem in report.problems]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)


@app.command()
def overlap(
    *,
    pretrain: Annotated[
        str,
        typer.Option(autocompletion=complete.datasets, help="Pretraining corpus: dataset id or folder."),
    ],
    tasks: Annotated[
        list[str],
        typer.Option(autocompletion=complete.tasks, help="Task patterns, e.g. 'qm9/*'; may be repeated."),
    ],
    subset: Annotated[
        str | None,
        typer.Option(autocompletion=complete.subsets, help="Part of the corpus, where it has parts."),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete.schemes,
            help="Split scheme whose training split is the corpus. Default: the first.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for overlap.csv, overlap.json and overlap.png.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the test molecules of tasks that a pretraining corpus holds too."""
    from molbench.data.folder.location import locate
    from molbench.data.leakage import overlap_matrix
    from molbench.spec.catalogue import Catalogue

    with progress_bars() as progress:
        matrix = overlap_matrix(
            locate(pretrain),
            Catalogue.load().tasks(tasks),
            subset=subset,
            scheme=scheme,
            progress=progress,
        )
    if out is not None:
        from molbench.data.leakage.render import write_matrix

        write_matrix(matrix, out)
    if as_json:
        typer.echo(json.dumps(matrix.model_dump(), indent=2, ensure_ascii=False))
    else:
        _show_matrix(matrix)


@app.command()
def model(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoint files, *.pt or *.safetensors.")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=complete.audits, help="Names of audits, 'rotation,forces'; all by default."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("results"),
    as_json: Json = False,
) -> None:
    """Audit encoders: symmetries, precision, forces, smoothness, drift and sensitivities.

    Audits are tasks 'audit/*': their results are compared, plotted and ranked like others.
    `molbench list audits` tells what each means.
    """
    for checkpoint in checkpoints:
        require_file(checkpoint)
    from dataclasses import asdict

    from molbench.evaluation.audits import audits_named

    audits_named(only or ())

    from molbench.evaluation.audits.run import audit_model

    verdicts = audit_model(checkpoints, only=only or (), output=output)
    if as_json:
        typer.echo(json.dumps([asdict(verdict) for verdict in verdicts], indent=2, ensure_ascii=False))
        return
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("audit", "model", "version", "worst", "mean", "tolerance", "", "meaning"):
        grid.add_column(column, justify="right" if column in {"worst", "mean", "tolerance"} else "left")
    others: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        if verdict.why is not None:
            others.setdefault((verdict.model, verdict.why), []).append(verdict.id)
            continue
        outcome = "" if verdict.passed is None else "kept" if verdict.passed else "BROKEN"
        numbers = (_number(verdict.worst), _number(verdict.mean), _number(verdict.tolerance, ""))
        grid.add_row(verdict.id, verdict.model, str(verdict.version), *numbers, outcome, verdict.meaning)
    console = table_console()
    if grid.row_count:
        console.print(grid)
    for (name, why), ids in others.items():
        console.print(f"{', '.join(ids)} say nothing of {name}: {visible(why)}", soft_wrap=True)


def _number(value: float | None, without: str = "-") -> str:
    return without if value is None else f"{value:.2g}"


def _built() -> list[Path]:
    from molbench.spec.catalogue import Catalogue

    return [entry.folder for entry in Catalogue.load().usable() if entry.built]


def _show(audit: Audit) -> None:
    from rich.table import Table

    from molbench.data.audit.tables import label_rows, scheme_rows

    console = table_console()
    console.print(f"{audit.dataset} {audit.version}, digest {audit.digest[:16]}")
    for header, rows in (scheme_rows(audit), label_rows(audit)):
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in header:
            table.add_column(column)
        for row in rows:
            table.add_row(*row)
        if rows:
            console.print(table)


def _show_matrix(matrix: Matrix) -> None:
    from rich.table import Table

    from molbench.data.leakage.render import rows

    console = table_console()
    console.print(
        f"corpus {matrix.corpus.dataset}@{matrix.corpus.scheme}: {matrix.corpus.records:,} training records"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    header, *body = rows(matrix)
    for column in header:
        table.add_column(column, justify="left" if column in {"task", "compared by"} else "right")
    for row in body:
        table.add_row(*row)
    console.print(table)
