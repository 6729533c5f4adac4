"""What pretrainings would take, found out without doing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from molbench.errors import UserError
from molbench.spec.pretrain import PretrainRequest
from molbench.torch_defaults import torch_defaults
from molbench.training.loop import StepReport, fit
from molbench.training.machine import peak_memory
from molbench.training.pretrain import Pretraining
from molbench.training.repeated import finished_checkpoint
from molbench.training.state import STATE, steps_done

_STEPS = 10


@dataclass(frozen=True)
class PlannedPretraining:
    """A pretraining, and how much of it is left.

    Attributes:
        request: What is asked for.
        steps: Optimiser steps.
        done: Those that were taken already: all of them where the checkpoint is there.
        seconds: Estimated time of the others; None where nothing tells.
        source: What the estimate is from: ``results`` like it, or a ``trial`` of some steps.
    """

    request: PretrainRequest
    steps: int
    done: int
    seconds: float | None
    source: str


@dataclass(frozen=True)
class PretrainingForecast:
    """What a command would train.

    Attributes:
        rows: Pretrainings, in the order they were asked for.
        refusals: What could not be done, each with its reason.
        memory: MiB that this process took in its trials, which each worker takes too.
    """

    rows: list[PlannedPretraining]
    refusals: list[str]
    memory: float

    @property
    def finished(self) -> int:
        """Checkpoints that are there already."""
        return sum(row.done >= row.steps for row in self.rows)

    @property
    def seconds(self) -> float:
        """Estimated time of the others one after the other, of those that have an estimate."""
        return sum(row.seconds or 0.0 for row in self.rows)


@torch_defaults()
def forecast_pretrainings(requests: Sequence[PretrainRequest]) -> PretrainingForecast:
    """Look at what is there, and take ten steps of each method with each backbone; nothing is written.

    Args:
        requests: What is asked for.
    """
    rows: list[PlannedPretraining] = []
    refusals: list[str] = []
    #: Method and backbone to seconds a step, and where that is from; the rest of a sweep is the same.
    known: dict[tuple[str, str | None], tuple[float | None, str]] = {}
    finished: dict[int, PlannedPretraining] = {}
    for number, request in enumerate(requests):
        try:
            if (checkpoint := finished_checkpoint(request)) is not None:
                done = checkpoint.pretraining
                finished[number] = PlannedPretraining(request, done["steps"], done["steps"], 0.0, "")
                known[_like(request)] = done["seconds"] / max(1, done["steps"]), "results"
        except UserError as error:
            refusals.append(str(error))
    for number, request in enumerate(requests):
        if number in finished:
            rows.append(finished[number])
        elif not request.output.exists():
            try:
                rows.append(_planned(request, known))
            except UserError as error:
                refusals.append(f"{request.output}: {error}")
    return PretrainingForecast(rows, refusals, peak_memory())


def _planned(
    request: PretrainRequest, known: dict[tuple[str, str | None], tuple[float | None, str]]
) -> PlannedPretraining:
    pretraining = Pretraining.of(request)
    steps, done, file = pretraining.config.steps, 0, pretraining.state / STATE
    if file.is_file():
        done = steps_done(file, pretraining.conditions())
    if _like(request) not in known:
        seconds = _seconds_of_a_step(pretraining)
        known[_like(request)] = seconds, "" if seconds is None else "trial"
    seconds, source = known[_like(request)]
    return PlannedPretraining(
        request, steps, done, None if seconds is None else seconds * (steps - done), source
    )


def _like(request: PretrainRequest) -> tuple[str, str | None]:
    return request.method, request.backbone


def _seconds_of_a_step(pretraining: Pretraining) -> float | None:
    """Mean of some steps, not of the first; None where they would start the command again."""
    if pretraining.request.devices > 1:
        return None
    pretraining.objective.prepare(pretraining.corpus.store, pretraining.chosen.rows)
    taken: list[StepReport] = []
    fit(
        pretraining.objective,
        pretraining.batches(),
        pretraining.config.model_copy(update={"steps": _STEPS + 1}),
        progress=taken.append,
        accelerator=pretraining.request.accelerator,
    )
    return (taken[-1].seconds - taken[0].seconds) / _STEPS
