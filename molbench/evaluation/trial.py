"""A few steps of a run, to tell how long all of them take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch

from molbench.backbones.base import Backbone
from molbench.data.read.loader import Loader
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.candidates.base import Candidate, NotApplicableError
from molbench.evaluation.candidates.calculated import CalculatedCandidate
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
from molbench.evaluation.candidates.external import ExternalCandidate
from molbench.evaluation.candidates.predicted import PredictedCandidate
from molbench.evaluation.candidates.tabulated import TabulatedCandidate
from molbench.evaluation.data import TaskData
from molbench.evaluation.execute import Workspace
from molbench.evaluation.plan import Run
from molbench.graph.scatter import sum_atoms
from molbench.spec.protocol import Protocol

STEPS = 10
_BATCH, _FRAMES, _MOLECULES, _ROWS = 128, 16, 64, 2000


@dataclass(frozen=True)
class EncodingTrial:
    """How vectors of a dataset come about.

    Attributes:
        seconds: For all of them.
        width: Numbers in one of a record.
    """

    seconds: float
    width: int


@dataclass
class Trials:
    """Tries what runs do, each thing once.

    Attributes:
        workspace: Where stores are kept between trials.
    """

    workspace: Workspace
    _encodings: dict[tuple[str, str], EncodingTrial | None] = field(default_factory=dict)
    _fits: dict[tuple[str, int], float] = field(default_factory=dict)

    def seconds(self, run: Run, *, first: bool = True) -> float | None:
        """Time that a run is estimated to take on this machine.

        Args:
            run: A run without a result.
            first: Whether it is the one that makes the vectors which others share.

        Returns:
            Seconds; None for what nobody can tell before it is done.

        Raises:
            UserError: If its records are none for the model.
        """
        from molbench.evaluation.external.process import ProcessEncoder
        from molbench.evaluation.external.remote import asked_of

        store, candidate = self.workspace.store(run), run.candidate
        if isinstance(candidate, PredictedCandidate):
            return 0.0
        if isinstance(candidate, CalculatedCandidate):
            return _calculation(candidate, TaskData.open(run.task, store))
        if not isinstance(run.protocol, Protocol):
            return None
        if run.shares_vectors:
            key = (candidate.name, store.digest)
            if key not in self._encodings:
                self._encodings[key] = _encoding(candidate, run, store, self.workspace.device)
            encoding = self._encodings[key]
            if encoding is None:
                return None
            return (encoding.seconds if first else 0.0) + self._fit(run, run.protocol, encoding.width)
        if isinstance(candidate, ExternalCandidate) and isinstance(candidate.encoder, ProcessEncoder):
            return candidate.encoder.predict_task(asked_of(run, trial=True))
        backbone = _backbone(candidate, run)
        return None if backbone is None else _training(run, run.protocol, backbone, self.workspace)

    def _fit(self, run: Run, protocol: Protocol, width: int) -> float:
        """A linear model of random vectors, on some of the records."""
        key = (run.task.id, width)
        if key not in self._fits:
            data = TaskData.open(run.task, self.workspace.store(run))
            rows = data.rows["train"][:_ROWS]
            labels = data.normalised[rows]
            if data.kind.too_few(labels):
                return 0.0
            inputs = np.random.default_rng(0).standard_normal((rows.size, width))
            started = time.perf_counter()
            data.kind.linear(labels, protocol, run.seed).fit(inputs, labels)
            share = data.rows["train"].size / rows.size
            self._fits[key] = (time.perf_counter() - started) * share
        return self._fits[key]


def _encoding(candidate: Candidate, run: Run, store: Store, device: torch.device) -> EncodingTrial | None:
    if isinstance(candidate, TabulatedCandidate):
        return EncodingTrial(0.0, candidate.width)
    if isinstance(candidate, ExternalCandidate) and candidate.encoder is not None:
        from molbench.evaluation.external.encoder import checked
        from molbench.evaluation.external.molecules import StoreMolecules
        from molbench.evaluation.external.vectors import encoded_rows

        molecules, rows = StoreMolecules(store), encoded_rows(candidate.encoder, store)
        few = [molecules[row] for row in rows[:_MOLECULES].ravel().tolist()]
        if why := next((why for one in few if (why := candidate.encoder.limits.exceeded(one))), None):
            raise NotApplicableError(why)
        started = time.perf_counter()
        vectors = checked(candidate.encoder, few)
        seconds = (time.perf_counter() - started) * len(rows) / len(vectors)
        each = 1 if candidate.encoder.of_pairs else store.atom_index.index.shape[1]
        return EncodingTrial(seconds, vectors.shape[1] * each)
    if not isinstance(candidate, CheckpointCandidate):
        return None
    backbone = candidate.checkpoint(run.seed).build().to(device)
    stream, rows = backbone.distinct(store, _BATCH)
    batches = list(islice(stream, STEPS + 1))

    def embed(step: int) -> None:
        with torch.no_grad():
            backbone(batches[step % len(batches)].to(device))

    seconds = _each(embed) * (int(rows.max()) + 1) / _BATCH
    return EncodingTrial(seconds, backbone.width * backbone.vectors_per_record(store))


def _backbone(candidate: Candidate, run: Run) -> Backbone | None:
    """What is trained, or differentiated, in this process."""
    from molbench.evaluation.external.backbone import ModuleBackbone
    from molbench.evaluation.external.module import ModuleEncoder

    if isinstance(candidate, CheckpointCandidate):
        return candidate.checkpoint(run.seed).build()
    if isinstance(candidate, ExternalCandidate) and isinstance(candidate.encoder, ModuleEncoder):
        if not candidate.encoder.of_atoms:
            raise UserError("it needs features of atoms, and the model gives those of molecules")
        return ModuleBackbone(candidate.encoder)
    return None


def _training(run: Run, given: Protocol, backbone: Backbone, workspace: Workspace) -> float:
    """Steps of training, or of the derivatives that a force probe is fitted to; an audit is done as it is."""
    store, device = workspace.store(run), workspace.device
    data, backbone = TaskData.open(run.task, store), backbone.to(device)
    protocol = given.on(run.task.id)
    if not data.kind.learns:
        started = time.perf_counter()
        data.kind.probe(backbone, data, protocol, run.seed, device=device, embedding=None)
        return time.perf_counter() - started
    budget = data.kind.budget(protocol)
    if budget is not None:
        model = data.kind.model(backbone, data, protocol).to(device).train()
        loader = Loader(
            backbone.reader(store), data.rows["train"], budget.batch_size, forces=data.kind.reads_forces
        )
        few, generator = list(islice(loader.epoch(0), STEPS + 1)), torch.Generator()

        def train(step: int) -> None:
            model.zero_grad()
            loss: torch.Tensor = model.loss(few[step % len(few)].to(device), generator)[0]
            torch.autograd.backward(loss)

        return _each(train) * budget.in_steps(data.rows["train"].size).steps
    frames = store.batch(data.rows["train"][:_FRAMES]).to(device)
    moved = frames.replace(positions=frames.positions.detach().requires_grad_())

    def differentiate(_step: int) -> None:
        total = sum_atoms(backbone(moved).scalars, moved).sum()
        torch.autograd.grad(total, moved.positions)

    passes = protocol.frames * backbone.width + data.rows["test"].size
    return _each(differentiate) * passes / len(frames.sizes)


def _calculation(candidate: CalculatedCandidate, data: TaskData) -> float | None:
    """The first test record twice, of which the second counts."""
    from molbench.evaluation.external.calculator import checked_single_point
    from molbench.evaluation.external.molecules import StoreMolecules

    if candidate.calculator is None:
        return None
    rows = data.rows["test"]
    molecules = StoreMolecules(data.store)
    checked_single_point(candidate.calculator, candidate.name, molecules[int(rows[0])])
    started = time.perf_counter()
    checked_single_point(candidate.calculator, candidate.name, molecules[int(rows[-1])])
    return (time.perf_counter() - started) * rows.size


def _each(step: Callable[[int], None]) -> float:
    """Seconds of one step, the first of which does not count."""
    step(0)
    started = time.perf_counter()
    for number in range(1, STEPS + 1):
        step(number)
    return (time.perf_counter() - started) / STEPS
