"""How several pretrainings get on, and what they came to."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from molbench.cli.console import bar_of
from molbench.errors import UserError

if TYPE_CHECKING:
    from molbench.executors.request import ExecutorRequest
    from molbench.spec.pretrain import PretrainRequest
    from molbench.training.checkpoint import Checkpoint
    from molbench.training.loop import StepReport


def show_sweep(requests: "Sequence[PretrainRequest]", where: "ExecutorRequest") -> None:
    """Pretrain each, and say what came of it.

    Raises:
        UserError: If any failed, once all others are done.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

    from molbench.training.sweep import run_sweep

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    failures = []
    # On a terminal lines are printed above the bar; in a file they are what they would be without it.
    redirected = sys.stdout.isatty()
    with bar_of(*columns, transient=True, redirect_stdout=redirected) as bar:
        line = bar.add_task("pretraining", total=len(requests))

        def report(request: "PretrainRequest", step: "StepReport") -> None:
            description = f"{request.output.stem} step {step.step}/{step.steps} loss {step.loss:.4g}"
            bar.update(line, description=description)

        for outcome in run_sweep(requests, where.make(), report):
            bar.update(line, advance=1)
            if outcome.checkpoint is None:
                failures.append(f"  {outcome.request.output}: {outcome.error}")
            elif outcome.reused:
                typer.echo(f"{outcome.request.output}: is there already")
            else:
                tell_checkpoint(outcome.request.output, outcome.checkpoint)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(requests)} pretrainings failed; the others are stored, and the same "
            "command repeats only these:\n" + "\n".join(failures)
        )


def tell_checkpoint(output: Path, checkpoint: "Checkpoint") -> None:
    """Say in a line or two what a checkpoint was trained on, and how it went."""
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
