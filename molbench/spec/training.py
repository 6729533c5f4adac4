"""How a model is optimised."""

from typing import Literal

from pydantic import Field

from molbench.spec.base import Spec


class TrainingConfig(Spec):
    """Optimiser, schedule and budget of one training run.

    Learning rates are per optimiser step; ``steps`` counts optimiser steps, not micro-batches.
    """

    steps: int = Field(ge=0)
    batch_size: int = Field(default=128, ge=1)
    optimizer: Literal["adam", "adamw"] = "adam"
    lr: float = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Literal["constant", "cosine", "plateau"] = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    min_lr: float = Field(default=0.0, ge=0)
    plateau_factor: float = Field(default=0.8, gt=0, lt=1)
    plateau_patience: int = Field(default=10, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    accumulate: int = Field(default=1, ge=1)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    precision: Literal["32-true", "bf16-mixed", "64-true"] = "32-true"
    seed: int = 0
