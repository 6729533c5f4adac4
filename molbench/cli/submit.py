"""``molbench submit``: pack results, check submissions, and take them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from molbench.arguments import require_folder
from molbench.cli import complete
from molbench.cli.request import options_of
from molbench.errors import UserError
from molbench.spec.request import ask
from molbench.submission.request import PackRequest

app = typer.Typer(no_args_is_help=True)

Folders = Annotated[
    list[Path] | None, typer.Argument(help="Folders of submissions; all below submissions/ by default.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Fetch no files that lie elsewhere.")]


@app.command()
@options_of(
    PackRequest,
    results=Annotated[Path, typer.Argument()],
    licence=Annotated[str, typer.Option("--license", "--licence")],
    authors=Annotated[list[str], typer.Option("--author")],
    links=Annotated[list[str], typer.Option("--link")],
    output=Annotated[Path, typer.Option("--output", "-o")],
)
def pack(given: dict[str, Any]) -> None:
    """Pack the results of one model as a submission."""
    from molbench.submission.folder import SubmissionFolder
    from molbench.submission.pack import pack
    from molbench.submission.verify import lacking, own_datasets

    folder = pack(ask(PackRequest, **given))
    packed = SubmissionFolder.read(folder)
    tasks = len({entry.task for entry in packed.card.predictions})
    typer.echo(f"{folder}: {tasks} tasks; check it with `molbench submit verify {folder}`")
    for fault in packed.unlisted():
        typer.echo(f"kept, but no submission that verifies: {fault.problem}", err=True)
    if missing := lacking(packed.card):
        typer.echo(f"without {' and '.join(missing)} its tier stays 'reported'", err=True)
    if datasets := own_datasets(packed.card):
        typer.echo(
            f"only who has your {', '.join(datasets)} can check its tasks, and no board ranks them", err=True
        )


@app.command()
def add(
    results: Annotated[
        Path, typer.Argument(help="Results of the same model, as `molbench evaluate` wrote them.")
    ],
    folder: Annotated[Path, typer.Argument(help="Folder of the submission.")],
    url_prefix: Annotated[
        str | None,
        typer.Option(
            help="Where files above 1 MiB will lie; they are then left beside the folder to be uploaded."
        ),
    ] = None,
) -> None:
    """Add further tasks to a submission; what it has stays."""
    from molbench.submission.add import add

    rows = add(results, folder, url_prefix)
    listed = ", ".join(f"{task} ({protocol})" for task, protocol in rows)
    typer.echo(f"{folder}: {listed} added; check it with `molbench submit verify {folder}`")


@app.command()
def template(
    tasks: Annotated[list[str], typer.Argument(autocompletion=complete.tasks, help="Task ids or globs.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Table to write, *.csv or *.parquet.")
    ] = Path("predictions.csv"),
    seeds: Annotated[
        int, typer.Option(min=1, help="Seeds of each task; of a cross-validation its folds.")
    ] = 1,
) -> None:
    """Write a table with one row for each test record, whose predictions are to be filled in."""
    from molbench.evaluation.handed_in.template import write_template

    count = write_template(tasks, output, seeds)
    typer.echo(f"{output}: {count:,} rows; fill in, then `molbench score {output} --name NAME`")


@app.command()
def validate(folders: Folders = None) -> None:
    """Hold cards against their files and the catalogue; every fault with file and line."""
    from molbench.spec.catalogue import Catalogue
    from molbench.submission.validate import validate

    catalogue, faults = Catalogue.load(), []
    for path in _paths(folders):
        try:
            problems = [str(fault) for fault in validate(path, catalogue)]
        except UserError as error:
            problems = str(error).splitlines()
        faults += problems
        if not problems:
            typer.echo(f"{path}: sound")
            _tell_withdrawals(path)
    _refuse(faults)


@app.command()
def verify(
    folders: Folders = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Evaluate the checkpoint again, in a process of its own.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing, but compare with the receipts that are there, as far as datasets are built.",
        ),
    ] = False,
    offline: Offline = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print receipts as JSON.")] = False,
) -> None:
    """Score stored predictions against the catalogue's own labels, and write a receipt of it.

    Nothing of a submission is executed.
    """
    for folder in folders or ():
        require_folder(folder, "molbench submit pack")
    from molbench.submission.folder import RECEIPT
    from molbench.submission.verify import check_receipt, trust_all, verify

    trust, faults = trust_all(), []
    for path in _paths(folders):
        try:
            done = verify(path, trust, rerun=rerun, offline=offline, built=check)
            problem = check_receipt(path, done) if check else None
        except UserError as error:
            faults += str(error).splitlines()
            continue
        faults += [*map(str, done.faults), *([problem] if problem else [])]
        if done.receipt is None or problem:
            continue
        if not check:
            done.receipt.write(path / RECEIPT)
        if as_json:
            typer.echo(json.dumps(done.receipt.model_dump(), ensure_ascii=False))
            continue
        seal = "" if done.unchecked else f", seal {done.receipt.seal[:12]}"
        typer.echo(f"{path}: {done.receipt.tier}, {len(done.receipt.task_scores)} scores{seal}")
        if done.missing:
            typer.echo(f"  lacks {' and '.join(done.missing)} for a higher tier")
        _tell_withdrawals(path)
        if done.unchecked:
            datasets = sorted({task.partition("/")[0] for task in done.unchecked})
            commands = ", ".join(f"`molbench data build {name}`" for name in datasets)
            typer.echo(
                f"  not checked, their datasets are not built here ({commands}): {', '.join(done.unchecked)}"
            )
    _refuse(faults)


def _tell_withdrawals(path: Path) -> None:
    """What is sound and yet on no board says so."""
    from molbench.submission.folder import WITHDRAWN, withdrawals

    path = path.resolve()
    for item in withdrawals(path.parent.parent):
        if item.submission == f"{path.parent.name}/{path.name}":
            of_tasks = f" from {', '.join(item.tasks)}" if item.tasks else ""
            typer.echo(f"  withdrawn{of_tasks} on {item.date}: {item.reason}; {WITHDRAWN} says so", err=True)


@app.command()
def withdraw(
    folder: Annotated[Path, typer.Argument(help="Folder of the submission.")],
    reason: Annotated[str, typer.Option(help="Why, in one line; it stands in the place of the scores.")],
    tasks: Annotated[
        list[str] | None, typer.Option("--task", autocompletion=complete.tasks, help="Only from this task.")
    ] = None,
) -> None:
    """Take a submission off the boards; its row stays and says why."""
    from molbench.submission.withdraw import withdraw

    typer.echo(f"noted in {withdraw(folder, reason, tasks or ())}")


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="Folder of a verified submission.")],
    repository: Annotated[str, typer.Argument(help="owner/name on the Hugging Face Hub.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the files.")] = False,
) -> None:
    """Upload a submission with a model card and its scores as evaluation results."""
    from molbench.submission.push import push_submission

    for name in push_submission(folder, repository, private=private, dry_run=dry_run):
        typer.echo(name)


def _paths(folders: list[Path] | None) -> list[Path]:
    from molbench.submission.folder import misnamed_in, submissions_in

    root = Path("submissions")
    # What no board takes is refused, not left out.
    return folders or [*submissions_in(root), *misnamed_in(root)]


def _refuse(faults: list[str]) -> None:
    """End with all faults, one a line."""
    if faults:
        raise UserError("\n".join(faults))
