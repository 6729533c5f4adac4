"""Coord: predict the noise that was added to the positions.

Zaidi et al., ICLR 2023 (arXiv 2206.00133), section 3: for small noise the best answer is, up to scale, the
force of a potential with minima at the molecules seen. Stage 1 of MolSpectra is the same objective.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.base import Method
from molbench.methods.parts.denoising import NoiseHead, Normaliser, Standardiser
from molbench.methods.parts.draws import normal
from molbench.methods.parts.views import bare, with_bonds


@dataclass(frozen=True)
class CoordConfig:
    """Settings of :class:`Coord`.

    Attributes:
        noise: Standard deviation of each coordinate's noise, Å.
        centre: Whether the noise of a molecule has no mean, and so does not move it as a whole.
        normaliser: How targets get unit variance, see
            :class:`~molbench.methods.parts.denoising.Standardiser`.
    """

    noise: PositiveFloat = 0.04
    centre: bool = True
    normaliser: Normaliser = "scale"


class Coord(Method[CoordConfig, Tensor]):
    r"""Pretraining via denoising.

    Equation:
        \mathcal L = \frac{1}{3N} \sum_i \left\lVert \hat\epsilon_i(x + \epsilon) - \epsilon_i / \sigma
            \right\rVert^2, \qquad \epsilon_i \sim \mathcal N(0, \sigma^2)

    Args:
        backbone: Encoder whose atom vectors are used.
        config: Settings.

    Raises:
        UserError: If the encoder has no vectors.
    """

    name = "coord"
    needs_vectors = True

    def __init__(self, backbone: GeometryBackbone, config: CoordConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.head = NoiseHead(backbone)
        self.standardise = Standardiser(config.normaliser, config.noise)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> Tensor:
        """Displacement of each atom, Å, [N, 3]."""
        noise = self.config.noise * normal(generator, batch.positions, batch.num_atoms, 3)
        return centred_per_molecule(noise, batch) if self.config.centre else noise

    def loss_given(self, batch: MoleculeBatch, draws: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`."""
        clean = bare(with_bonds(batch))
        return self.denoise(clean.replace(positions=clean.positions + draws), draws), {}

    def denoise(self, noisy: MoleculeBatch, noise: Tensor) -> Tensor:
        """Mean squared error of the noise in units of its scale."""
        guess = self.head(self.backbone(noisy, vectors=True))
        return torch.nn.functional.mse_loss(guess, self.standardise(noise))
