"""GEM: read bond lengths, bond angles and distances from the atoms' vectors.

Fang et al., Nature Machine Intelligence 4, 127 (2022), as 3D-EMGP (arXiv 2207.08824) implements it anew on
its encoder: squared error of lengths in Å and of angles over π, cross-entropy of classes of distances. All
heads are symmetric in the outer atoms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import cross_entropy

from molbench.backbones.base import GeometryBackbone
from molbench.graph.bonds import bonds_of
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.edges import EdgeList
from molbench.methods.angle_prediction import triple_angles
from molbench.methods.base import Method
from molbench.methods.parts.layers import PairHead, two_layers


@dataclass(frozen=True)
class GEMConfig:
    """Settings of :class:`GEM`; the last is a bug of 3D-EMGP's release.

    Attributes:
        classes: Classes of distances.
        farthest: Where the last class ends, Å; longer distances belong to it too.
        centre_is_second_atom: Whether every angle is read from the vector of its molecule's second atom
            instead of that of its centre.
    """

    classes: PositiveInt = 30
    farthest: PositiveFloat = 20.0
    centre_is_second_atom: bool = False


class GEM(Method[GEMConfig, None]):
    r"""Prediction of a molecule's internal coordinates.

    Equation:
        \mathcal L = \left\langle (\hat d_{ij} - d_{ij})^2 \right\rangle_{\text{bonds}} + \left\langle
            \left(\hat\vartheta_{jik} - \frac{\angle_{jik}}{\pi}\right)^2 \right\rangle_{\text{angles}} -
            \left\langle \log p\left(\text{class of } d_{ij}\right) \right\rangle_{\text{pairs}}

    Args:
        backbone: Encoder whose atom scalars are used.
        config: Settings.
    """

    name = "gem"

    def __init__(self, backbone: GeometryBackbone, config: GEMConfig | None = None) -> None:
        super().__init__(backbone, config)
        config = self.config
        width = backbone.width
        self.length = PairHead(width)
        self.angle = two_layers(2 * width, width, 1)
        self.distance = PairHead(width, config.classes)

    def loss_given(
        self,
        batch: MoleculeBatch,
        draws: None,  # noqa: ARG002 - nothing is random
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`Method.loss_given`; logs the three parts."""
        positions, bonded, atoms = batch.positions, bonds_of(batch), self.backbone(batch).scalars

        ends = bonded.sort(dim=1).values
        bonds = EdgeList(ends[:, 0], ends[:, 1], symmetric=True)
        length = (self.length(atoms, bonds).squeeze(1) - bonds.distances(positions)).square()

        centre, first, second = triples = bond_angles(bonded, batch.num_atoms)
        if self.config.centre_is_second_atom:
            centre = batch.ptr[batch.molecule[centre]] + 1
        seen = torch.cat([atoms[centre], atoms[first] + atoms[second]], dim=1)
        angle = (self.angle(seen).squeeze(1) - triple_angles(positions, triples) / math.pi).square()

        pairs, config = all_pairs(batch.ptr), self.config
        classes = (pairs.distances(positions) * (config.classes / config.farthest)).long()
        scores = self.distance(atoms, pairs)
        distance = cross_entropy(scores, classes.clamp(max=config.classes - 1), reduction="none")

        parts = {"length": length, "angle": angle, "distance": distance}
        means = {name: errors.sum() / max(errors.numel(), 1) for name, errors in parts.items()}
        return torch.stack(list(means.values())).sum(), {name: mean.detach() for name, mean in means.items()}


def bond_angles(bonds: Tensor, num_atoms: int) -> Tensor:
    """Centre and both ends of every angle between two bonds, [3, A] int64.

    Args:
        bonds: Each once, [K, 2].
        num_atoms: N.
    """
    both = torch.cat([bonds, bonds.flip(1)])
    centre, end = both[both[:, 0].argsort(stable=True)].unbind(1)
    degree = torch.bincount(centre, minlength=num_atoms)
    # All pairs of the bonds of one atom, as of the atoms of one molecule.
    pairs = all_pairs(torch.cat([degree.new_zeros(1), degree.cumsum(0)]))
    return torch.stack([centre[pairs.source], end[pairs.source], end[pairs.target]])
