"""One optimiser step: micro-batches, gradients, clipping, update."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from molbench.graph.batch import Batch
from molbench.spec.training import TrainingConfig
from molbench.training.without_compiler import Adam, AdamW, Fabric

OPTIMIZERS = {"adam": Adam, "adamw": AdamW}


class Batches(Protocol):
    """Where batches come from; ``molbench.data.read.loader.Loader`` is one."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, epoch: int, start: int = 0, stride: int = 1) -> Iterator[Batch]:
        """Batches of one epoch, from number ``start`` on, of several processes every ``stride``-th."""


@dataclass(frozen=True)
class StepResult:
    """What came of a step; the loss is the mean over micro-batches and processes.

    Attributes:
        loss: Value before the update.
        logs: Parts of the loss and the gradient norm before clipping, of this process.
        molecules: Molecules in all micro-batches of all processes.
        finite: Whether the gradient was, and so the update made.
        stop: Whether any process was asked to stop.
    """

    loss: float
    logs: dict[str, float]
    molecules: int
    finite: bool
    stop: bool


class _MicroBatch:
    """Batch and generator in a plain object: Fabric would cast tensors it can see, float64 targets too."""

    def __init__(self, batch: Batch, generator: torch.Generator) -> None:
        self.batch = batch
        self.generator = generator


class _Objective(nn.Module):
    """Makes the loss the forward pass, the one call that Fabric's precision and DDP see."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, micro: _MicroBatch) -> tuple[Tensor, dict[str, Tensor]]:
        result: tuple[Tensor, dict[str, Tensor]]
        result = self.module.loss(micro.batch, micro.generator)  # type: ignore[operator]
        return result


def _groups(module: nn.Module) -> list[dict[str, Any]]:
    """Trainable parameters by the multiple of the learning rate that the module asks for them."""
    factors: Mapping[str, float] = getattr(module, "lr_factors", {})
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            factor = next((f for start, f in factors.items() if name.startswith(start)), 1.0)
            groups.setdefault(factor, []).append(parameter)
    return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]


def _seed(device: torch.device, seed: int) -> None:
    """Seed what dropout draws from."""
    if device.type == "cpu":
        # PyTorch's own function also notes the call for every accelerator there could be, with a trace of
        # the stack: a millisecond and some memory a step.
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _read(values: Sequence[Tensor]) -> list[float]:
    """Scalars of the device, all at once: whoever reads one waits for all that the device has yet to do."""
    device = values[0].device
    alike = [value.detach().to(device, torch.float64) for value in values]
    result: list[float] = torch.stack(alike).tolist()
    return result


class Stepper:
    """Takes steps with a module on a Fabric.

    Args:
        fabric: Launched.
        module: Has ``loss(batch, generator)``; it is moved to the fabric's device.
        batches: Those of all processes.
        config: Optimiser, accumulation, clipping, seed.

    Raises:
        ValueError: If the module has nothing to train.
    """

    def __init__(self, fabric: Fabric, module: nn.Module, batches: Batches, config: TrainingConfig) -> None:
        self._parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not self._parameters:
            raise ValueError("no parameter to train: all are frozen")
        kind = OPTIMIZERS[config.optimizer]
        self.optimizer = kind(_groups(module), lr=config.lr, weight_decay=config.weight_decay, fused=True)
        self._model, self._update = fabric.setup(_Objective(module), self.optimizer)
        self._fabric, self._batches, self._config = fabric, batches, config
        self._dtype = torch.float64 if config.precision == "64-true" else torch.float32

    def stream(self, step: int) -> Iterator[Batch]:
        """Micro-batches of this process without end, from those of ``step`` on.

        All epochs are one sequence, of which the processes take turns. Where the number of an epoch's batches
        is no multiple of theirs, a step takes its last and the first of the next.
        """
        processes = self._fabric.world_size
        position = step * self._config.accumulate * processes + self._fabric.global_rank
        while True:
            epoch, start = divmod(position, len(self._batches))
            for batch in self._batches.epoch(epoch, start, processes):
                yield batch
                position += processes

    def step(self, number: int, lr: float, stream: Iterator[Batch], stop: bool) -> StepResult:
        """Take step ``number`` with learning rate ``lr`` on the next micro-batches of ``stream``.

        Where the norm of the gradient is not finite, weights and optimiser stay as they are.
        """
        accumulate = self._config.accumulate
        losses, parts, molecules = list[Tensor](), list[dict[str, Tensor]](), 0
        for index in range(accumulate):
            micro = self._micro_batch(number, index, next(stream))
            with self._fabric.no_backward_sync(self._model, enabled=index < accumulate - 1):
                loss, named = self._model(micro)
                self._fabric.backward(loss / accumulate)
            losses.append(loss)
            parts.append(named)
            molecules += micro.batch.num_graphs
        norm = nn.utils.clip_grad_norm_(self._parameters, self._config.clip_norm or float("inf"))
        norm_value, *values = _read([norm, *losses, *(value for named in parts for value in named.values())])
        if finite := math.isfinite(norm_value):
            for group in self.optimizer.param_groups:
                group["lr"] = lr * group["factor"]
            self._update.step()
        self._update.zero_grad(set_to_none=True)
        total, logs = 0.0, dict[str, float]()
        for value in values[:accumulate]:
            total += value / accumulate
        names = [name for named in parts for name in named]
        for name, value in zip(names, values[accumulate:], strict=True):
            logs[name] = logs.get(name, 0.0) + value / accumulate
        logs["gradient_norm"] = norm_value
        losses_of_all, molecules_of_all, stops = self._of_all([total, molecules, stop])
        mean = losses_of_all / self._fabric.world_size
        return StepResult(mean, logs, int(molecules_of_all), finite, stops > 0)

    def _of_all(self, values: list[float]) -> list[float]:
        """Sums over the processes."""
        if self._fabric.world_size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=self._fabric.device)
        return _read(cast(Tensor, self._fabric.all_reduce(sums, reduce_op="sum")).unbind())

    def _micro_batch(self, step: int, index: int, batch: Batch) -> _MicroBatch:
        number = index * self._fabric.world_size + self._fabric.global_rank
        entropy = np.random.SeedSequence([self._config.seed, step, number])
        seed = int(entropy.generate_state(1, np.uint64)[0] >> np.uint64(1))
        _seed(self._fabric.device, seed)
        return _MicroBatch(batch.to(self._fabric.device, self._dtype), torch.Generator().manual_seed(seed))
