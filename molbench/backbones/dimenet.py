"""DimeNet++, with the layers of PyTorch Geometric, on our neighbours.

Gasteiger et al., NeurIPS 2020 workshop (arXiv 2011.14115), on the bases of DimeNet, ICLR 2020 (arXiv
2003.03123).
The library's forward pass needs two compiled extensions, for neighbours and for triplets of atoms; here it
is written anew around the library's layers. The atom features are the outputs of all blocks, summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch_geometric.nn.models.dimenet import (
    BesselBasisLayer,
    EmbeddingBlock,
    InteractionPPBlock,
    OutputPPBlock,
)

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.heads.gated import length
from molbench.backbones.parts.layers import Readout, pool
from molbench.backbones.parts.spherical import SphericalBasis
from molbench.graph.joins import triplets
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.edges import EdgeList


@dataclass(frozen=True)
class DimeNetPPConfig:
    """Settings of :class:`DimeNetPP`; defaults are the paper's.

    Attributes:
        width: Features of an atom.
        hidden: Features of an edge.
        blocks: Number of interaction blocks.
        triplet_features: Features of an edge while it is mixed with others.
        basis_features: Width that the bases are projected to.
        output_features: Features of an atom in the output blocks.
        spherical: Number of spherical harmonics.
        radial: Number of radial functions.
        cutoff: Radius in Å.
        readout: How atoms become a molecule.
    """

    width: PositiveInt = 128
    hidden: Annotated[int, Field(ge=2)] = 128
    blocks: PositiveInt = 4
    triplet_features: PositiveInt = 64
    basis_features: PositiveInt = 8
    output_features: Annotated[int, Field(ge=2)] = 256
    spherical: Annotated[int, Field(ge=1, le=32)] = 7
    radial: Annotated[int, Field(ge=1, le=128)] = 6
    cutoff: PositiveFloat = 5.0
    readout: Readout = "sum"


class DimeNetPP(GeometryBackbone[DimeNetPPConfig]):
    """DimeNet++ encoder: invariant scalars from distances and angles, no vectors; elements up to 94.

    Args:
        config: Settings.
    """

    name = "dimenet++"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "hidden": 32, "blocks": 1, "spherical": 3, "output_features": 32}

    def __init__(self, config: DimeNetPPConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = config.width
        act = nn.SiLU()
        self.rbf = BesselBasisLayer(config.radial, config.cutoff)
        self.sbf = SphericalBasis(config.spherical, config.radial, config.cutoff)
        self.emb = EmbeddingBlock(config.radial, config.hidden, act)
        self.interaction_blocks = nn.ModuleList(
            InteractionPPBlock(
                config.hidden,
                config.triplet_features,
                config.basis_features,
                config.spherical,
                config.radial,
                num_before_skip=1,
                num_after_skip=2,
                act=act,
            )
            for _ in range(config.blocks)
        )
        # Zeros, the library's start for an energy, would not tell atoms apart.
        self.output_blocks = nn.ModuleList(
            OutputPPBlock(
                config.radial,
                config.hidden,
                config.output_features,
                config.width,
                num_layers=3,
                act=act,
                output_initializer="glorot_orthogonal",
            )
            for _ in range(config.blocks + 1)
        )

    @property
    def largest_element(self) -> int:
        """See :attr:`GeometryBackbone.largest_element`."""
        return int(self.emb.emb.num_embeddings) - 1

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """Pairs within the cutoff."""
        return radius_edges(batch, self.config.cutoff)

    def forward(
        self,
        batch: MoleculeBatch,
        edges: EdgeList | None = None,
        *,
        vectors: bool = False,  # noqa: ARG002 - an invariant encoder has none
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`."""
        both = (edges or self.neighbors(batch)).directed()
        inward, onward = triplets(both, batch.num_atoms)
        distances = both.distances(batch.positions)
        basis = self.rbf(distances)
        angles = _angles(both.vectors(batch.positions), inward, onward)
        angular = self.sbf(distances, angles, inward)

        x = self.emb(batch.atomic_numbers, basis, both.target, both.source)
        scalars = self.output_blocks[0](x, basis, both.target, num_nodes=batch.num_atoms)
        for interaction, output in zip(self.interaction_blocks, self.output_blocks[1:], strict=True):
            x = interaction(x, basis, angular, inward, onward)
            scalars = scalars + output(x, basis, both.target, num_nodes=batch.num_atoms)
        return Representation(scalars, pool(scalars, batch, self.config.readout))


def _angles(vectors: Tensor, inward: Tensor, onward: Tensor) -> Tensor:
    """Angle between the edges k → j and j → i, [T]."""
    first, second = vectors[inward], vectors[onward]
    sine = length(torch.linalg.cross(first, second).unsqueeze(-1)).squeeze(-1)
    return torch.atan2(sine, (first * second).sum(-1))
