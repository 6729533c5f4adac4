"""``molbench study``: experiments around the benchmark."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from molbench.cli import complete

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Checkpoints = Annotated[list[Path], typer.Argument(help="Checkpoint files, *.pt or *.safetensors.")]
Tasks = Annotated[
    list[str],
    typer.Option(
        "--tasks", "-t", autocompletion=complete.tasks, help="Globs over task ids; may be repeated."
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the study.")]
Seeds = Annotated[int, typer.Option(min=1, help="Repetitions of every measurement.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a protocol setting: steps=500, or training.steps=500 but for forces; may be repeated.",
    ),
]


@app.command("learning-curve")
def learning_curve(  # noqa: PLR0917 - the command's options
    checkpoints: Checkpoints,
    tasks: Tasks,
    output: Output,
    protocol: Annotated[
        str, typer.Option(autocompletion=complete.protocols, help="probe, finetune, or a YAML file.")
    ] = "probe",
    seeds: Seeds = 3,
    sizes: Annotated[
        str | None, typer.Option(help="Training records, '50,200,1000'; by default 50, 100, 200 … all.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Scores against the number of training records, pretrained and from scratch."""
    from molbench.evaluation.protocols import load_protocol
    from molbench.studies.learning_curve import learning_curve as run

    with _progress() as progress:
        files = run(
            checkpoints,
            tasks,
            protocol=load_protocol(protocol, settings or ()),
            seeds=seeds,
            output=output,
            command=_command(),
            sizes=_numbers(sizes),
            progress=progress,
        )
    _tell(files)


@app.command()
def corruption(  # noqa: PLR0917 - the command's options
    tasks: Tasks,
    output: Output,
    names: Annotated[list[str], typer.Option("--backbone", "-b", help="May be repeated.")],
    protocol: Annotated[
        str, typer.Option(autocompletion=complete.protocols, help="finetune, or a YAML file.")
    ] = "finetune",
    seeds: Seeds = 3,
    settings: Settings = None,
) -> None:
    """Training from scratch with atom types or coordinates destroyed."""
    from molbench.evaluation.protocols import load_protocol
    from molbench.studies.corruption import corruption as run

    with _progress() as progress:
        files = run(
            names,
            tasks,
            protocol=load_protocol(protocol, settings or ()),
            seeds=seeds,
            output=output,
            command=_command(),
            progress=progress,
        )
    _tell(files)


@app.command()
def backbones(  # noqa: PLR0917 - the command's options
    checkpoints: Checkpoints,
    tasks: Tasks,
    output: Output,
    protocol: Annotated[
        str, typer.Option(autocompletion=complete.protocols, help="probe, finetune, or a YAML file.")
    ] = "probe",
    seeds: Seeds = 3,
    settings: Settings = None,
) -> None:
    """What pretraining gives on several backbones, each beside itself from scratch."""
    from molbench.evaluation.protocols import load_protocol
    from molbench.studies.backbones import backbones as run

    with _progress() as progress:
        files = run(
            checkpoints,
            tasks,
            protocol=load_protocol(protocol, settings or ()),
            seeds=seeds,
            output=output,
            command=_command(),
            progress=progress,
        )
    _tell(files)


@app.command()
def landscape(  # noqa: PLR0917 - the command's options
    checkpoints: Checkpoints,
    task: Annotated[str, typer.Option("--task", "-t", help="One task on forces.")],
    output: Output,
    extent: Annotated[float, typer.Option(min=0.01, help="Half the width of the plane, Å.")] = 1.0,
    points: Annotated[int, typer.Option(min=3, help="Points along each side, odd.")] = 21,
    seed: Annotated[int, typer.Option(min=0, help="Draws the plane.")] = 0,
    settings: Settings = None,
) -> None:
    """The energy that frozen encoders see around a conformation."""
    from molbench.evaluation.protocols import load_protocol
    from molbench.studies.landscape import landscape as run

    with _progress() as progress:
        files = run(
            checkpoints,
            task,
            protocol=load_protocol("probe", settings or ()),
            output=output,
            command=_command(),
            extent=extent,
            points=points,
            seed=seed,
            progress=progress,
        )
    _tell(files)


def _command() -> str:
    return shlex.join(["molbench", *sys.argv[1:]])


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(f"'{text}' is no list of positive whole numbers such as 50,200,1000")
    return numbers


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        line = bar.add_task("planning", total=None)
        yield lambda what, done, total: bar.update(line, description=what, completed=done, total=total)


def _tell(files: list[Path]) -> None:
    typer.echo("\n".join(map(str, files)))
