"""``molbench pretrain``: train a backbone on unlabelled geometries and write a checkpoint."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from molbench.cli import complete
from molbench.cli.console import bar_of
from molbench.cli.executor import executor_options
from molbench.cli.forecast import show_pretraining_forecast
from molbench.cli.mistakes import refuse_pretraining_mistakes
from molbench.cli.request import options_of
from molbench.cli.settings import grouped_settings
from molbench.cli.sweep import show_sweep, tell_checkpoint
from molbench.executors.request import ExecutorRequest
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask
from molbench.spec.sweep import SweepRequest

if TYPE_CHECKING:
    from molbench.training.loop import StepReport


@options_of(
    PretrainRequest,
    SweepRequest,
    ExecutorRequest,
    method=Annotated[str, typer.Argument(autocompletion=complete.methods)],
    data=Annotated[str, typer.Option("--data", autocompletion=complete.datasets)],
    backbone=Annotated[str, typer.Option("--backbone", autocompletion=complete.backbones)],
    output=Annotated[Path, typer.Option("--output", "-o")],
    exclude=Annotated[list[str], typer.Option("--exclude", autocompletion=complete.tasks)],
    variant=Annotated[str, typer.Option("--variant", autocompletion=complete.variants)],
    subset=Annotated[str, typer.Option("--subset", autocompletion=complete.subsets)],
    scheme=Annotated[str, typer.Option("--scheme", autocompletion=complete.schemes)],
    logger=Annotated[list[str], typer.Option("--logger", autocompletion=complete.loggers)],
    include_test_pairs=Annotated[bool, typer.Option("--include-test-pairs")],
    overrides=Annotated[list[str], typer.Option("--set")],
    executor=Annotated[str, typer.Option("--executor", autocompletion=complete.executors)],
    workers=Annotated[int, typer.Option("--workers", "-j")],
    options=Annotated[list[str], typer.Option("--executor-set")],
    dry_run=Annotated[bool, typer.Option("--dry-run")],
)
def pretrain(given: dict[str, Any]) -> None:
    """Pretrain a backbone, or several. The same command continues what was stopped."""
    sweep, where = ask(SweepRequest, **_taken(SweepRequest, given)), _where(given)
    asked = given | {"overrides": grouped_settings(given.get("overrides", []))}
    several = sweep.several(asked)
    requests = sweep.requests(asked) if several else [ask(PretrainRequest, **asked)]
    where.check()
    for request in requests:
        refuse_pretraining_mistakes(request)

    from molbench.training.allocator import tune_allocator

    tune_allocator()
    if sweep.dry_run:
        show_pretraining_forecast(requests)
    elif several or not where.here_if_one:
        show_sweep(requests, where)
    else:
        _pretrain_here(requests[0])


def _pretrain_here(request: PretrainRequest) -> None:
    from molbench.training.interrupt import InterruptedTrainingError
    from molbench.training.pretrain import run_pretraining

    try:
        with _bar() as progress:
            checkpoint = run_pretraining(request, progress, _tell_plan)
    except InterruptedTrainingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(130) from None
    if _is_first_process():
        tell_checkpoint(request.output, checkpoint)


def _tell_plan(line: str) -> None:
    if _is_first_process():
        typer.echo(line, err=True)


def _where(given: dict[str, Any]) -> ExecutorRequest:
    taken = _taken(ExecutorRequest, given)
    return ask(ExecutorRequest, **taken | {"options": executor_options(taken.get("options", []))})


def _taken(request: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of one request, which are given no longer."""
    return {field.name: given.pop(field.name) for field in fields(request) if field.name in given}


def _is_first_process() -> bool:
    """With several devices the command line runs once in each process, and only one of them should speak."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def _bar() -> Iterator[Callable[["StepReport"], None]]:
    """A progress bar on the error stream, with loss, throughput and the time that remains."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with bar_of(*columns, quiet=not _is_first_process(), transient=True) as bar:
        task = bar.add_task("preparing data", total=None, state="")

        def report(step: "StepReport") -> None:
            rate = step.molecules / step.seconds if step.seconds else 0.0
            state = f"loss {step.loss:.4g}  {rate:,.0f} molecules/s"
            bar.update(task, description="pretraining", completed=step.step, total=step.steps, state=state)

        yield report
