"""How a model is optimised."""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from molbench.spec.base import Spec, later

#: What NumPy and PyTorch both take.
MOST_SEED = 2**63 - 1


class TrainingConfig(Spec):
    """Optimiser, schedule and budget of one training run.

    Attributes:
        steps: Optimiser steps, not micro-batches.
        batch_size: Records of a micro-batch.
        optimizer: Adam, or with decoupled weight decay.
        lr: Learning rate, a step.
        weight_decay: Strength of the decay of weights.
        schedule: What becomes of the rate after the warm-up.
        warmup_steps: Steps in which the rate grows to its full value.
        min_lr: What the rate falls to at most.
        plateau_factor: What ``plateau`` multiplies the rate by.
        plateau_patience: Validations without a new best before it does.
        clip_norm: Largest norm of a gradient; longer ones are shortened to it.
        accumulate: Micro-batches of a step.
        ema_decay: Decay of the moving average of weights, which is what is kept; None for none.
        precision: Of the arithmetic.
        seed: Of weights, shuffling and noise.
    """

    model_config = ConfigDict(allow_inf_nan=False)

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
    seed: int = Field(default=0, ge=0, le=MOST_SEED)

    @model_validator(mode="before")
    @classmethod
    def _numbers(cls, values: Any) -> Any:
        """True is no number, though Python counts it as one."""
        for name, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, bool):
                raise ValueError(f"'{name}' takes no {value}")
        return values


class Budget(TrainingConfig):
    """Optimiser, schedule and budget of one fine-tuning, in steps or in epochs.

    Attributes:
        epochs: Passes over the training split, in the place of ``steps``; each is followed by a validation.
        patience: So many validations in a row without a new best end the training; None for never.
    """

    steps: int = Field(default=0, ge=0)
    epochs: int | None = later(None, ge=1)
    patience: int | None = later(None, ge=1)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if self.epochs is None and not self.steps:
            raise ValueError("a budget needs steps or epochs, one at least")
        if self.epochs is not None and self.steps:
            raise ValueError("a budget is in steps or in epochs, not in both")
        return self

    def in_steps(self, records: int) -> Self:
        """The same budget for a training split of ``records``; the last batch of an epoch may be smaller."""
        if self.epochs is None:
            return self
        per_epoch = -(-records // (self.batch_size * self.accumulate))
        return self.model_copy(update={"steps": self.epochs * per_epoch, "epochs": None})
