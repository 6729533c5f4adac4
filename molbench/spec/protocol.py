"""How a checkpoint is scored on a task."""

from fnmatch import fnmatchcase
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from molbench.spec.base import Spec, later
from molbench.spec.names import Name
from molbench.spec.training import Budget

#: See :class:`Protocol`.
HeadKind = Literal["standard", "published", "linear", "atomic", "physical", "complex"]


class NoisyNodesSettings(Spec):
    """Noisy Nodes (Godwin et al., ICLR 2022); defaults of Coord's fine-tuning (arXiv 2206.00133).

    Attributes:
        noise: Standard deviation of each coordinate's displacement in training, Å.
        weight: Of the denoising loss beside the model's own.
        separate: Whether only a displaced copy is denoised, as Frad's MD17 recipe does, and the model's own
            loss sees the molecules as they are; a second pass of the encoder.
    """

    noise: float = Field(default=0.005, gt=0)
    weight: float = Field(default=0.1, ge=0)
    separate: bool = later(False)


class Override(Spec):
    """What a protocol does differently on some tasks.

    Attributes:
        tasks: Globs over task ids.
        training: Settings of :attr:`Protocol.training`.
        hydrogens: See :class:`Protocol`; None leaves it as it is, as with all that follow.
        select: See :class:`Protocol`.
        logit_threshold: See :class:`Protocol`.
        loss: See :class:`Protocol`.
        head: See :class:`Protocol`.
        standardise: See :class:`Protocol`.
    """

    tasks: list[str] = Field(min_length=1)
    training: dict[str, Any] = {}
    hydrogens: bool | None = None
    select: Literal["loss", "metric"] | None = None
    logit_threshold: float | None = None
    loss: Literal["l1", "mse"] | None = None
    head: HeadKind | None = None
    standardise: bool | None = None

    def applies_to(self, task: str) -> bool:
        """Whether a task, named by its id, is meant."""
        return any(fnmatchcase(task, pattern) for pattern in self.tasks)


class Protocol(Spec):
    """A scoring recipe with a declared budget.

    Attributes:
        name: What it is called.
        description: What it does, in a sentence or two.
        kind: ``probe`` freezes the backbone, ``finetune`` trains all of it, ``audit`` asks it alone.
        alphas: Strengths of the L2 penalty tried by cross-validation (``probe``): ``alpha`` of a ridge
            regression, ``1/C`` of a logistic one.
        folds: Cross-validation folds of a logistic or force probe; any other leaves one record out at a time.
        frames: Training frames a force probe is fitted to, drawn by the seed.
        training: Budget of ``finetune`` for one value a record.
        forces: Budget of ``finetune`` for force tasks.
        energy_weight: Share of the energies in the loss of a force task; the rest is the forces'.
        noisy_nodes: Input noise and its denoising as a regulariser of ``finetune``, None for none.
        evaluations: How often the validation split is looked at during training, the end included, where the
            budget is in steps; one in epochs has one validation each.
        loss: Of ``finetune`` for values and spectra; classes have cross-entropy.
        force_loss: Of ``finetune`` for energies and forces of a force task.
        head: What ``finetune`` puts behind the encoder. ``standard``: two layers on the vectors of a record's
            molecules. ``published``: the predictor an encoder of pairs was published with. ``linear``: one
            layer, as GeoSSL's for LEP. ``atomic``: a sum over atoms of what their scalars give, with their
            vectors where there are some, as MolSpectra's. ``physical``: the same, but made of charges and
            dipoles for ``mu`` and ``r2``, as TorchMD-NET's. ``complex``: two layers on the mean over a
            ligand's atoms beside that over the pocket's. Forces are those of a sum over atoms, which reads
            vectors where the kind is ``atomic`` or ``physical``.
        standardise: False trains on the labels as they are, even where the task would standardise them.
        hydrogens: Whether encoders of 2-D graphs see hydrogens in ``finetune``, whatever they were pretrained
            with: their weights are the same. None leaves it to the checkpoint.
        select: What of the validation split chooses the weights, lowers the rate of ``plateau`` and ends
            training: the loss, or the task's primary metric.
        logit_threshold: Logit from which on ``finetune`` calls a record class 1. It is subtracted from every
            logit before that becomes a probability, so that 0.5 decides, and what only ranks is unchanged.
        overrides: What differs on some tasks; later ones win.
        version: Raised whenever scores change, so that old ones are never mixed in.
    """

    name: Name
    description: str
    kind: Literal["probe", "finetune", "audit"]
    alphas: list[float] = []
    folds: int = Field(default=5, ge=2)
    frames: int = Field(default=32, ge=2)
    training: Budget | None = None
    forces: Budget | None = None
    energy_weight: float = Field(default=0.05, ge=0, le=1)
    noisy_nodes: NoisyNodesSettings | None = None
    evaluations: int = Field(default=10, ge=1)
    loss: Literal["l1", "mse"] = later("l1")
    force_loss: Literal["l1", "mse"] = later("l1")
    head: HeadKind = later("standard")
    standardise: bool = later(True)
    hydrogens: bool | None = later(None)
    select: Literal["loss", "metric"] = later("loss")
    logit_threshold: float = later(0.0)
    overrides: list[Override] = later([])
    version: int = 1

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "probe" and not self.alphas:
            raise ValueError("a probe needs alphas")
        if self.kind != "finetune" and (self.training or self.forces):
            raise ValueError(f"a protocol of kind '{self.kind}' trains nothing; it has no training budget")
        if self.kind != "finetune" and (given := sorted(self.model_fields_set & FINETUNE_ONLY)):
            raise ValueError(
                f"a protocol of kind '{self.kind}' takes encoder and labels as they are; it has no {given[0]}"
            )
        if any(not alpha > 0 for alpha in self.alphas):
            raise ValueError("alphas must be positive")
        if self.kind == "finetune" and self.training is None:
            raise ValueError("finetune needs a training budget")
        for override in self.overrides:
            self._with(override)
        return self

    def on(self, task: str) -> "Protocol":
        """The recipe for one task, named by its id: all overrides that apply are applied."""
        result = self.model_copy(update={"overrides": []})
        for override in self.overrides:
            if override.applies_to(task):
                result = result._with(override)
        return result

    def _with(self, override: Override) -> "Protocol":
        given = override.model_dump(exclude={"tasks", "training"}, exclude_none=True)
        if override.training and self.training is not None:
            values = self.training.model_dump() | override.training
            given["training"] = Budget.model_validate(values)
        return self.model_copy(update=given)


#: Settings without meaning where nothing is trained.
FINETUNE_ONLY = {
    "loss",
    "force_loss",
    "head",
    "standardise",
    "hydrogens",
    "select",
    "logit_threshold",
    "overrides",
}
