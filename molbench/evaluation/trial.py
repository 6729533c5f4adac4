"""A few steps of a run, to tell how long all of them take."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import torch

from molbench.data.read.loader import Loader
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
from molbench.evaluation.data import TaskData
from molbench.evaluation.execute import Workspace
from molbench.evaluation.plan import Run
from molbench.graph.scatter import sum_atoms
from molbench.spec.protocol import Protocol

STEPS = 10
_BATCH, _FRAMES = 128, 16


def trial_seconds(run: Run, workspace: Workspace) -> float | None:
    """Time that a run is estimated to take on this machine, fits of linear models apart.

    Args:
        run: A run without a result.
        workspace: Where stores are kept between trials.

    Returns:
        Seconds; None for what is not of this program, whose steps nobody knows.

    Raises:
        UserError: If its records are none for the encoder.
    """
    if not isinstance(run.candidate, CheckpointCandidate) or not isinstance(run.protocol, Protocol):
        return None
    backbone = run.candidate.checkpoint(run.seed).build().to(workspace.device)
    store = workspace.store(run)
    if run.shares_vectors:
        batches = list(islice(backbone.distinct(store, _BATCH)[0], STEPS + 1))

        def embed(step: int) -> None:
            with torch.no_grad():
                backbone(batches[step % len(batches)].to(workspace.device))

        return _each(embed) * (len(store.atom_index.distinct.starts) / _BATCH)
    data = TaskData.open(run.task, store)
    protocol = run.protocol.on(run.task.id)
    budget = data.kind.budget(protocol)
    if budget is not None:
        model = data.kind.model(backbone, data, protocol).to(workspace.device).train()
        loader = Loader(
            backbone.reader(store), data.rows["train"], budget.batch_size, forces=data.kind.reads_forces
        )
        few, generator = list(islice(loader.epoch(0), STEPS + 1)), torch.Generator()

        def train(step: int) -> None:
            model.zero_grad()
            loss: torch.Tensor = model.loss(few[step % len(few)].to(workspace.device), generator)[0]
            torch.autograd.backward(loss)

        return _each(train) * budget.in_steps(data.rows["train"].size).steps
    frames = store.batch(data.rows["train"][:_FRAMES]).to(workspace.device)
    moved = frames.replace(positions=frames.positions.detach().requires_grad_())

    def differentiate(_step: int) -> None:
        total = sum_atoms(backbone(moved).scalars, moved).sum()
        torch.autograd.grad(total, moved.positions)

    passes = protocol.frames * backbone.width + data.rows["test"].size
    return _each(differentiate) * passes / len(frames.sizes)


def _each(step: Callable[[int], None]) -> float:
    """Seconds of one step, the first of which does not count."""
    step(0)
    started = time.perf_counter()
    for number in range(1, STEPS + 1):
        step(number)
    return (time.perf_counter() - started) / STEPS
