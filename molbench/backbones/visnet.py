"""ViSNet, as PyTorch Geometric implements it, on our neighbours.

Wang et al., Nature Communications 15, 313 (2024) (arXiv 2210.16518). The library's own neighbour search needs
a compiled extension; ours takes its place, and everything behind it is the library's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch_geometric.nn.models.visnet import ViSNetBlock

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.parts.layers import Readout, pool
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.edges import EdgeList


@dataclass(frozen=True)
class ViSNetConfig:
    """Settings of :class:`ViSNet`; defaults are the library's.

    Attributes:
        width: Features of an atom, scalars and vectors alike.
        layers: Number of message-passing layers.
        heads: Attention heads; they share the width.
        radial: Size of the distance basis.
        degree: Highest degree of the spherical harmonics, 1 or 2.
        cutoff: Radius in Å.
        elements: Atomic numbers below this have features.
        vertex: Whether edges are updated by the angles at both their ends (ViSNet's runtime geometry).
        readout: How atoms become a molecule.
    """

    width: PositiveInt = 128
    layers: PositiveInt = 6
    heads: PositiveInt = 8
    radial: PositiveInt = 32
    degree: Annotated[int, Field(ge=1, le=2)] = 1
    cutoff: PositiveFloat = 5.0
    elements: PositiveInt = 100
    vertex: bool = False
    readout: Readout = "sum"


class GivenEdges(nn.Module):
    """In place of the library's search: the edges it is given, and each atom's edge to itself."""

    def forward(self, positions: Tensor, edges: EdgeList) -> tuple[Tensor, Tensor, Tensor]:
        """Edge index [2, E], distances [E] and vectors [E, 3], both zero for loops."""
        both = edges.directed()
        loops = torch.arange(len(positions), device=positions.device).expand(2, -1)
        index = torch.cat([torch.stack([both.source, both.target]), loops], dim=-1)
        none = torch.zeros_like(positions)
        distances = torch.cat([both.distances(positions), none[:, 0]])
        return index, distances, torch.cat([both.vectors(positions), none])


class ViSNet(GeometryBackbone[ViSNetConfig]):
    """ViSNet encoder: invariant scalars and equivariant vectors.

    Args:
        config: Settings.

    Raises:
        UserError: If the heads do not divide the width.
    """

    name = "visnet"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "layers": 2}

    def __init__(self, config: ViSNetConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = config.width
        if config.width % config.heads:
            raise UserError(f"backbone 'visnet': {config.heads} heads cannot share a width of {config.width}")
        self.block = ViSNetBlock(
            lmax=config.degree,
            num_heads=config.heads,
            num_layers=config.layers,
            hidden_channels=config.width,
            num_rbf=config.radial,
            max_z=config.elements,
            cutoff=config.cutoff,
            vertex=config.vertex,
        )
        self.block.distance = GivenEdges()

    @property
    def largest_element(self) -> int:
        """See :attr:`GeometryBackbone.largest_element`."""
        return self.config.elements - 1

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """Pairs within the cutoff."""
        return radius_edges(batch, self.config.cutoff)

    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`."""
        # The block hands its third argument to the search and to nothing else.
        scalars, tensors = self.block(batch.atomic_numbers, batch.positions, edges or self.neighbors(batch))
        atom_vectors = tensors[:, :3] if vectors else None
        return Representation(scalars, pool(scalars, batch, self.config.readout), atom_vectors)
