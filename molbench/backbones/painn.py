"""PaiNN: polarizable atom interaction neural network, equivariant messages of scalars and vectors.

Schütt, Unke, Gastegger, ICML 2021 (arXiv 2102.03150), equations 7-10, without the output block: atom features
are the scalars behind the last mixing, a molecule's vector is their sum (GeoSSL, arXiv 2206.13602).

Two identities keep the work on atoms and on narrow arrays. The filters are linear in the radial basis, so the
envelope (and 1/d) multiplies the basis and not the filters; training on many pairs reads them off a grid of
distances. And because a direction is a difference of positions,
``Σ_j w_ij φ_j (r_j - r_i) = Σ_j w_ij (φ_j r_j) - r_i Σ_j w_ij φ_j``: the message along the bond is the same
convolution as all others, of φ and of φ times position. Positions are taken from each molecule's centre,
which changes nothing but rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import PositiveFloat, PositiveInt
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
from molbench.graph.scatter import mean_atoms
from molbench.kernels.activations import SiLU
from molbench.kernels.convolution import convolve
from molbench.kernels.edges import EdgeList
from molbench.kernels.interpolation import POINTS, Interpolation, grid, interpolate, interpolation, pays
from molbench.kernels.products import linear


@dataclass(frozen=True)
class PaiNNConfig:
    """Settings of :class:`PaiNN`; the last three are quirks of the GeoSSL release, off by default.

    Attributes:
        width: Features of an atom, scalars and vectors alike.
        interactions: Number of interaction and mixing blocks.
        radial: Size of the distance basis.
        cutoff: Radius in Å.
        readout: How atoms become a molecule.
        vocabulary: ``geossl`` knows nine classes of atoms.
        max_neighbors: 32 truncates the neighbours of atoms in crowded surroundings, by index. The release
            sends the messages of the truncated list the wrong way round, and so does this.
        frozen_hydrogen: Whether hydrogen starts from a zero vector that is never trained.
    """

    width: PositiveInt = 128
    interactions: PositiveInt = 3
    radial: PositiveInt = 20
    cutoff: PositiveFloat = 5.0
    readout: Readout = "sum"
    vocabulary: Vocabulary = "elements"
    max_neighbors: PositiveInt | None = None
    frozen_hydrogen: bool = False


@dataclass(frozen=True, eq=False)
class RadialFilters:
    """Filters of E pairs, linear in a basis of their distances.

    Attributes:
        basis: Of the pairs, [E, K], or of the points of a grid, [G, K].
        distances: Å, [E].
        between: Where the pairs lie on the grid, if there is one.
    """

    basis: Tensor
    distances: Tensor
    between: Interpolation | None

    def values(self, weight: Tensor) -> Tensor:
        """Filters of weights [F, K], [E, F]."""
        filters = linear(self.basis, weight)
        return filters if self.between is None else interpolate(filters, self.between)

    def over_distance(self) -> RadialFilters:
        """Those divided by the distance of each pair."""
        distances, at = self.distances.unsqueeze(-1), self.between
        if at is None:
            return RadialFilters(self.basis / distances, self.distances, None)
        return RadialFilters(self.basis, self.distances, Interpolation(at.first, at.shares / distances))


class Mixing(nn.Module):
    """Exchange between the scalars [N, F] and vectors [N, 3, F] of each atom (equations 9 and 10)."""

    epsilon = 1e-8

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = dense(width, 2 * width, bias=False)
        self.context = nn.Sequential(dense(2 * width, width), SiLU(), dense(width, 3 * width))

    def forward(self, s: Tensor, v: Tensor, update_vectors: bool) -> tuple[Tensor, Tensor]:
        """New scalars and vectors; the latter unchanged where their update is not wanted."""
        left, right = self.channels(v).chunk(2, dim=-1)
        norm = torch.sqrt(left.square().sum(1) + self.epsilon)
        scale_s, scale_v, scale_sv = self.context(torch.cat([s, norm], dim=-1)).chunk(3, dim=-1)
        s = s + scale_s + scale_sv * (left * right).sum(1)
        return s, v + scale_v.unsqueeze(1) * right if update_vectors else v


class PaiNN(GeometryBackbone[PaiNNConfig]):
    """PaiNN encoder: invariant scalars and equivariant vectors.

    Args:
        config: Settings.
    """

    name = "painn"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "interactions": 2}

    def __init__(self, config: PaiNNConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = width = config.width
        self.embedding = AtomEmbedding(width, config.vocabulary, config.frozen_hydrogen)
        self.basis = GaussianBasis(config.radial, config.cutoff)
        # The envelope is as narrow as the Gaussians are where there are four.
        self.intervals = POINTS * max(config.radial - 1, 3)
        self.filters = dense(config.radial, config.interactions * 3 * width)
        self.contexts = nn.ModuleList(
            nn.Sequential(dense(width, width), SiLU(), dense(width, 3 * width))
            for _ in range(config.interactions)
        )
        self.mixings = nn.ModuleList(Mixing(width) for _ in range(config.interactions))

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """Pairs within the cutoff."""
        return radius_edges(batch, self.config.cutoff, self.config.max_neighbors).reversed()

    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`."""
        edges = edges or self.neighbors(batch)
        positions = batch.positions - mean_atoms(batch.positions, batch)[batch.molecule]
        distances = edges.distances(positions)
        radial = self._radial_filters(edges, distances)
        along = radial.over_distance()
        filters = with_bias(self.filters).view(len(self.contexts), 3, self.width, -1)

        s = self.embedding(batch.atomic_numbers)
        v: Tensor | None = None
        position = positions.unsqueeze(-1)
        for context, mixing, weight in zip(self.contexts, self.mixings, filters, strict=True):
            to_s, to_bond, to_v = context(s).unsqueeze(1).chunk(3, dim=-1)
            s = s + convolve(edges, to_s.squeeze(1), radial.values(weight[0]))
            sent = torch.cat([to_bond, to_bond * position], dim=1)
            bond = convolve(edges, sent, along.values(weight[1]))
            change = bond[:, 1:] - bond[:, :1] * position
            # Vectors start from zero, and zero vectors send nothing.
            v = change if v is None else v + change + convolve(edges, to_v * v, radial.values(weight[2]))
            last = context is self.contexts[-1]
            s, v = mixing(s, v, update_vectors=vectors or not last)
        return Representation(s, pool(s, batch, self.config.readout), v if vectors else None)

    def _radial_filters(self, edges: EdgeList, distances: Tensor) -> RadialFilters:
        rows, at = distances, None
        if self._uses_grid(edges, distances):
            at = interpolation(distances, self.config.cutoff, self.intervals)
            rows = grid(self.config.cutoff, self.intervals, like=distances)
        envelope = cosine_envelope(rows, self.config.cutoff, truncated=at is None).unsqueeze(-1)
        # The constant 1 carries the bias of the filters.
        basis = torch.cat([self.basis(rows), torch.ones_like(envelope)], dim=-1) * envelope
        return RadialFilters(basis, distances, at)

    def _uses_grid(self, edges: EdgeList, distances: Tensor) -> bool:
        return pays(edges, distances, self.intervals)
