"""TorchMD-NET's equivariant transformer, as Coord and MolSpectra pretrain it.

Thölke, De Fabritiis, ICLR 2022 (arXiv 2202.02541), section 3, with the whitened norms of Zaidi et al. (arXiv
2206.00133), and after every layer those of MolSpectra (arXiv 2502.16284). An atom attends to its neighbours
and to itself.

What depends on the distance alone is computed once an unordered pair, or where training has many of them on a
grid of distances; no vector is stored per edge and channel, and the attention of an atom to itself, at
distance zero, is computed on atoms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.parts.layers import Readout, cosine_envelope, decay, dense, pool
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.activations import silu
from molbench.kernels.convolution import convolve
from molbench.kernels.edges import EdgeList
from molbench.kernels.fused_filters import (
    Filters,
    fused_attend,
    fused_convolve,
    fused_convolve_to_vectors,
    fused_scores,
)
from molbench.kernels.interpolation import POINTS, Interpolation, between, interpolate, pays
from molbench.kernels.products import linear
from molbench.kernels.whitening import Regulariser, Whitening

#: Values below which one operation more costs more than a copy.
_FEW = 2**18


@dataclass(frozen=True)
class TorchMDETConfig:
    """Settings of :class:`TorchMDET`; the last two are quirks of the releases, off by default.

    The defaults are the size that Coord and MolSpectra use for QM9; for MD17 MolSpectra takes width 128,
    6 layers and 32 radial functions. MolSpectra's QM9 models have ``layer_norms``.

    Attributes:
        width: Features of an atom, scalars and vectors alike.
        layers: Number of attention layers.
        heads: Attention heads; they share the width.
        radial: Size of the distance basis.
        cutoff: Radius in Å.
        elements: Atomic numbers below this have features.
        layer_norms: Whether scalars are normalised and vectors whitened after every layer, too. A whitening
            amplifies what is left in a direction without variance up to 220-fold, so that in exactly planar
            and linear molecules a stack of them turns rounding into features, whatever the regulariser.
        vector_norm: Whether vectors are whitened behind the last layer; TorchMD-NET itself does not.
        readout: How atoms become a molecule.
        regulariser: Of the whitening; with ``anisotropic`` vectors do not rotate with the molecule.
        max_neighbors: 31 truncates the neighbours of atoms in crowded surroundings, by index. The release's
            32 counts the atom itself, which then may be cut, too.
    """

    width: PositiveInt = 256
    layers: PositiveInt = 8
    heads: PositiveInt = 8
    radial: PositiveInt = 64
    cutoff: PositiveFloat = 5.0
    elements: PositiveInt = 100
    layer_norms: bool = False
    vector_norm: bool = True
    readout: Readout = "sum"
    regulariser: Regulariser = "isotropic"
    max_neighbors: PositiveInt | None = None


class ExponentialBasis(nn.Module):
    """Distances as Gaussians of ``exp(-α d)``, narrow where atoms are near, times the cosine envelope.

    Unke, Meuwly, J. Chem. Theory Comput. 15, 3678 (2019), equation 8, with α = 5 / cutoff.

    Args:
        size: Number of functions, K.
        cutoff: Where they vanish, Å.
    """

    centres: Tensor

    def __init__(self, size: int, cutoff: float) -> None:
        super().__init__()
        first = math.exp(-cutoff)
        centres = torch.linspace(first, 1, size, dtype=torch.float64)
        self.register_buffer("centres", centres, persistent=False)
        self.cutoff, self.decay = cutoff, 5 / cutoff
        self.exponent = -((2 / size * (1 - first)) ** -2)
        self.intervals = math.ceil(POINTS * float(self.place(torch.tensor(cutoff, dtype=torch.float64))))

    def forward(self, distances: Tensor, envelope: Tensor) -> Tensor:
        """Distances [E] and their envelope [E, 1] to basis values [E, K]."""
        decayed = torch.exp(-self.decay * distances).unsqueeze(-1)
        return envelope * decay(self.exponent * (decayed - self.centres.to(distances.dtype)).square())

    def place(self, distances: Tensor) -> Tensor:
        """Distances [E] on an axis on which no Gaussian nor the envelope is narrower than 1, [E]."""
        gaussians = math.sqrt(-2 * self.exponent) * (1 - torch.exp(-self.decay * distances))
        return gaussians + math.pi / self.cutoff * distances

    def on_grid(self, distances: Tensor) -> tuple[Tensor, Interpolation]:
        """Distances of the points of a grid, [G], and where those of edges [E] lie between them."""
        end = distances.new_tensor(self.cutoff, dtype=torch.float64)
        at = between(POINTS * self.place(distances.double().minimum(end)))
        lowest = int(at.first.min())
        points = self.points[lowest : int(at.first.max()) + 4].to(distances.dtype)
        return points, Interpolation(at.first - lowest, at.shares.to(distances.dtype))

    @cached_property
    def points(self) -> Tensor:
        """Distances of even places, one before 0 and two behind the cutoff, by Newton's method."""
        places = torch.arange(-1, self.intervals + 3, dtype=torch.float64) / POINTS
        points = torch.zeros_like(places)
        for _ in range(100):
            slope = math.sqrt(-2 * self.exponent) * self.decay * torch.exp(-self.decay * points)
            points -= (self.place(points) - places) / (slope + math.pi / self.cutoff)
        return points


@dataclass(frozen=True, eq=False)
class EdgeGeometry:
    """What all layers know of the geometry.

    Attributes:
        edges: E edges of N atoms.
        basis: Distance basis of each edge, [E, K], or point of a grid, [G, K].
        basis_envelope: Cosine envelope of each of its rows, [E, 1] or [G, 1].
        between: Where the edges lie on the grid, if there is one.
        origin: The basis of distance zero, [1, K].
        envelope: Cosine envelope of each edge, [E, 1].
        directions: From the target of each edge to its source, [E, 3].
        itself: Whether each atom sees itself, [N, 1] float, or None where all do.
    """

    edges: EdgeList
    basis: Tensor
    basis_envelope: Tensor
    between: Interpolation | None
    origin: Tensor
    envelope: Tensor
    directions: Tensor
    itself: Tensor | None


class Attention(nn.Module):
    """One layer: attention among scalars, and messages of vectors (section 3.2).

    Args:
        width: F.
        heads: H.
        radial: Size of the distance basis, K.
    """

    def __init__(self, width: int, heads: int, radial: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query, self.key = dense(width, width), dense(width, width)
        # Three of each: for scalars, for vectors that neighbours have, and for vectors along the bond.
        self.value, self.output = dense(width, 3 * width), dense(width, 3 * width)
        self.vectors = dense(width, 3 * width, bias=False)
        self.key_filter, self.value_filter = dense(radial, width), dense(radial, 3 * width)

    def forward(
        self, x: Tensor, v: Tensor | None, near: EdgeGeometry, with_vectors: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Changes of the scalars [N, F] and vectors [N, 3, F]; v is None for zero vectors.

        The second is None unless ``with_vectors``.
        """
        h = self.norm(x)
        query, key = self.query(h), self.key(h)
        value, to_v, to_bond = self.value(h).chunk(3, dim=-1)
        weights, biases = self.value_filter.weight.chunk(3), self.value_filter.bias.chunk(3)
        for_keys, for_value, for_v, for_bond = (
            Filters(near.basis, w, b, near.between)
            for w, b in zip((self.key_filter.weight, *weights), (self.key_filter.bias, *biases), strict=True)
        )

        products = fused_scores(near.edges, query, key, for_keys, self.heads)
        received = fused_attend(near.edges, silu(products) * near.envelope, value, for_value)
        own_value, own_v, _ = silu(self.value_filter(near.origin)).chunk(3, dim=-1)
        self_weight = query * key * for_keys.at(near.origin)
        self_weight = silu(self_weight.unflatten(-1, (self.heads, -1)).sum(-1, keepdim=True))
        self_weight = self_weight if near.itself is None else self_weight * near.itself.unsqueeze(-1)
        self_value = (value * own_value).unflatten(-1, (self.heads, -1))
        scale, gate, change = self.output(received + (self_weight * self_value).flatten(1)).chunk(3, dim=-1)

        along: Tensor | None = None
        if v is not None:
            # Large ones in memory of their own, so that their gradients need not be joined.
            if v.numel() < _FEW:
                first, second, along = self.vectors(v).chunk(3, dim=-1)
            else:
                first, second, along = (linear(v, part) for part in self.vectors.weight.chunk(3))
            change = change + gate * (first * second).sum(1)
        if not with_vectors:
            return change, None
        moved = fused_convolve_to_vectors(near.edges, to_bond, for_bond, near.directions)
        if v is not None and along is not None:
            sent = to_v.unsqueeze(1) * v
            kept = sent if near.itself is None else sent * near.itself.unsqueeze(-1)
            moved = moved + fused_convolve(near.edges, sent, for_v)
            moved = moved + kept * own_v + along * scale.unsqueeze(1)
        return change, moved


class TorchMDET(GeometryBackbone[TorchMDETConfig]):
    """Equivariant transformer: invariant scalars and equivariant vectors.

    Args:
        config: Settings.

    Raises:
        UserError: If the heads do not divide the width.
    """

    name = "torchmd-et"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "layers": 2, "radial": 16}

    def __init__(self, config: TorchMDETConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = width = config.width
        if width % config.heads:
            raise UserError(f"backbone 'torchmd-et': {config.heads} heads cannot share a width of {width}")
        self.basis = ExponentialBasis(config.radial, config.cutoff)
        self.embedding = nn.Embedding(config.elements, width)
        # Elements of the neighbours, filtered by distance, enter the first features of an atom.
        self.neighbor_embedding = nn.Embedding(config.elements, width)
        self.neighbor_filter = dense(config.radial, width)
        self.combine = dense(2 * width, width)
        self.layers = nn.ModuleList(
            Attention(width, config.heads, config.radial) for _ in range(config.layers)
        )
        norms = config.layers if config.layer_norms else 0
        self.scalar_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(norms))
        self.vector_norms = nn.ModuleList(Whitening(width, config.regulariser) for _ in range(norms))
        self.scalar_norm = nn.LayerNorm(width)
        self.vector_norm = Whitening(width, config.regulariser) if config.vector_norm else nn.Identity()

    @property
    def largest_element(self) -> int:
        """See :attr:`GeometryBackbone.largest_element`."""
        return self.config.elements - 1

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """Pairs within the cutoff."""
        return radius_edges(batch, self.config.cutoff, self.config.max_neighbors)

    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`."""
        near = self._look(batch, edges or self.neighbors(batch))
        filters = self.neighbor_filter(near.basis) * near.basis_envelope
        if near.between is not None:
            filters = interpolate(filters, near.between)
        neighbors = convolve(near.edges, self.neighbor_embedding(batch.atomic_numbers), filters)
        x = self.combine(torch.cat([self.embedding(batch.atomic_numbers), neighbors], dim=-1))
        v: Tensor | None = None
        for index, layer in enumerate(self.layers):
            last = index == len(self.layers) - 1
            change, moved = layer(x, v, near, vectors or not last)
            x = x + change
            if moved is not None:
                v = moved if v is None else v + moved
            if self.config.layer_norms:
                x = self.scalar_norms[index](x)
                v = v if moved is None else self.vector_norms[index](v)
        x = self.scalar_norm(x)
        atom_vectors = self.vector_norm(v) if vectors and v is not None else None
        return Representation(x, pool(x, batch, self.config.readout), atom_vectors)

    def _look(self, batch: MoleculeBatch, edges: EdgeList) -> EdgeGeometry:
        vectors = edges.vectors(batch.positions)
        distances = torch.linalg.vector_norm(vectors, dim=-1)
        envelope = at_rows = cosine_envelope(distances, self.config.cutoff).unsqueeze(-1)
        rows, at = distances, None
        if self._uses_grid(edges, distances):
            rows, at = self.basis.on_grid(distances)
            at_rows = cosine_envelope(rows, self.config.cutoff, truncated=False).unsqueeze(-1)
        return EdgeGeometry(
            edges=edges,
            basis=self.basis(rows, at_rows),
            basis_envelope=at_rows,
            between=at,
            origin=self.basis(distances.new_zeros(1), distances.new_ones(1, 1)),
            envelope=envelope,
            directions=vectors / distances.unsqueeze(-1),
            itself=self._sees_itself(batch, edges),
        )

    def _uses_grid(self, edges: EdgeList, distances: Tensor) -> bool:
        return pays(edges, distances, self.basis.intervals)

    def _sees_itself(self, batch: MoleculeBatch, edges: EdgeList) -> Tensor | None:
        """The cap keeps the first hits by index: an atom behind too many neighbours loses itself."""
        cap = self.config.max_neighbors
        if cap is None or edges.symmetric:
            return None
        before = edges.target[edges.source < edges.target]
        seen = torch.bincount(before, minlength=batch.num_atoms) <= cap
        return seen.unsqueeze(-1).to(batch.positions.dtype)
