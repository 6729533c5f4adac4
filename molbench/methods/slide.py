"""SliDe: learn the force of a classical potential of bonds, angles and torsions, one direction at a time.

Ni, Feng et al., ICLR 2024 (arXiv 2311.02124), sliced denoising. Bond lengths, angles and dihedrals d are
displaced from their values d0 in the molecule by noise as wide as a harmonic potential lets them be. Its
forces are ``-Jᵀ u`` with ``u = (d - d0) / σ²`` and ``J = ∂d/∂x``, and the Jacobian is not needed: along a
direction v of all atoms' positions the force is how ``-u·d`` changes, and to match it along many random v is
to match it. As a regulariser the noise of :mod:`molbench.methods.coord` comes on top and is predicted by a
head of its own.

Bonds outside rings are the joints that are stretched, tilted and twisted; rings move as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.base import Method
from molbench.methods.parts.denoising import NoiseHead, Normaliser, Standardiser
from molbench.methods.parts.draws import normal
from molbench.methods.parts.harmonic import Harmonic, Widths
from molbench.methods.parts.torsions import flex
from molbench.methods.parts.views import encode_views, with_bonds


@dataclass(frozen=True)
class SliDeConfig:
    """Settings of :class:`SliDe`.

    Attributes:
        bond_noise: Width of bond lengths, Å.
        angle_noise: Width of bond angles, radians.
        rotatable_noise: Width of dihedrals about bonds that turn freely, radians.
        torsion_noise: Width of all other dihedrals, radians.
        slices: Random directions a molecule.
        slice_step: Standard deviation of each coordinate of the step along them, Å.
        noise: Standard deviation of each coordinate's noise in the regulariser, Å.
        regulariser: Weight of the regulariser.
        centre: Whether that noise of a molecule has no mean.
        normaliser: How it gets unit variance, see :class:`~molbench.methods.parts.denoising.Standardiser`.
    """

    bond_noise: PositiveFloat = 0.058
    angle_noise: PositiveFloat = 0.129
    rotatable_noise: PositiveFloat = 1.0
    torsion_noise: PositiveFloat = 0.18
    slices: PositiveInt = 128
    slice_step: PositiveFloat = 0.001
    noise: PositiveFloat = 0.04
    regulariser: NonNegativeFloat = 1.0
    centre: bool = True
    normaliser: Normaliser = "scale"


@dataclass(frozen=True, eq=False)
class SliDeDraws:
    """Every random number of one loss, and the potential they belong to.

    Attributes:
        potential: Around the molecules as they are, with J joints.
        twists: Of each joint about its bond, radians, [J].
        tilts: Of each joint against its bond, rotation vectors, [J, 3].
        stretches: Of each joint along its bond, Å, [J].
        noise: Displacement of each atom in the regulariser, Å, [N, 3].
        slices: Standard normal directions, [S, N, 3].
    """

    potential: Harmonic
    twists: Tensor
    tilts: Tensor
    stretches: Tensor
    noise: Tensor
    slices: Tensor


class SliDe(Method[SliDeConfig, SliDeDraws]):
    r"""Sliced denoising.

    Equation:
        \mathcal L = \frac{1}{3N} \sum_{m} \frac{1}{S} \sum_{v} \left( v^\top \hat f_m + \sigma_b\,
            u^\top \frac{d(x + \delta v) - d(x)}{\delta} \right)^2 + \lambda \frac{1}{3N} \sum_i
            \left\lVert \hat\epsilon_i - \frac{\epsilon_i}{\sigma} \right\rVert^2
        u = (d - d_0) / \sigma_d^2

    Args:
        backbone: Encoder whose atom vectors are used.
        config: Settings.

    Raises:
        UserError: If the encoder has no vectors.
    """

    name = "slide"
    needs_vectors = True

    def __init__(self, backbone: GeometryBackbone, config: SliDeConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        self.force = NoiseHead(backbone)
        self.head = NoiseHead(backbone)
        self.standardise = Standardiser(config.normaliser, config.noise)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> SliDeDraws:
        """All random numbers for one batch, on its device."""
        config, like = self.config, batch.positions
        widths = Widths(config.bond_noise, config.angle_noise, config.rotatable_noise, config.torsion_noise)
        potential = Harmonic.of(batch, widths)
        joints = len(potential.freely)
        turning = torch.where(potential.freely, config.rotatable_noise, config.torsion_noise)
        noise = config.noise * normal(generator, like, batch.num_atoms, 3)
        return SliDeDraws(
            potential=potential,
            twists=turning.to(like.dtype) * normal(generator, like, joints),
            tilts=config.angle_noise * normal(generator, like, joints, 3),
            stretches=config.bond_noise * normal(generator, like, joints),
            noise=centred_per_molecule(noise, batch) if config.centre else noise,
            slices=normal(generator, like, config.slices, batch.num_atoms, 3),
        )

    def loss_given(self, batch: MoleculeBatch, draws: SliDeDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the sliced loss and the regulariser unweighted."""
        batch = with_bonds(batch)
        flexed = batch.replace(
            positions=flex(batch, draws.potential.joints, draws.twists, draws.tilts, draws.stretches)
        )
        noisy = flexed.replace(positions=flexed.positions + draws.noise)
        first, second = encode_views(self.backbone, flexed, noisy, vectors=True)
        along = self.along(flexed, draws.potential, draws.slices)
        sliced = self.sliced(self.force(first), flexed, draws.slices, along)
        coordinate = functional.mse_loss(self.head(second), self.standardise(draws.noise))
        total = sliced + self.config.regulariser * coordinate
        return total, {"sliced": sliced.detach(), "coordinate": coordinate.detach()}

    def along(self, flexed: MoleculeBatch, potential: Harmonic, slices: Tensor) -> Tensor:
        """The force along each slice of each molecule, in units of one over the width of a bond, [S, B].

        By finite differences, in double precision since those are small.
        """
        positions, step = flexed.positions.double(), self.config.slice_step
        values = potential.values(positions)
        pull = potential.difference(values, potential.minimum) / potential.variance
        ahead = potential.values(positions + step * slices.double())
        rise = potential.difference(ahead, values) * pull / step
        slopes = rise.new_zeros(len(slices), flexed.num_graphs).index_add(1, potential.molecule, rise)
        return (-self.config.bond_noise * slopes).to(slices.dtype)

    @staticmethod
    def sliced(force: Tensor, batch: MoleculeBatch, slices: Tensor, along: Tensor) -> Tensor:
        """Mean squared error a coordinate, on average over slices, of forces [N, 3] known along slices."""
        shares = (slices * force).sum(-1)
        guess = shares.new_zeros(along.shape).index_add(1, batch.molecule, shares)
        return (guess - along).square().mean(0).sum() / max(force.numel(), 1)
