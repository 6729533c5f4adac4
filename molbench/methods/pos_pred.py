"""PosPred: find the place of atoms that were moved to the middle of their molecule.

The plainest of 3D-EMGP's baselines (Jiao et al., AAAI 2023, arXiv 2207.08824): some atoms are put on the
centroid, an equivariant output says where they were; squared error in Å².
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from molbench.backbones.base import GeometryBackbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.methods.base import Method
from molbench.methods.parts.displacement import DisplacementHead
from molbench.methods.parts.draws import normal, uniform
from molbench.methods.parts.sampling import some_atoms
from molbench.methods.parts.views import with_bonds
from molbench.spec.config import Share


@dataclass(frozen=True)
class PosPredConfig:
    """Settings of :class:`PosPred`.

    Attributes:
        ratio: Share of a molecule's atoms that are moved, at least one.
        jitter: Standard deviation of each coordinate around the centroid, Å. With none, as released, two
            moved atoms are in one place: no direction leads from one to the other, and PaiNN divides by zero.
    """

    ratio: Share = 0.15
    jitter: NonNegativeFloat = 0.05


@dataclass(frozen=True, eq=False)
class PosPredDraws:
    """Every random number of one loss.

    Attributes:
        moved: Whether each atom is moved, [N] bool.
        noise: Standard normal numbers, [N, 3].
    """

    moved: Tensor
    noise: Tensor


class PosPred(Method[PosPredConfig, PosPredDraws]):
    r"""Regression of hidden positions.

    Equation:
        \mathcal L = \frac{1}{|H|} \sum_{i \in H} \left\lVert \tilde x_i + \hat u_i(\tilde x) - x_i
            \right\rVert^2, \qquad \tilde x_i = \langle x \rangle + \sigma \epsilon_i \text{ for } i \in H

    Args:
        backbone: Encoder whose vectors are used, or its atom scalars where it has none.
        config: Settings.
    """

    name = "pos-pred"

    def __init__(self, backbone: GeometryBackbone, config: PosPredConfig | None = None) -> None:
        super().__init__(backbone, config)
        self.displacement = DisplacementHead(backbone)

    def draw(self, batch: MoleculeBatch, generator: torch.Generator) -> PosPredDraws:
        """All random numbers for one batch, on its device."""
        keys = uniform(generator, batch.ptr.device, batch.num_atoms)
        return PosPredDraws(
            some_atoms(batch, self.config.ratio, keys),
            normal(generator, batch.positions, batch.num_atoms, 3),
        )

    def loss_given(self, batch: MoleculeBatch, draws: PosPredDraws) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`."""
        middle = mean_atoms(batch.positions, batch)[batch.molecule] + self.config.jitter * draws.noise
        positions = torch.where(draws.moved.unsqueeze(1), middle, batch.positions)
        moved = with_bonds(batch).replace(positions=positions)
        predicted = positions + self.displacement(self.backbone(moved, vectors=True), moved)
        return (predicted - batch.positions)[draws.moved].square().sum(1).mean(), {}
