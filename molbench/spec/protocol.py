"""How a checkpoint is scored on a task."""

from typing import Literal

from pydantic import Field, model_validator

from molbench.spec.base import Spec
from molbench.spec.training import TrainingConfig


class NoisyNodesSettings(Spec):
    """Noisy Nodes (Godwin et al., ICLR 2022); defaults of Coord's fine-tuning (arXiv 2206.00133).

    Attributes:
        noise: Standard deviation of each coordinate's displacement in training, Å.
        weight: Of the denoising loss beside the model's own.
    """

    noise: float = Field(default=0.005, gt=0)
    weight: float = Field(default=0.1, ge=0)


class Protocol(Spec):
    """A scoring recipe with a declared budget.

    Attributes:
        kind: ``probe`` freezes the backbone, ``finetune`` trains all of it.
        alphas: Strengths of the L2 penalty tried by cross-validation (``probe``): ``alpha`` of a ridge
            regression, ``1/C`` of a logistic one.
        folds: Cross-validation folds of a logistic or force probe; any other leaves one record out at a time.
        frames: Training frames a force probe is fitted to, drawn by the seed.
        training: Budget of ``finetune`` for one value a record.
        forces: Budget of ``finetune`` for force tasks.
        energy_weight: Share of the energies in the loss of a force task; the rest is the forces'.
        noisy_nodes: Input noise and its denoising as a regulariser of ``finetune``, None for none.
        evaluations: How often the validation split is looked at during training, the end included.
        version: Raised whenever scores change, so that old ones are never mixed in.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    description: str
    kind: Literal["probe", "finetune"]
    alphas: list[float] = []
    folds: int = Field(default=5, ge=2)
    frames: int = Field(default=32, ge=2)
    training: TrainingConfig | None = None
    forces: TrainingConfig | None = None
    energy_weight: float = Field(default=0.05, ge=0, le=1)
    noisy_nodes: NoisyNodesSettings | None = None
    evaluations: int = Field(default=10, ge=1)
    version: int = 1

    @model_validator(mode="after")
    def _complete(self) -> "Protocol":
        if self.kind == "probe" and not self.alphas:
            raise ValueError("a probe needs alphas")
        if self.kind == "probe" and (self.training or self.forces):
            raise ValueError("a probe is solved exactly; it has no training budget")
        if any(not alpha > 0 for alpha in self.alphas):
            raise ValueError("alphas must be positive")
        if self.kind == "finetune" and self.training is None:
            raise ValueError("finetune needs a training budget")
        return self
