"""What an evaluation takes beside training and predicting, as a share of these, in processor time.

    python -m benchmarks.overhead --seeds 3

One process with one thread scores a small PaiNN, for which training is short and the share large. Planning,
opening data, trying laws, scoring, writing results and the table in the end are all beside it. The first run
imports modules and reads data for the first time; it is told apart, and so is the start of the process, which
has the import of pandas in it: Arrow makes no array without, in any process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from benchmarks.record import Measured, options_of, report
from molbench.backbones import build_backbone
from molbench.evaluation import Watcher, evaluate, protocol_predictions
from molbench.training.checkpoint import Checkpoint

#: What of a run is its work: training with validations, and predicting the test split.
WORK = ("train", "timed_predict")
#: One of each kind that a single encoder can do: values, forces with energies, spectra.
TASKS = ("xtb-molecules/gap", "xtb-dynamics/ethanol", "xtb-spectra/ir")


@dataclass
class RunTime:
    """Seconds of the processor: of a whole run, from the end of the one before, and of its work."""

    whole: float = 0.0
    work: float = 0.0


def main() -> None:
    """A row a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protocol", default="finetune-lite")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--set", dest="settings", nargs="+", default=[], help="Settings of the protocol.")
    few = {"seeds": 2, "tasks": ["xtb-molecules/gap"], "settings": ["steps=2"]}
    options = options_of(parser, toy=few)
    torch.set_num_threads(1)
    pa.array([0])
    started = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "small.pt"
        built = build_backbone("painn", {"width": options.width})
        Checkpoint.of(built, method="random", pretraining={"dataset": "none"}).save(model)
        rows = [Measured(task, cells(measured(model, task, options))) for task in options.tasks]
    report(options, rows, s_of_processors_to_start=started)


def cells(runs: Sequence[RunTime]) -> dict[str, float | int]:
    """What the runs of one task took."""
    later = runs[1:] or runs
    return {
        "runs": len(runs),
        "s of processors, each": sum(run.whole for run in runs) / len(runs),
        "of these training and predicting": sum(run.work for run in runs) / len(runs),
        "the rest in the first run, s": runs[0].whole - runs[0].work,
        "in later ones, s": sum(run.whole - run.work for run in later) / len(later),
        "rest / work in later ones": sum(run.whole - run.work for run in later)
        / sum(run.work for run in later),
        "in all": sum(run.whole - run.work for run in runs) / sum(run.work for run in runs),
    }


def measured(model: Path, task: str, options: argparse.Namespace) -> list[RunTime]:
    """The runs of one task, in their order."""
    from molbench.evaluation.protocols import load_protocol

    runs, ended = [RunTime()], time.process_time()

    def done(_outcome: object) -> None:
        nonlocal ended
        now = time.process_time()
        runs[-1].whole, ended = now - ended, now
        runs.append(RunTime())

    with timed(lambda seconds: setattr(runs[-1], "work", runs[-1].work + seconds)):
        evaluate(
            model,
            task,
            protocol=load_protocol(options.protocol, options.settings),
            seeds=options.seeds,
            scratch=False,
            output=model.parent / "results",
            executor="inline",
            watcher=Watcher(done=done),
        )
    runs.pop()
    runs[-1].whole += time.process_time() - ended  # the table
    return runs


@contextmanager
def timed(tell: Callable[[float], None]) -> Iterator[None]:
    """Tell what each call of the work takes."""
    plain = {name: getattr(protocol_predictions, name) for name in WORK}

    def clocked(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                tell(time.process_time() - started)

        return call

    for name, function in plain.items():
        setattr(protocol_predictions, name, clocked(function))
    try:
        yield
    finally:
        for name, function in plain.items():
            setattr(protocol_predictions, name, function)


if __name__ == "__main__":
    main()
