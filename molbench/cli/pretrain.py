"""``molbench pretrain``: train a backbone on unlabelled geometries and write a checkpoint."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from molbench.training.loop import StepReport


def pretrain(
    method: Annotated[str, typer.Argument(help="Pretraining method; see `molbench list methods`.")],
    *,
    data: Annotated[str, typer.Option(help="Id or folder of a built dataset.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint: *.pt or *.safetensors.")],
    backbone: Annotated[str | None, typer.Option(help="Backbone; see `molbench list backbones`.")] = None,
    init: Annotated[Path | None, typer.Option(help="Checkpoint to start from.")] = None,
    variant: Annotated[
        str, typer.Option(help="'intended': what the paper says; 'faithful': what its code does.")
    ] = "intended",
    subset: Annotated[str | None, typer.Option(help="Part of the dataset, where it has parts.")] = None,
    scheme: Annotated[
        str | None, typer.Option(help="Split scheme; only its training split is used. Default: the first.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Leave out test molecules or pairs of these tasks, e.g. 'qm9/*'; may be repeated."),
    ] = None,
    include_test_pairs: Annotated[
        bool,
        typer.Option(
            "--include-test-pairs",
            help="Leave in pairs that tasks test on; marks the checkpoint as contaminated.",
        ),
    ] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data. Default: the paper's.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of weights, shuffling and noise.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, e.g. training.lr=1e-3, method.beta=2, backbone.width=64."),
    ] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Processes of data-parallel training.")] = 1,
) -> None:
    """Pretrain a backbone. The same command continues a run that was stopped."""
    from molbench.errors import UserError

    if steps and epochs:
        raise UserError("--steps and --epochs exclude each other")
    if accelerator not in {"auto", "cpu", "cuda"}:
        raise UserError(f"--accelerator {accelerator}: one of auto, cpu, cuda")
    overrides = _overrides(set_ or [])

    from molbench.training.allocator import tune_allocator

    tune_allocator()

    from molbench.training.interrupt import InterruptedTrainingError
    from molbench.training.pretrain import pretrain

    try:
        with _bar() as progress:
            checkpoint = pretrain(
                method,
                data=data,
                output=output,
                backbone=backbone,
                init=init,
                variant=variant,
                subset=subset,
                scheme=scheme,
                exclude=exclude or (),
                include_test_pairs=include_test_pairs,
                steps=steps,
                epochs=epochs,
                seed=seed,
                overrides=overrides,
                accelerator=accelerator,  # type: ignore[arg-type]
                devices=devices,
                progress=progress,
            )
    except InterruptedTrainingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(130) from None
    if not _is_first_process():
        return
    done = checkpoint.pretraining
    left_out = f" ({done['excluded']['records']:,} left out)" if done["excluded"]["tasks"] else ""
    records = "pairs" if "contaminated" in done else "molecules"
    typer.echo(
        f"{output}: {method} on {checkpoint.backbone}, {done['records']:,} {records} of {done['dataset']}@"
        f"{done['scheme']}{left_out}, {done['steps']:,} steps, loss {done['final_loss']:.4g}, "
        f"{done['molecules_per_second']:,.0f} {records}/s, {done['seconds']:.0f} s"
    )
    for number, stage in enumerate(done.get("stages", ()), 1):
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
