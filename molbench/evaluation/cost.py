"""What a run cost: measured by the harness itself, in the same way for every model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from molbench.spec.base import Spec
from molbench.training.machine import peak_memory

#: Raised whenever something is measured in another way; costs of different versions are not compared.
COST_VERSION = 1

#: Whoever wrote it: a number that is one, and of which sums are, too.
_Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
_RESET = Path("/proc/self/clear_refs")
_MIB = 1 << 20


class RunCost(Spec):
    """What one run took; compared only within one version and on one device.

    Attributes:
        version: Of the measurement, ``COST_VERSION``.
        device: Name of the accelerator, else of the processor.
        seconds: Wall time of training, predicting and scoring; vectors of a frozen encoder that were there
            already are not counted.
        processor_seconds: Time of all processor cores together.
        device_seconds: Wall time for which an accelerator was held; 0 without one.
        peak_memory: Largest resident memory of the process during the run, MiB.
        peak_device_memory: Largest memory allocated on the accelerator, MiB; 0 without one.
        parameters: Weights of the encoder; None for what has none.
        training: Records a second in training; None where nothing was trained by gradients.
        inference: Records a second in predicting, or in encoding by a frozen encoder.
    """

    version: int = Field(default=COST_VERSION, ge=1, le=1000)
    device: str
    seconds: _Amount
    processor_seconds: _Amount
    device_seconds: _Amount
    peak_memory: _Amount
    peak_device_memory: _Amount
    parameters: int | None = Field(ge=0)
    training: _Amount | None
    inference: _Amount | None


@dataclass
class Meter:
    """What :func:`metered` has measured so far."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_memory: float = 0.0
    peak_device_memory: float = 0.0

    def cost(
        self, machine: Mapping[str, Any], parameters: int | None, throughput: Mapping[str, float]
    ) -> RunCost:
        """With what else is known of the run.

        Args:
            machine: See :func:`~molbench.training.machine.describe_machine`.
            parameters: Weights of the encoder.
            throughput: Records a second of ``training``, and of ``inference`` or ``embedding``.
        """
        accelerated = machine["device"] != "cpu"
        return RunCost(
            device=str(machine["device"] if accelerated else machine["processor"]),
            seconds=round(self.seconds, 3),
            processor_seconds=round(self.processor_seconds, 3),
            device_seconds=round(self.seconds, 3) if accelerated else 0.0,
            peak_memory=round(self.peak_memory, 1),
            peak_device_memory=round(self.peak_device_memory, 1),
            parameters=parameters,
            training=throughput.get("training"),
            inference=throughput.get("inference", throughput.get("embedding")),
        )


@contextmanager
def metered() -> Iterator[Meter]:
    """Measure what happens inside; the numbers are there when it ends."""
    import torch  # results are read without it

    meter, cuda = Meter(), torch.cuda.is_available()
    _reset_peak()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    started, processor = time.perf_counter(), time.process_time()
    yield meter
    if cuda:
        torch.cuda.synchronize()
        meter.peak_device_memory = torch.cuda.max_memory_allocated() / _MIB
    meter.seconds = time.perf_counter() - started
    meter.processor_seconds = time.process_time() - processor
    meter.peak_memory = peak_memory()


def _reset_peak() -> None:
    """From now on the peak is that of what follows; elsewhere than on Linux it stays that of the process."""
    with suppress(OSError):
        _RESET.write_text("5", encoding="ascii")
