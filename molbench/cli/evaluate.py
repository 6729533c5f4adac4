"""``molbench evaluate``: score checkpoints on tasks."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from molbench.arguments import require_no_file, seed_numbers, seeds_of, shard_of
from molbench.cli import complete
from molbench.cli.devices import require_devices, use_devices
from molbench.cli.executor import executor_options
from molbench.cli.forecast import show_forecast
from molbench.cli.foreign import processes, trusted
from molbench.cli.mistakes import (
    refuse_loggers,
    refuse_mistakes,
    refuse_other_file,
    refuse_unknown_backbones,
)
from molbench.cli.report import Display, finish
from molbench.cli.settings import grouped_settings
from molbench.errors import UserError
from molbench.executors.request import ExecutorRequest

#: Seconds of the longest wait, which is months.
_LONGEST = 1e7


def evaluate(  # noqa: PLR0917 - the command's options
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Checkpoints, *.pt or *.safetensors, or their repositories on the Hub, owner/name; "
            "tables of vectors, *.parquet or *.npz."
        ),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(
            "--tasks",
            "-t",
            autocompletion=complete.tasks,
            help="Globs over task ids, 'qm9/*,md17/aspirin'; may be repeated.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete.suites, help="Tasks of a suite; 'embedded' where no tasks are given."
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            autocompletion=complete.protocols, help="Name, see `molbench list protocols`, or a YAML file."
        ),
    ] = "probe",
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 3,
    seed_list: Annotated[
        str | None, typer.Option(help="The seeds themselves, 0,3,7; then --seeds counts for nothing.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("results"),
    scratch: Annotated[
        bool, typer.Option(help="Score the same backbones with random weights, too, and show the difference.")
    ] = True,
    fingerprint: Annotated[
        bool,
        typer.Option(help="Score boosted trees on fingerprints, too, on every task that has SMILES."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a protocol setting, steps=500, forces.lr=1e-3, or one of --backbone, "
            "backbone.width=64; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the runs and what they would take; do nothing.")
    ] = False,
    built: Annotated[
        bool, typer.Option("--built", help="Leave out tasks whose datasets are not built here.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(help="i/n: the i-th of n parts; together they are all of it.")
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=complete.backbones, help="A backbone with random weights alone; may be repeated."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="file.py:factory of a model of your own, run in a process of its own."),
    ] = None,
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="That code may do whatever you may: there is no sandbox.")
    ] = False,
    python: Annotated[
        Path | None, typer.Option(help="Interpreter for --model; its environment needs NumPy and PyArrow.")
    ] = None,
    model_seconds: Annotated[
        float, typer.Option(min=1, max=_LONGEST, help="Seconds in which a --model answers for a batch.")
    ] = 600,
    model_memory: Annotated[
        float | None, typer.Option(min=0.1, max=1e6, help="GiB of address space that a --model may take.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete.executors,
            help="inline (this process), local (others on this machine, the default), ray or slurm.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=1, help="Runs at once. Default: one a processor.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu, or numbers of accelerators, 0,1, which workers share. Default: all there are."
        ),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=1, max=_LONGEST, help="Seconds after which a run is given up.")
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, help="How often a run is tried again whose process was lost.")
    ] = 0,
    executor_set: Annotated[
        list[str] | None,
        typer.Option("--executor-set", help="An executor's option, partition=gpu; may be repeated."),
    ] = None,
    logger: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=complete.loggers,
            help="Show each run's curves in tensorboard, trackio or wandb; may be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object instead of a table.")] = False,
) -> None:
    """Score models on tasks, and compare checkpoints with the same backbones from scratch.

    Finished results are used again; an interrupted evaluation is continued by the same command.
    """
    of_backbones = [setting for setting in settings or () if setting.startswith("backbone.")]
    config = grouped_settings(of_backbones).get("backbone", {})
    of_protocol = [setting for setting in settings or () if setting not in of_backbones]
    recipe = refuse_mistakes(models or (), tasks, suite, protocol, of_protocol)
    refuse_unknown_backbones(backbone or ())
    if config and not backbone:
        raise UserError(f"--set {of_backbones[0]}: changes random weights, which are asked for by --backbone")
    where = ExecutorRequest(executor, workers, time_limit, retries, executor_options(executor_set or ()))
    where.check()
    refuse_loggers(logger or ())
    chosen_seeds = seeds_of(seed_numbers(seed_list) if seed_list else seeds)
    if shard is not None:
        shard_of(shard)
    refuse_other_file(models or ())
    require_no_file(output)
    if model:
        trusted(model, trust_code)
    if device is not None:
        use_devices(device)
    from molbench import evaluation
    from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
    from molbench.training import tune_allocator

    tune_allocator()
    if device is not None:
        require_devices(device)
    untrained = [CheckpointCandidate.untrained(name, config) for name in dict.fromkeys(backbone or ())]
    with Display(quiet=as_json) as display, ExitStack() as stack:
        foreign, refusals = processes(model or (), python, model_seconds, model_memory)
        for encoder in foreign:
            stack.callback(encoder.close)
        if refusals and not foreign and not models and not untrained and not fingerprint:
            raise UserError("\n".join(refusal.reason for refusal in refusals))
        every_model = [*(models or ()), *untrained, *foreign]
        what: dict[str, Any] = {
            "tasks": tasks,
            "suite": suite,
            "protocol": recipe,
            "seeds": chosen_seeds,
            "output": output,
            "scratch": scratch,
            "fingerprint": fingerprint,
            "shard": shard,
        }
        if dry_run:
            forecast = evaluation.dry_run(every_model, **what, notice=display.notice)
            return show_forecast(replace(forecast, refusals=[*refusals, *forecast.refusals]), as_json)
        stack.enter_context(display.telling_what_is_stored(output))
        report = evaluation.evaluate(
            every_model,
            **what,
            built=built,
            executor=where.executor,
            workers=where.workers,
            time_limit=where.time_limit,
            retries=where.retries,
            options=where.options,
            logger=logger or (),
            watcher=display.watcher(),
        )
    return finish(replace(report, refusals=[*refusals, *report.refusals]), output, as_json, tasks or ())
