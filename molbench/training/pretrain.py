"""Pretraining: a method, a backbone and a dataset to a checkpoint that says where it comes from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from molbench.data.read.loader import Loader
from molbench.errors import UserError
from molbench.exclusive import BusyError, hold, lock_beside
from molbench.methods.base import Method
from molbench.spec.pretrain import PretrainRequest
from molbench.spec.request import by_fields
from molbench.spec.training import TrainingConfig
from molbench.torch_defaults import torch_defaults
from molbench.training.checkpoint import Checkpoint, config_of
from molbench.training.corpus import Choice, Corpus, choose
from molbench.training.loop import FitReport, StepReport, fit
from molbench.training.machine import describe_machine
from molbench.training.setup import build_objective, settings_of, training_config
from molbench.training.state import remove_state, resume_conditions
from molbench.training.trackers.base import tell, tracked, trackers_of


def run_pretraining(
    request: PretrainRequest,
    progress: Callable[[StepReport], None] | None = None,
    prepared: Callable[[str], None] | None = None,
) -> Checkpoint:
    """Pretrain a backbone and write a checkpoint.

    A run that was stopped is continued by the same call from ``<output>.state``; the folder goes when the
    checkpoint is written. Only the training split is used, so that test molecules of the same dataset are not
    seen. Of pairs of molecules, all that any task of a built dataset of pairs tests on, on any of its
    schemes, are left out too.

    Args:
        request: What is asked for.
        progress: Called after every step.
        prepared: Called before the first step with a line on what is trained on, and for how long.

    Raises:
        UserError: If anything asked for is unknown or missing, a state of another run is in the way, another
            process is at it, or nothing could be learned.
        InterruptedTrainingError: On SIGINT or SIGTERM, once the state is saved.

    Examples:
        The fields of the request are the arguments of :func:`molbench.pretrain`.

        >>> import molbench
        >>> checkpoint = molbench.pretrain(
        ...     "coord", backbone="painn", data="xtb-molecules", steps=2, output="coord.pt",
        ...     overrides={"backbone": {"width": 16}},
        ... )
        >>> checkpoint.build().width
        16
    """
    Checkpoint.check_output(request.output)
    if os.environ.get("LOCAL_RANK", "0") != "0":  # the first process has seen to it
        return pretrain_alone(request, progress, prepared)
    with alone_at(request.output):
        return pretrain_alone(request, progress, prepared)


@contextmanager
def alone_at(output: Path) -> Iterator[None]:
    """Keep other processes from writing the same checkpoint meanwhile.

    Raises:
        UserError: If one is at it.
    """
    made = not output.parent.exists()
    try:
        with hold(lock_beside(output), wait=False):
            yield
    except BusyError:
        raise UserError(f"{output}: another process is at it") from None
    finally:
        if made:
            with suppress(OSError):  # something lies there now
                output.parent.rmdir()


@torch_defaults()
def pretrain_alone(
    request: PretrainRequest,
    progress: Callable[[StepReport], None] | None = None,
    prepared: Callable[[str], None] | None = None,
) -> Checkpoint:
    """:func:`run_pretraining` for a process that is alone at the output."""
    trackers = trackers_of(request.logger, request.output.parent)
    if request.output.exists():
        raise UserError(f"{request.output}: is there already; choose another name or remove it")
    pretraining = Pretraining.of(request)
    if prepared is not None:
        prepared(pretraining.plan)
    if not trackers or os.environ.get("LOCAL_RANK", "0") != "0":
        return pretraining.run(progress)
    backbone, data = pretraining.objective.backbone.name, pretraining.corpus.store.dataset_id
    facts = {"method": request.method, "backbone": backbone, "data": data}
    with tracked(trackers, request.output.stem, facts) as alive:

        def watched(report: StepReport) -> None:
            tell(alive, report.step, {"loss": report.loss, "lr": report.lr, "seconds": report.seconds})
            if progress is not None:
                progress(report)

        return pretraining.run(watched)


pretrain = by_fields(PretrainRequest, run_pretraining, "pretrain")
"""Call ``run_pretraining`` with the fields of a ``PretrainRequest`` as arguments."""


@dataclass(frozen=True)
class Pretraining:
    """A request with all that it asks for at hand.

    Attributes:
        request: What is asked for.
        start: Checkpoint that it starts from.
        corpus: The data.
        objective: The method around its encoder, trained in place.
        chosen: What of the data it trains on.
        config: How.
    """

    request: PretrainRequest
    start: Checkpoint | None
    corpus: Corpus
    objective: Method
    chosen: Choice
    config: TrainingConfig

    @classmethod
    def of(cls, request: PretrainRequest) -> Self:
        """All that a request asks for.

        Raises:
            UserError: If something of it is unknown, missing or wrong.
        """
        start = Checkpoint.load(request.init) if request.init else None
        settings = settings_of(request, start)
        corpus = Corpus.open(request)
        objective = build_objective(request, settings, start)
        chosen = choose(corpus, objective, request)
        config = training_config(request, settings, len(chosen.rows))
        if config.batch_size < objective.smallest_batch:
            raise UserError(
                f"training.batch_size: '{request.method}' needs {objective.smallest_batch} at least, "
                f"not {config.batch_size}"
            )
        return cls(request, start, corpus, objective, chosen, config)

    @property
    def state(self) -> Path:
        """Folder from which it is continued where it was stopped."""
        return self.request.output.with_name(self.request.output.name + ".state")

    @property
    def plan(self) -> str:
        """What is trained on, and for how long, in a line."""
        chosen, config = self.chosen, self.config
        selection = f", {self.objective.selection}" if self.objective.selection else ""
        left_out = f", {chosen.excluded.records:,} left out" if chosen.excluded.tasks else ""
        kind = "pairs" if chosen.contamination else "molecules"
        return (
            f"{len(chosen.rows):,} {kind} of {self.corpus.store.dataset_id}@{self.corpus.scheme}{selection}"
            f"{left_out}; {config.steps:,} steps of {config.batch_size * config.accumulate:,}"
        )

    def run(self, progress: Callable[[StepReport], None] | None) -> Checkpoint:
        """Train, and write the checkpoint in the first process."""
        self.objective.prepare(self.corpus.store, self.chosen.rows)
        report = fit(
            self.objective,
            self.batches(),
            self.config,
            folder=self.state,
            key=self.key(),
            progress=progress,
            accelerator=self.request.accelerator,
            devices=self.request.devices,
        )
        checkpoint = Checkpoint.of(
            self.objective.backbone,
            method=self.request.method,
            method_config=asdict(self.objective.config),
            pretraining=self.provenance(report),
            environment=describe_machine(),
        )
        if report.rank == 0:
            checkpoint.save(self.request.output)
            remove_state(self.state)
        return checkpoint

    def batches(self) -> Loader[Any]:
        """The chosen rows in batches; a last one that is too small for the method is left out."""
        size, rest = self.config.batch_size, len(self.chosen.rows) % self.config.batch_size
        return Loader(
            self.objective.reader(self.corpus.store),
            self.chosen.rows,
            size,
            seed=self.config.seed,
            drop_last=0 < rest < self.objective.smallest_batch,
            targets=self.objective.columns,
        )

    def key(self) -> dict[str, Any]:
        """What a state must agree in to be continued, beside the training config."""
        store, rows = self.corpus.store, self.chosen.rows
        return {
            "method": self.request.method,
            "method config": asdict(self.objective.config),
            "backbone": self.objective.backbone.name,
            "backbone config": config_of(self.objective.backbone),
            "starting weights": self.start.digest[:12] if self.start else "random",
            "data": f"{store.dataset_id} {store.digest[:12]}",
            "split": f"{self.corpus.scheme}, {len(rows)} records "
            f"{hashlib.sha256(rows.tobytes()).hexdigest()[:12]}",
        }

    def conditions(self) -> dict[str, Any]:
        """What a state must agree in, all of it."""
        return resume_conditions(self.objective, self.config.model_dump(), self.request.devices, self.key())

    def provenance(self, report: FitReport) -> dict[str, Any]:
        """Where the weights come from, in builtins."""
        store = self.corpus.store
        return {
            "dataset": store.dataset_id,
            "subset": store.subset,
            "digest": store.digest,
            "scheme": self.corpus.scheme,
            "split": "train",
            "records": len(self.chosen.rows),
            "excluded": asdict(self.chosen.excluded),
            **self.chosen.contamination,
            "variant": self.request.variant,
            "init": self.start.digest if self.start else None,
            "stages": self.start.stages if self.start else [],
            "training": self.config.model_dump(),
            "seed": self.config.seed,
            **_summary(report),
        }


def _summary(report: FitReport) -> dict[str, Any]:
    """How the run went, in numbers that JSON can hold."""
    tail = [loss for loss in report.losses[-100:] if np.isfinite(loss)]
    return {
        "steps": report.steps,
        "skipped_steps": report.skipped,
        "final_loss": float(np.mean(tail)) if tail else None,
        "seconds": round(report.seconds, 3),
        "molecules_per_second": round(report.molecules_per_second, 2),
    }
