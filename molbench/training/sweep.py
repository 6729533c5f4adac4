"""Several pretrainings, each a unit of work for any executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from molbench.errors import UserError
from molbench.exclusive import lock_beside, remove_leftovers
from molbench.executors.base import Executor, Listener, Message, Unit
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import ask
from molbench.training.checkpoint import Checkpoint
from molbench.training.loop import StepReport
from molbench.training.pretrain import alone_at, pretrain_alone
from molbench.training.repeated import finished_checkpoint


@dataclass(frozen=True)
class SweepOutcome:
    """How one pretraining of a sweep ended.

    Attributes:
        request: What was asked for.
        checkpoint: What it came to.
        error: Why there is none.
        reused: Whether the checkpoint was there already.
    """

    request: PretrainRequest
    checkpoint: Checkpoint | None = None
    error: str | None = None
    reused: bool = False


def run_sweep(
    requests: Sequence[PretrainRequest],
    executor: Executor,
    progress: Callable[[PretrainRequest, StepReport], None] = lambda _request, _report: None,
) -> Iterator[SweepOutcome]:
    """Pretrain several encoders; whatever becomes of one of them, the others are trained.

    Checkpoints that are there already, of the same settings on the same data, are used again; a training that
    was stopped goes on where it was.

    Args:
        requests: What is asked for, each with an output of its own.
        executor: Where they are trained.
        progress: Told of the steps, where the executor tells them.

    Yields:
        How each ended, as it becomes known.

    Raises:
        UserError: If a checkpoint of other settings is in the place of one of them, before anything is done.
    """
    by_output = {str(request.output.absolute()): request for request in requests}
    if len(by_output) < len(requests):
        raise UserError("two of the pretrainings would write the same checkpoint")
    for request in requests:
        Checkpoint.check_output(request.output)
        if request.devices > 1:
            raise UserError(
                "a training of several devices starts the command again for each; run it by itself"
            )
    there = {key: finished_checkpoint(request) for key, request in by_output.items()}
    yield from (
        SweepOutcome(by_output[key], checkpoint, reused=True)
        for key, checkpoint in there.items()
        if checkpoint
    )
    groups = [[_unit(key, request)] for key, request in by_output.items() if there[key] is None]

    def listen(key: str, message: Message) -> None:
        progress(by_output[key], StepReport(**message))

    try:
        for done in executor.run(groups, listen) if groups else ():
            yield _outcome(by_output[done.key], done.error)
    finally:
        remove_leftovers(lock_beside(request.output) for request in requests)


def pretrain_unit(arguments: Mapping[str, Any], listen: Listener) -> str:
    """One pretraining of a sweep; a unit of work.

    Returns:
        Digest of the weights.

    Raises:
        UserError: If it cannot be done, or another process is at it.
        InterruptedWorkError: If a signal stopped its training, which can be continued.
    """
    request = ask(PretrainRequest, **arguments)
    with alone_at(request.output):
        checkpoint = finished_checkpoint(request) or pretrain_alone(
            request, lambda report: listen(asdict(report))
        )
    return checkpoint.digest


def _unit(key: str, request: PretrainRequest) -> Unit:
    """Names, paths and numbers alone, which hold wherever the worker is."""
    fields = asdict(request) | {"output": key}
    if request.init is not None:
        fields["init"] = str(request.init.absolute())
    folder = Path(request.data)
    fields["data"] = str(folder.absolute() if (folder / "manifest.json").is_file() else request.data)
    return Unit(key, f"{__name__}:pretrain_unit", fields)


def _outcome(request: PretrainRequest, error: str | None) -> SweepOutcome:
    try:
        return SweepOutcome(request, None if error else Checkpoint.load(request.output), error)
    except UserError as lost:
        return SweepOutcome(request, error=str(lost))
