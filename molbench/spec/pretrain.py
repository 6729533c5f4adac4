"""What a pretraining is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from molbench.errors import meant
from molbench.spec.training import MOST_SEED

GROUPS = ("method", "backbone", "training")


@dataclass(frozen=True)
class PretrainRequest:
    """A method, what it pretrains on what data, and where the checkpoint goes.

    Attributes:
        method: Pretraining method; see `molbench list methods`.
        data: Id or folder of a built dataset.
        output: Checkpoint to write, *.pt or *.safetensors; must not be there yet.
        backbone: Backbone; see `molbench list backbones`. A checkpoint to start from says which.
        init: Checkpoint to start from instead of random weights; its provenance is kept.
        variant: 'intended': what the paper says; 'faithful': what its code does.
        subset: Part of the dataset, where it has parts.
        scheme: Split scheme; only its training split is used. Default: the first.
        exclude: Leave out test molecules or pairs of these tasks, wherever they come from, e.g. 'qm9/*'.
        include_test_pairs: Leave in pairs that tasks test on, but for those to exclude; marks the checkpoint
            as contaminated.
        steps: Optimiser steps. Default: what the epochs take.
        epochs: Passes over the data. Default: the paper's.
        seed: Seed of weights, shuffling and noise. Default: the method's.
        overrides: Settings in place of the variant's, in groups: training.lr=1e-3, method.beta=2,
            backbone.width=64.
        accelerator: Where to train; auto takes CUDA where it is.
        devices: Processes of data-parallel training; the running script is started again for each of them.
        logger: Show the curves in tensorboard, trackio or wandb, too.
    """

    method: str
    _: KW_ONLY
    data: str | Path
    output: Path
    backbone: str | None = None
    init: Path | None = None
    variant: str = "intended"
    subset: str | None = None
    scheme: str | None = None
    exclude: str | Sequence[str] = ()
    include_test_pairs: bool = False
    steps: Annotated[int | None, Ge(1)] = None
    epochs: Annotated[int | None, Ge(1)] = None
    seed: Annotated[int | None, Ge(0), Le(MOST_SEED)] = None
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: Annotated[int, Ge(1)] = 1
    logger: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.steps and self.epochs:
            raise ValueError("steps and epochs exclude each other")
        if unknown := sorted(self.overrides.keys() - {*GROUPS}):
            hint = meant(unknown[0], GROUPS)
            raise ValueError(f"no group of settings '{unknown[0]}'{hint}; groups: {', '.join(GROUPS)}")

    def given(self, group: str) -> Mapping[str, Any]:
        """Settings of one group that are in place of the variant's."""
        return self.overrides.get(group, {})
