"""SchNet: continuous-filter convolutions over interatomic distances.

Schütt et al., J. Chem. Phys. 148, 241722 (2018), in the form that GeoSSL (arXiv 2206.13602) pretrains: the
atom features are those behind the output network, a molecule's vector is their mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.parts.layers import (
    AtomEmbedding,
    GaussianBasis,
    Readout,
    Vocabulary,
    cosine_envelope,
    dense,
    pool,
    with_bias,
)
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.activations import shifted_softplus
from molbench.kernels.convolution import convolve
from molbench.kernels.edges import EdgeList
from molbench.kernels.interpolation import (
    POINTS,
    Interpolation,
    convolve_interpolated,
    grid,
    interpolation,
    pays,
)
from molbench.kernels.products import linear


@dataclass(frozen=True)
class SchNetConfig:
    """Settings of :class:`SchNet`; the last three are quirks of the GeoSSL release, off by default.

    Attributes:
        width: Features of an atom.
        filters: Features of a filter.
        interactions: Number of interaction blocks.
        gaussians: Size of the distance basis.
        cutoff: Radius in Å.
        readout: How atoms become a molecule.
        vocabulary: ``geossl`` knows nine classes of atoms.
        max_neighbors: 32 truncates the neighbours of atoms in crowded surroundings, by index.
        random_filter_bias: Whether the last bias of each filter network starts at random instead of zero.
    """

    width: PositiveInt = 128
    filters: PositiveInt = 128
    interactions: PositiveInt = 6
    gaussians: Annotated[int, Field(ge=2)] = 51
    cutoff: PositiveFloat = 10.0
    readout: Readout = "mean"
    vocabulary: Vocabulary = "elements"
    max_neighbors: PositiveInt | None = None
    random_filter_bias: bool = False


class Interaction(nn.Module):
    """One block: filters from distances, convolution, atom-wise layers, [N, width] to [N, width]."""

    def __init__(self, config: SchNetConfig) -> None:
        super().__init__()
        self.filter_in = dense(config.gaussians, config.filters)
        self.filter_out = dense(config.filters, config.filters)
        self.atom_in = dense(config.width, config.filters, bias=False)
        self.atom_out = dense(config.filters, config.width)
        self.update = dense(config.width, config.width)
        if config.random_filter_bias:
            bound = config.filters**-0.5
            nn.init.uniform_(self.filter_out.bias, -bound, bound)

    def forward(
        self, x: Tensor, edges: EdgeList, basis: Tensor, envelope: Tensor, at: Interpolation | None
    ) -> Tensor:
        """The change of the atom features; basis and envelope are those of the edges or of their grid."""
        hidden = shifted_softplus(linear(basis, with_bias(self.filter_in)))
        filters = self.filter_out(hidden) * envelope
        if at is None:
            messages = convolve(edges, self.atom_in(x), filters)
        else:
            messages = convolve_interpolated(edges, self.atom_in(x), filters, at)
        change: Tensor = self.update(shifted_softplus(self.atom_out(messages)))
        return change


class SchNet(GeometryBackbone[SchNetConfig]):
    """SchNet encoder: invariant scalars, no vectors.

    Args:
        config: Settings.
    """

    name = "schnet"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "filters": 32, "interactions": 2}

    def __init__(self, config: SchNetConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = config.width
        self.embedding = AtomEmbedding(config.width, config.vocabulary)
        self.basis = GaussianBasis(config.gaussians, config.cutoff)
        self.intervals = POINTS * (config.gaussians - 1)
        self.interactions = nn.ModuleList(Interaction(config) for _ in range(config.interactions))
        self.output_in = dense(config.width, config.width)
        self.output_out = dense(config.width, config.width)

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """Pairs within the cutoff."""
        return radius_edges(batch, self.config.cutoff, self.config.max_neighbors)

    def forward(
        self,
        batch: MoleculeBatch,
        edges: EdgeList | None = None,
        *,
        vectors: bool = False,  # noqa: ARG002 - an invariant encoder has none
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`."""
        edges = edges or self.neighbors(batch)
        distances, at = edges.distances(batch.positions), None
        if self._uses_grid(edges, distances):
            at = interpolation(distances, self.config.cutoff, self.intervals)
            distances = grid(self.config.cutoff, self.intervals, like=distances)
        # The constant 1 carries the bias of the filters.
        basis = torch.cat([self.basis(distances), distances.new_ones(len(distances), 1)], dim=-1)
        envelope = cosine_envelope(distances, self.config.cutoff, truncated=at is None).unsqueeze(-1)
        x = self.embedding(batch.atomic_numbers)
        for interaction in self.interactions:
            x = x + interaction(x, edges, basis, envelope, at)
        scalars = self.output_out(shifted_softplus(self.output_in(x)))
        return Representation(scalars, pool(scalars, batch, self.config.readout))

    def _uses_grid(self, edges: EdgeList, distances: Tensor) -> bool:
        return pays(edges, distances, self.intervals)
