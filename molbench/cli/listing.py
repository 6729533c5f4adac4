"""``molbench list``: what the catalogue holds and what the registries know."""

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molbench.arguments import require_file
from molbench.cli import complete
from molbench.cli.console import plain_table
from molbench.errors import unknown_name
from molbench.escape import visible

if TYPE_CHECKING:
    from molbench.described import Description
    from molbench.spec.catalogue import Catalogue, DatasetEntry
    from molbench.spec.training import Budget

app = typer.Typer(no_args_is_help=True)

Pattern = Annotated[str, typer.Argument(help="Glob over the names, for instance 'qm9*'.")]
Datasets = Annotated[
    str,
    typer.Argument(autocompletion=complete.datasets, help="Glob over the names, for instance 'qm9*'."),
]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON array instead of a table.")]


@app.command()
def datasets(pattern: Datasets = "*", as_json: Json = False) -> None:
    """Datasets, and whether they are built on this machine."""
    _show(
        (
            {
                "dataset": entry.id,
                "title": entry.dataset.title,
                "record": entry.dataset.record,
                "records": _records(entry),
                "licence": entry.dataset.licence,
                "built": _how_much(entry),
            }
            for entry in _datasets(pattern)
        ),
        as_json,
    )


@app.command()
def tasks(
    pattern: Annotated[
        str,
        typer.Argument(
            autocompletion=complete.tasks, help="Glob over task ids; 'qm9/*@*' shows every split scheme."
        ),
    ] = "*/*",
    suite: Annotated[
        str | None, typer.Option(autocompletion=complete.suites, help="Only tasks of this suite.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tasks with metric and unit."""
    catalogue = _catalogue()
    members = {ref.id for ref in catalogue.tasks(suite=suite)} if suite else None
    _show(
        (
            {
                "task": ref.id,
                "kind": ref.task.kind,
                "target": ref.task.target,
                "metric": ref.task.metrics[0],
                "unit": ref.task.unit,
                "scheme": ref.scheme_name,
                "built": ref.built,
            }
            for ref in catalogue.tasks([pattern])
            if members is None or ref.id in members
        ),
        as_json,
    )


@app.command()
def audits(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Audits of encoders, which are tasks 'audit/*', with tolerance and meaning."""
    refs = _catalogue().tasks("audit/*")
    matching = _matching("audit", [ref.name for ref in refs], pattern.removeprefix("audit/"))
    _show(
        (
            {
                "audit": ref.id,
                "version": ref.task.version,
                "tolerance": None if ref.task.tolerance is None else f"{ref.task.tolerance:g}",
                "records": ref.dataset.record,
                "meaning": ref.task.why,
            }
            for ref in refs
            if ref.name in matching
        ),
        as_json,
    )


@app.command()
def splits(pattern: Datasets = "*", as_json: Json = False) -> None:
    """Split schemes of each dataset."""
    _show(
        (
            {
                "dataset": entry.id,
                "scheme": name,
                "generator": scheme.generator,
                "parameters": scheme.parameters,
                "needs all records": scheme.complete,
                "description": scheme.description,
            }
            for entry in _datasets(pattern)
            for name, scheme in entry.splits.schemes.items()
        ),
        as_json,
    )


@app.command()
def suites(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Suites: named lists of tasks."""
    catalogue = _catalogue()
    _show(
        (
            {
                "suite": name,
                "tasks": len(catalogue.tasks(suite=name)),
                "description": catalogue.suites[name].description,
            }
            for name in _matching("suite", catalogue.suites, pattern)
        ),
        as_json,
    )


@app.command()
def methods(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Pretraining methods, what they read and need, and whose they are."""
    from molbench.described import described
    from molbench.methods import METHODS

    rows = []
    for name in _matching("method", METHODS, pattern):
        description = described(METHODS, name)
        rows.append(
            {
                "method": name,
                "inputs": description.attributes.get("inputs", "-"),
                "needs": ", ".join(_needs(description)) or "-",
                "paper": description.paper,
                "what it does": description.summary.partition(": ")[2] or description.summary,
            }
        )
    _show(rows, as_json)


@app.command()
def backbones(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Backbones, what they read, and whose they are."""
    from molbench.backbones import BACKBONES
    from molbench.described import described

    rows = []
    for name in _matching("backbone", BACKBONES, pattern):
        description = described(BACKBONES, name)
        inputs = description.attributes.get("inputs", "-")
        rows.append(
            {
                "backbone": name,
                "inputs": inputs,
                "paper": description.paper,
                "what it is": description.summary,
            }
        )
    _show(rows, as_json)


@app.command()
def protocols(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Scoring protocols and their budgets."""
    from molbench.evaluation.protocols import load_protocols

    known = load_protocols()
    _show(
        (
            {
                "protocol": name,
                "version": known[name].version,
                "budget": _length(known[name].training),
                "force budget": _length(known[name].forces),
                "description": known[name].description,
            }
            for name in _matching("protocol", known, pattern)
        ),
        as_json,
    )


@app.command()
def metrics(pattern: Pattern = "*", as_json: Json = False) -> None:
    """Metrics, and of what and in which direction they are better."""
    from molbench.metrics import METRICS

    rows = []
    for name in _matching("metric", METRICS, pattern):
        metric = METRICS[name]
        rows.append(
            {
                "metric": name,
                "title": metric.title,
                "of": metric.family,
                "better": metric.direction,
                "unit": "of the labels" if metric.scaled else "1",
                "version": metric.version,
            }
        )
    _show(rows, as_json)


@app.command()
def stages(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint file, *.pt or *.safetensors.")],
    as_json: Json = False,
) -> None:
    """Stages of pretraining that a checkpoint has gone through, first to last."""
    require_file(checkpoint)
    from molbench.training.checkpoint import Checkpoint

    history = Checkpoint.load(checkpoint).stages
    if as_json:
        _show(history, as_json)
        return
    names = ("method", "dataset", "scheme", "records", "steps", "seed", "contaminated")
    _show(
        (
            {"stage": number}
            | {name: stage.get(name) for name in names}
            | {"weights": str(stage.get("weights") or stage.get("init") or "-")[:12]}
            for number, stage in enumerate(history, 1)
        ),
        as_json,
    )


def _length(budget: "Budget | None") -> str:
    if budget is None:
        return ""
    return f"{budget.steps} steps" if budget.epochs is None else f"{budget.epochs} epochs"


def _catalogue() -> "Catalogue":
    from molbench.spec.catalogue import Catalogue

    return Catalogue.load()


def _datasets(pattern: str) -> "Iterable[DatasetEntry]":
    catalogue = _catalogue()
    _matching("dataset", catalogue.entries, pattern)
    return catalogue.usable(pattern)


def _matching(kind: str, names: Iterable[str], pattern: str) -> list[str]:
    """Names that match a glob.

    Raises:
        UserError: If none does.
    """
    known = list(names)
    matching = [name for name in known if fnmatchcase(name, pattern)]
    if known and not matching:
        raise unknown_name(kind, pattern, known)
    return matching


def _how_much(entry: "DatasetEntry") -> bool | str:
    """Whether a dataset is built, or how many of its subsets are."""
    subsets, built = entry.dataset.subsets, entry.built_schemes
    if not subsets or not entry.built or {*subsets} <= {*built}:
        return entry.built
    return f"{len({*subsets} & {*built})} of {len(subsets)} subsets"


def _needs(description: "Description") -> list[str]:
    """What a method asks of encoder and data beyond structures."""
    attributes = description.attributes
    smallest = attributes.get("smallest_batch", 1)
    return [
        *(["vectors of atoms"] if attributes.get("needs_vectors") else []),
        *(["labels or spectra"] if "columns" in description.defined else []),
        *([f"batches of {smallest} or more"] if smallest > 1 else []),
    ]


def _records(entry: "DatasetEntry") -> int | None:
    """How many records a dataset has by its declaration, else by what is built of it."""
    from molbench.spec.built import built_records

    subsets = [subset.records for subset in entry.dataset.subsets.values()]
    parts = subsets or [entry.dataset.records]
    declared = [records for records in parts if records is not None]
    return sum(declared) if len(declared) == len(parts) else built_records(entry.folder)


def _show(rows: Iterable[dict[str, Any]], as_json: bool) -> None:
    listed = list(rows)
    if as_json:
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    if not listed:
        typer.echo("nothing to list", err=True)
        return
    numbers = {"records", "tasks"}
    for line in plain_table([*listed[0]], [[*map(_cell, row.values())] for row in listed], numbers):
        typer.echo(line)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return "-" if value is None else visible(str(value))
