"""``molbench pretrain``: train a backbone on unlabelled geometries and write a checkpoint."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molbench.cli import complete
from molbench.cli.mistakes import refuse_pretraining_mistakes
from molbench.cli.request import options_of
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask

if TYPE_CHECKING:
    from molbench.training.checkpoint import Checkpoint
    from molbench.training.loop import StepReport


@options_of(
    PretrainRequest,
    method=Annotated[str, typer.Argument(autocompletion=complete.methods)],
    data=Annotated[str, typer.Option("--data", autocompletion=complete.datasets)],
    backbone=Annotated[str, typer.Option("--backbone", autocompletion=complete.backbones)],
    output=Annotated[Path, typer.Option("--output", "-o")],
    exclude=Annotated[list[str], typer.Option("--exclude", autocompletion=complete.tasks)],
    logger=list[str],
    include_test_pairs=Annotated[bool, typer.Option("--include-test-pairs")],
    overrides=Annotated[list[str], typer.Option("--set")],
)
def pretrain(given: dict[str, Any]) -> None:
    """Pretrain a backbone. The same command continues a run that was stopped."""
    request = ask(PretrainRequest, **given | {"overrides": _overrides(given.get("overrides", []))})
    refuse_pretraining_mistakes(request)

    from molbench.training.allocator import tune_allocator

    tune_allocator()

    from molbench.training.interrupt import InterruptedTrainingError
    from molbench.training.pretrain import run_pretraining

    try:
        with _bar() as progress:
            checkpoint = run_pretraining(request, progress)
    except InterruptedTrainingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(130) from None
    if _is_first_process():
        _tell(request.output, checkpoint)


def _tell(output: Path, checkpoint: "Checkpoint") -> None:
    done = checkpoint.pretraining
    left_out = f" ({done['excluded']['records']:,} left out)" if done["excluded"]["tasks"] else ""
    records = "pairs" if "contaminated" in done else "molecules"
    loss = "not finite" if done["final_loss"] is None else f"{done['final_loss']:.4g}"
    typer.echo(
        f"{output}: {checkpoint.method} on {checkpoint.backbone}, {done['records']:,} {records} of "
        f"{done['dataset']}@{done['scheme']}{left_out}, {done['steps']:,} steps, loss {loss}, "
        f"{done['molecules_per_second']:,.0f} {records}/s, {done['seconds']:.0f} s"
    )
    if done["skipped_steps"]:
        typer.echo(f"{done['skipped_steps']:,} steps were skipped: their gradients were not finite")
    for number, stage in enumerate(done["stages"], 1):
        typer.echo(f"stage {number} was {stage.get('method')} on {stage.get('dataset') or 'unknown data'}")
    if done.get("contaminated"):
        seen = sum(count > 0 for count in done["test_pairs"].values())
        typer.echo(f"contaminated: holds test pairs of {seen} of {len(done['test_pairs'])} test splits")
    typer.echo(f"weights {checkpoint.digest}")


def _is_first_process() -> bool:
    """With several devices the command line runs once in each process, and only one of them should speak."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def _overrides(settings: list[str]) -> dict[str, dict[str, Any]]:
    """``group.key=value`` to nested mappings, values read as YAML."""
    import yaml

    from molbench.errors import UserError

    groups: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        group, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise UserError(f"--set {setting}: not of the form group.key=value, such as training.lr=1e-3")
        try:
            groups.setdefault(group, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {setting}: {error}") from None
    return groups


@contextmanager
def _bar() -> Iterator[Callable[["StepReport"], None]]:
    """A progress bar on the error stream, with loss, throughput and the time that remains."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not _is_first_process()) as bar:
        task = bar.add_task("preparing data", total=None, state="")

        def report(step: "StepReport") -> None:
            rate = step.molecules / step.seconds if step.seconds else 0.0
            state = f"loss {step.loss:.4g}  {rate:,.0f} molecules/s"
            bar.update(task, description="pretraining", completed=step.step, total=step.steps, state=state)

        yield report
