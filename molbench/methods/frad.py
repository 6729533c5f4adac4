"""Frad: molecules whose rotatable bonds were turned and whose atoms were displaced; predict the latter.

Feng et al., ICML 2023 (arXiv 2307.10683), fractional denoising. The turns reach conformations that noise on
coordinates could not without breaking bonds, and are not to be undone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.base import Method
from molbench.methods.parts.denoising import NoiseHead, Normaliser, Standardiser
from molbench.methods.parts.draws import normal
from molbench.methods.parts.torsions import Cuts, rotatable_cuts, twist
from molbench.methods.parts.views import bare, with_bonds


@dataclass(frozen=True)
class FradConfig:
    """Settings of :class:`Frad`.

    Attributes:
        torsion_noise: Standard deviation of each dihedral angle's noise, degrees.
        noise: Standard deviation of each coordinate's noise, Å.
        centre: Whether the noise of a molecule has no mean, and so does not move it as a whole.
        normaliser: How targets get unit variance, see
            :class:`~molbench.methods.parts.denoising.Standardiser`.
    """

    torsion_noise: NonNegativeFloat = 2.0
    noise: PositiveFloat = 0.04
    centre: bool = True
    normaliser: Normaliser = "scale"


@dataclass(frozen=True, eq=False)
class FradDraws:
    """Every random number of one loss, and the bonds they belong to.

    Attributes:
        noise: Displacement of each atom, Å, [N, 3].
        rotatable: J bonds that turn.
        angles: By how much, radians, [J].
    """

    noise: Tensor
    rotatable: Cuts
    angles: Tensor


class Frad(Method[FradConfig, FradDraws]):
    r"""Fractional denoising.

    Equation:
        \mathcal L = \frac{1}{3N} \sum_i \left\lVert \hat\epsilon_i\left(x(\varphi + \Delta\varphi) +
            \epsilon\right) - \epsilon_i / \sigma \right\rVert^2, \qquad \Delta\varphi \sim \mathcal N(0,
            \sigma_\varphi^2), \quad \epsilon_i \sim \mathcal N(0, \sigma^2)

    Args:
        backbone: Encoder whose atom vectors are used.
        config: Settings.

    Raises:
        UserError: If the encoder has no vectors.
    """

    name = "frad"
    needs_vectors = True

    def __init__(self, backbone: GeometryBackbone, config: FradConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.head = NoiseHead(backbone)
        self.standardise = Standardiser(config.normaliser, config.noise)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> FradDraws:
        """All random numbers for one batch, on its device."""
        noise = self.config.noise * normal(generator, batch.positions, batch.num_atoms, 3)
        rotatable = rotatable_cuts(batch)
        angles = self.config.torsion_noise * normal(generator, batch.positions, len(rotatable.bonds))
        return FradDraws(
            centred_per_molecule(noise, batch) if self.config.centre else noise,
            rotatable,
            torch.deg2rad(angles),
        )

    def loss_given(self, batch: MoleculeBatch, draws: FradDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`."""
        clean = bare(with_bonds(batch))
        noisy = clean.replace(positions=twist(clean, draws.rotatable, draws.angles) + draws.noise)
        guess = self.head(self.backbone(noisy, vectors=True))
        return torch.nn.functional.mse_loss(guess, self.standardise(draws.noise)), {}
