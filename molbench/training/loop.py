"""The training loop: Lightning Fabric for devices and precision, and a run that can be killed anywhere.

The weights after step s are a function of the starting weights, the data, the configuration and s alone. The
micro-batches of all steps are one stream whose order is a function of (seed, epoch); step s takes the numbers
from ``s * accumulation * processes`` on, each drawing from a generator seeded by (seed, s, its number within
the step). So a run taken up from its last saved step repeats exactly what was lost, and n processes, which
take turns, do what one does that accumulates n times as much.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import distributed, nn

from molbench.errors import UserError
from molbench.executors.parent import exit_with_parent
from molbench.spec.training import TrainingConfig
from molbench.training.run import FitReport, StepReport, TrainingRun
from molbench.training.step import Batches
from molbench.training.without_compiler import DDPStrategy, Fabric

#: Tells further processes which one started them.
_FIRST = "MOLBENCH_FIRST_PROCESS"
_ENDS_THREADS = "2.13"  # of PyTorch, see below

__all__ = ["FitReport", "StepReport", "fit"]


def fit(
    module: nn.Module,
    batches: Batches,
    config: TrainingConfig,
    *,
    folder: Path | None = None,
    key: Mapping[str, Any] | None = None,
    validate: Callable[[nn.Module], float] | None = None,
    validate_every: int | None = None,
    patience: int | None = None,
    progress: Callable[[StepReport], None] | None = None,
    accelerator: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    save_seconds: float = 30.0,
) -> FitReport:
    """Train ``module`` in place.

    Args:
        module: Has ``loss(batch, generator) -> (scalar, logs)``; the generator is on the CPU, whatever the
            device. The module is left in evaluation mode, on the device it was trained on, with the weights
            of the best validation where there was one, else the averaged ones where ``ema_decay`` is set,
            else the last.
        batches: The same for every process, which takes its share of them.
        config: Optimiser, schedule and budget. Batch size is the matter of ``batches``.
        folder: Where ``state.pt`` and ``log.jsonl`` are kept. A state found there is continued, and left
            there when the run is complete. Without a folder the run cannot be resumed.
        key: Name to value of whatever else the run depends on, such as data and starting weights; a state
            with another key is refused, naming what differs.
        validate: Value of the module, lower is better; the module is in evaluation mode and lent its averaged
            weights. Called on every process; the first one's value counts.
        validate_every: Steps between validations; the last step is always followed by one.
        patience: So many validations in a row without a new best end the training.
        progress: Called after every step, on the first process.
        accelerator: ``auto`` takes CUDA where it is, else the CPU.
        devices: Processes of data-parallel training on this machine. The running script is started again for
            each of them, so it must come to this call again.
        save_seconds: Time between saved states.

    Raises:
        InterruptedTrainingError: On SIGINT or SIGTERM, after the state was saved; only with a folder.
        UserError: If there is no batch, the state in ``folder`` is of another run, training diverged, or not
            one step had a finite gradient.
        ValueError: If the plateau schedule or patience has no validation, or the module has nothing to train.
    """
    if (config.schedule == "plateau" or patience) and validate is None:
        raise ValueError("the plateau schedule and patience need a validation")
    if len(batches) == 0:
        raise UserError("no batch to train on: there are fewer records than a batch needs")
    fabric = _launch(config.precision, accelerator, devices)
    with torch.random.fork_rng(devices=[]):
        run = TrainingRun(fabric, module, batches, config, folder, key or {}, save_seconds)
        run.go(validate, validate_every, patience, progress)
    return run.report()


def _launch(precision: str, accelerator: str, devices: int) -> Fabric:
    # Fabric's own "auto" would take Apple's MPS, which has no float64 for the targets.
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    # An objective need not reach every weight: a backbone's last vector update, say, when scalars are read.
    strategy: Any = DDPStrategy(find_unused_parameters=True) if devices > 1 else "auto"
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)  # type: ignore[arg-type]
    if devices > 1:
        _end_together()
        # Where DDP imports it, once there is a group of processes, it keeps the group and its threads as a
        # default of its functions, whoever closes it. PyTorch 2.7 sometimes waits for ever where the threads
        # really end, so that older ones than were tried keep them.
        if torch.__version__ >= _ENDS_THREADS:
            import_module("torch.distributed.nn.functional")
    fabric.launch()
    if devices > 1:
        atexit.register(_close_connections)
    return fabric


def _end_together() -> None:
    """A further process, which Fabric starts by the same command, ends with the first one."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        os.environ[_FIRST] = str(os.getpid())
    elif first := os.environ.get(_FIRST):  # none where another launcher starts them all
        exit_with_parent(int(first))


def _close_connections() -> None:
    """End the processes' connection; left to the end of the interpreter, its threads make that a crash."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
