"""Noisy Nodes: denoising as a regulariser of fine-tuning.

Godwin et al., ICLR 2022 (arXiv 2106.07971), in the form of Coord's fine-tuning (arXiv 2206.00133): the model
is trained on slightly displaced molecules with the labels of the undisplaced, and a second head tells the
displacement. Nothing is displaced when it predicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.parts.denoising import NoiseHead, Normaliser, Standardiser
from molbench.methods.parts.draws import normal
from molbench.methods.parts.views import with_bonds


class Trainable(Protocol):
    """A model that can be fine-tuned, such as those of :mod:`molbench.evaluation.models`."""

    backbone: GeometryBackbone

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean loss of a batch, and parts of it to log."""


class NoisyNodes(nn.Module):
    """A model with input noise in training, and its denoising beside its own loss.

    Train this in the place of the model, which shares its weights. In evaluation mode nothing is displaced,
    and the loss is the model's own.

    Args:
        model: Module with a ``backbone`` and a ``loss``.
        noise: Standard deviation of each coordinate's noise, Å.
        weight: Of the denoising loss; 0 leaves the noise without a loss, as MolSpectra's MD17 recipe does.
        separate: Whether the model's own loss sees the undisplaced molecules and only the denoising displaced
            ones, at the price of a second pass, as Frad's MD17 recipe does.
        centre: Whether the noise of a molecule has no mean.
        normaliser: How noise becomes a target, see :class:`~molbench.methods.parts.denoising.Standardiser`.

    Raises:
        UserError: If the weight is not 0 and the backbone has no vectors.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        noise: float = 0.005,
        weight: float = 0.1,
        separate: bool = False,
        centre: bool = True,
        normaliser: Normaliser = "scale",
    ) -> None:
        super().__init__()
        self.model = model
        self.noise, self.weight, self.separate, self.centre = noise, weight, separate, centre
        if weight:
            self.head = NoiseHead(self._trainable.backbone)
            self.standardise = Standardiser(normaliser, noise)

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The model's own loss and weighted denoising; logs the latter unweighted."""
        if not self.training:
            return self._trainable.loss(batch, generator)
        noise = self.noise * normal(generator, batch.positions, batch.num_atoms, 3)
        return self.loss_given(batch, centred_per_molecule(noise, batch) if self.centre else noise, generator)

    def loss_given(
        self, batch: MoleculeBatch, noise: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """:meth:`loss` with displacements [N, 3] in Å given; the generator is the model's."""
        batch = with_bonds(batch)
        noisy = batch.replace(positions=batch.positions + noise)
        model = self._trainable
        if not self.weight:
            return model.loss(batch if self.separate else noisy, generator)
        if self.separate:
            loss, logs = model.loss(batch, generator)
            encoded = model.backbone(noisy, vectors=True)
        else:
            with _captured_outputs(model.backbone) as captured:
                loss, logs = model.loss(noisy, generator)
            encoded = captured[-1]
        denoising = nn.functional.mse_loss(self.head(encoded), self.standardise(noise))
        return loss + self.weight * denoising, {**logs, "denoising": denoising.detach()}

    @property
    def _trainable(self) -> Trainable:
        return cast(Trainable, self.model)


@contextmanager
def _captured_outputs(backbone: GeometryBackbone) -> Iterator[list[Representation]]:
    """What the backbone gives its caller, vectors included, so that it need not encode twice."""
    captured: list[Representation] = []

    def ask(module: nn.Module, args: Any, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ARG001
        return args, {**options, "vectors": True}

    def keep(module: nn.Module, args: Any, encoded: Representation) -> None:  # noqa: ARG001
        captured.append(encoded)

    hooks = backbone.register_forward_pre_hook(ask, with_kwargs=True), backbone.register_forward_hook(keep)
    try:
        yield captured
    finally:
        for hook in hooks:
            hook.remove()
