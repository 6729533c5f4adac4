"""``molbench data``: build, check, describe and publish datasets."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from molbench.cli import audit, complete
from molbench.cli.console import progress_bars, table_console
from molbench.cli.request import options_of
from molbench.executors.request import ExecutorRequest
from molbench.spec.build import BuildRequest
from molbench.spec.imports import ImportRequest
from molbench.spec.request import ask

app = typer.Typer(no_args_is_help=True)
app.command("audit")(audit.audit_dataset)

Name = Annotated[
    str,
    typer.Argument(
        autocompletion=complete.datasets, help="Dataset id, or a folder that holds a built dataset."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NumProc = Annotated[int, typer.Option("--num-proc", "-j", min=1, help="Number of processes.")]


@app.command()
@options_of(
    BuildRequest,
    entry=Annotated[str, typer.Argument(autocompletion=complete.datasets, metavar="NAME")],
    output=Annotated[Path, typer.Option("--output", "-o")],
    offline=Annotated[bool, typer.Option("--offline")],
    subsets=Annotated[list[str], typer.Option("--subset", autocompletion=complete.subsets)],
    allow_partial=Annotated[bool, typer.Option("--allow-partial")],
    num_proc=Annotated[int, typer.Option("--num-proc", "-j")],
    executor=Annotated[str, typer.Option("--executor", autocompletion=complete.executors)],
)
def build(given: dict[str, Any]) -> None:
    """Build a dataset from its raw files."""
    from molbench.data.folder.location import declared

    entry = declared(given["entry"])
    if entry.folder == Path(given["entry"]):  # a folder of the user's own, in which the raw files may lie
        given = {"raw": entry.folder} | given
    request = ask(BuildRequest, **given | {"entry": entry})
    ExecutorRequest(request.executor).check()
    from molbench.data.build.builder import run_build

    with progress_bars() as progress:
        folder = run_build(request, progress)
    _describe(folder)


@app.command("import")
@options_of(
    ImportRequest,
    path=Annotated[Path, typer.Argument(metavar="FILE")],
    name=Annotated[str, typer.Option("--name")],
    targets=Annotated[list[str], typer.Option("--target", "-t")],
    forces=Annotated[str, typer.Option("--forces")],
    smiles=Annotated[list[str], typer.Option("--smiles")],
    ordered=Annotated[bool, typer.Option("--ordered/--unordered")],
    id=Annotated[str, typer.Option("--id")],
    conformers=Annotated[bool, typer.Option("--conformers")],
    length=Annotated[str, typer.Option("--length")],
    schemes=Annotated[list[str], typer.Option("--scheme")],
    licence=Annotated[str, typer.Option("--licence")],
    max_failures=Annotated[int, typer.Option("--max-failures", min=0)],
    replace=Annotated[bool, typer.Option("--replace")],
    num_proc=Annotated[int, typer.Option("--num-proc", "-j", min=1)],
)
def import_(given: dict[str, Any]) -> None:
    """Make a file of your own a dataset: with labels to be scored on, without any to pretrain on."""
    request = ask(ImportRequest, **given)
    from molbench.data.build.importing import run_import

    with progress_bars() as progress:
        folder = run_import(request, progress)
    _describe(folder)
    from molbench.data.build.importing.remarks import remarks

    for line in remarks(folder):
        typer.echo(line)
    if request.targets:
        typer.echo(f"score a model on it: molbench evaluate CHECKPOINT --tasks '{request.dataset}/*'")


@app.command()
def verify(name: Name, as_json: Json = False) -> None:
    """Check every file, id, split and the content digest of a built dataset."""
    from molbench.data.folder.location import locate

    folder = locate(name)
    from molbench.data.folder.verify import verify_dataset

    with progress_bars() as progress:
        manifest = verify_dataset(folder, progress)
    if as_json:
        typer.echo(
            json.dumps({"folder": str(folder), "files": len(manifest.files), "digest": manifest.digest})
        )
    else:
        typer.echo(
            f"{manifest.dataset_id}: {len(manifest.files):,} files, {manifest.records:,} records: undamaged"
        )


@app.command()
def info(name: Name, as_json: Json = False) -> None:
    """Show what a built dataset holds."""
    from molbench.data.folder.location import locate

    _describe(locate(name), as_json)


@app.command()
def card(name: Name) -> None:
    """Write README.md anew after editing the text of the YAML files beside it."""
    from molbench.data.build.describe import refresh_card
    from molbench.data.folder.location import locate

    typer.echo(refresh_card(locate(name)))


@app.command()
def push(
    name: Name,
    repository: Annotated[str, typer.Argument(help="owner/name on the Hugging Face Hub.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be uploaded.")] = False,
    as_json: Json = False,
) -> None:
    """Upload a built dataset to the Hub, after verifying it."""
    from molbench.data.folder.location import locate
    from molbench.data.folder.push import push_dataset

    files = push_dataset(locate(name), repository, private=private, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps([{"path": path, "size": size} for path, size in files], indent=2))
        return
    for path, size in files if dry_run else ():
        typer.echo(f"{size:>12,}  {path}")
    done = "would upload" if dry_run else "uploaded"
    typer.echo(f"{done} {len(files):,} files, {sum(size for _, size in files):,} bytes to {repository}")


@app.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Argument(help="File to write: .extxyz, .xyz, .sdf, .db of ASE, or .csv.")],
    split: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete.splits,
            help="train, validation or test; all records by default.",
        ),
    ] = None,
    scheme: Annotated[
        str | None, typer.Option(autocompletion=complete.schemes, help="Split scheme. Default: the first.")
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option(autocompletion=complete.subsets, help="Part of the dataset, where it has parts."),
    ] = None,
) -> None:
    """Write records with their labels in a format of other programs; units are the dataset's."""
    from molbench.data.folder.location import locate

    locate(name)
    from molbench.data.read.export import export
    from molbench.data.read.views import split_rows

    store, rows = split_rows(name, split, scheme, subset)
    typer.echo(f"{output}: {export(store, rows, output):,} records")


@app.command()
def generate(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=complete.generators, help="Embedded dataset whose raw file is computed."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only this many molecules, or frames of each.")
    ] = None,
    num_proc: NumProc = 1,
) -> None:
    """Compute the raw file of an embedded dataset (needs the extra `generate`)."""
    from molbench.generate import generate

    with progress_bars() as progress:
        done = generate(
            name,
            output,
            seed=seed,
            limit=limit,
            num_proc=num_proc,
            progress=lambda count, total: progress("jobs", count, total),
        )
    typer.echo(done)


def _completeness(partial: bool, count: str) -> str:
    if not partial:
        return "" if count == "complete" else " (not all that there are, but all that these schemes use)"
    reasons = {
        "complete": "split files are missing",
        "short": "records are missing",
        "other": "other data than is declared",
        "unknown": "of how many is not known",
    }
    return f" ({reasons[count]})"


def _describe(folder: Path, as_json: bool = False) -> None:
    from molbench.data.build.describe import info

    facts = info(folder)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    from rich.table import Table

    console = table_console()
    completeness = _completeness(facts["partial"], facts["count"])
    console.print(f"{facts['dataset']} {facts['version']}: {facts['records']:,} records{completeness}")
    console.print(f"{facts['folder']}, {facts['bytes_on_disk'] / 1e6:.1f} MB, digest {facts['digest'][:16]}")
    console.print(f"columns: {', '.join(facts['columns'])}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("config", "train", "validation", "test"):
        table.add_column(column, justify="left" if column == "config" else "right")
    for config, counts in facts["configs"].items():
        table.add_row(config, *(f"{counts.get(split, 0):,}" for split in ("train", "validation", "test")))
    console.print(table)
    if facts["incomplete"]:
        lacking = (
            "all" if len(facts["incomplete"]) == len(facts["configs"]) else ", ".join(facts["incomplete"])
        )
        console.print(f"no board ranks scores on these, which lack records: {lacking}", soft_wrap=True)
    for config, reason in facts["left_out"].items():
        console.print(f"left out: {config}: {reason}", soft_wrap=True)
    if facts["failures"]:
        console.print(f"{facts['failures']:,} records failed and were left out; see failures.jsonl")
