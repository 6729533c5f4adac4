"""EGNN as 3D-EMGP pretrains it: messages between all atoms of a molecule, typed by bonds between them.

Satorras, Hoogeboom, Welling, ICML 2021 (arXiv 2102.09844), equations 3-6, in the variant of Jiao et al., AAAI
2023 (arXiv 2207.08824): the complete graph, the number of bonds between two atoms as a class of the edge, a
sigmoid gate on each message, and coordinates that move in the last layer only, so that all features depend on
the positions through distances.

The first linear layer of a message acts on both atoms, the squared distance and the class. It is applied in
parts: to atoms for the first two, and once an unordered pair, for both directions, to the rest.

Random weights are not PyTorch's, with which a message is nearly linear in the squared distance: a distance
acts through one column of small weights, and training on forces stays at zero force for hundreds of steps.
Nor are they the release's, Kaiming's, which blow up with every layer's sum over neighbours. Here each of a
message's hidden units bends at a distance of its own, like a radial basis, and sums of messages have
weights that keep those over tens of atoms near one. Measured in ``docs/decisions/backbones.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.parts.layers import Readout, pool
from molbench.graph.bonds import hop_classes
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.activations import SiLU, silu
from molbench.kernels.edge_messages import aggregate, edge_messages
from molbench.kernels.edges import EdgeList
from molbench.kernels.products import Linear, linear

_BENDS = (0.8, 5.0)
"""Distances between which the hidden units of new weights bend, Å."""

_MESSAGES = 32
"""New weights take a sum of messages for so many."""


@dataclass(frozen=True)
class EGNNConfig:
    """Settings of :class:`EGNN`.

    Attributes:
        width: Features of an atom.
        layers: Number of message-passing layers.
        elements: Atomic numbers below this have features.
        powers: An atom's input is its class times ``(Z / elements)`` to the powers 0 to this.
        hops: Bonds between two atoms up to which the number is a class of its own.
        readout: How atoms become a molecule.
    """

    width: PositiveInt = 128
    layers: PositiveInt = 7
    elements: PositiveInt = 100
    powers: NonNegativeInt = 2
    hops: NonNegativeInt = 3
    readout: Readout = "sum"


class EGNNLayer(nn.Module):
    """One round of gated messages, [N, F] to [N, F] (equations 3, 5 and 6)."""

    def __init__(self, width: int, edge_features: int) -> None:
        super().__init__()
        self.width = width
        self.edge_in = Linear(2 * width + edge_features, width)
        self.edge_out = Linear(width, width)
        self.gate = nn.Linear(width, 1)
        update, last = Linear(2 * width, width), Linear(width, width)
        self.node = nn.Sequential(update, SiLU(), last)
        for linear_map in (self.edge_in, self.edge_out, self.gate, update, last):
            nn.init.xavier_uniform_(linear_map.weight)
            nn.init.zeros_(linear_map.bias)
        self._spread(update)

    @torch.no_grad()
    def _spread(self, update: nn.Linear) -> None:
        """Random weights from which forces are learnt; see the module's text."""
        slopes = 2 * torch.randn(self.width)
        bends = torch.empty(self.width).uniform_(*_BENDS)
        self.edge_in.weight[:, 2 * self.width] = slopes / bends
        self.edge_in.bias.copy_(-slopes * bends)
        update.weight[:, self.width :] /= _MESSAGES

    def forward(self, h: Tensor, edges: EdgeList, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """New atom features, and the messages.

        Args:
            h: Atom features, [N, F].
            edges: E edges as listed.
            features: Theirs, the same in both directions, [E, K].

        Returns:
            Atom features [N, F], a message for each direction and edge [D, E, F] and its gate [D, E, 1].
        """
        sizes = [self.width, self.width, features.shape[-1]]
        target_terms, source_terms, edge_terms = torch.split(self.edge_in.weight, sizes, dim=1)
        hidden = edge_messages(
            edges,
            linear(h, target_terms),
            linear(h, source_terms),
            linear(features, edge_terms, self.edge_in.bias),
        )
        messages = silu(self.edge_out(silu(hidden)))
        gates = torch.sigmoid(self.gate(messages))
        received = aggregate(edges, gates.squeeze(-1), messages, len(h)).to(h.dtype)
        return h + self.node(torch.cat([h, received], dim=-1)), messages, gates


class EGNN(GeometryBackbone[EGNNConfig]):
    """EGNN encoder: invariant scalars, and the displacement of each atom as its one vector.

    Where a batch knows no bonds, they are guessed from its positions as they are: a method that moves atoms
    must set ``batch.bonds`` before (:func:`~molbench.graph.bonds.distance_bonds`).

    Args:
        config: Settings.
    """

    name = "egnn"

    @classmethod
    def small(cls) -> dict[str, Any]:
        """See :meth:`Configured.small`."""
        return {"width": 32, "layers": 2}

    powers: Tensor

    def __init__(self, config: EGNNConfig | None = None) -> None:
        super().__init__(config)
        config = self.config
        self.width = width = config.width
        # As released: element Z has the columns from Z * (powers + 1) on.
        self.embedding = nn.Linear(config.elements * (config.powers + 1), width)
        charges = torch.arange(config.elements, dtype=torch.float64) / config.elements
        exponents = torch.arange(config.powers + 1)
        nn.init.xavier_uniform_(self.embedding.weight)
        nn.init.zeros_(self.embedding.bias)
        self.register_buffer("powers", charges.unsqueeze(-1) ** exponents, persistent=False)
        # An edge's features are the squared distance and its one-hot class.
        self.layers = nn.ModuleList(EGNNLayer(width, config.hops + 2) for _ in range(config.layers))
        step = nn.Linear(width, 1, bias=False)
        nn.init.xavier_uniform_(step.weight, gain=0.001)
        self.displacement = nn.Sequential(Linear(width, width), SiLU(), step)

    @property
    def largest_element(self) -> int:
        """See :attr:`GeometryBackbone.largest_element`."""
        return self.config.elements - 1

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        """All pairs of atoms of a molecule."""
        return all_pairs(batch.ptr, batch.num_atoms)

    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        """Encode a batch; see :meth:`GeometryBackbone.forward`. The vector, [N, 3, 1], is in Å."""
        edges = edges or self.neighbors(batch)
        squares = edges.vectors(batch.positions).square().sum(-1, keepdim=True)
        hops = hop_classes(batch, edges, self.config.hops)
        classes = (hops.unsqueeze(-1) == torch.arange(self.config.hops + 1, device=hops.device)).to(squares)
        features = torch.cat([squares, classes], dim=-1)

        h = self.embed(batch.atomic_numbers)
        for layer in self.layers:
            h, messages, gates = layer(h, edges, features)
        moved = self._displace(batch, edges, (messages * gates).flatten(0, 1)) if vectors else None
        return Representation(h, pool(h, batch, self.config.readout), moved)

    def embed(self, atomic_numbers: Tensor) -> Tensor:
        """The first linear layer as a table with one row an element, [N] to [N, F]."""
        weight = self.embedding.weight.view(self.width, -1, self.config.powers + 1)
        table = torch.einsum("fzp,zp->zf", weight, self.powers.to(weight.dtype)) + self.embedding.bias
        return table.index_select(0, atomic_numbers)

    def _displace(self, batch: MoleculeBatch, edges: EdgeList, messages: Tensor) -> Tensor:
        """Mean over an atom's neighbours of weighted differences to them, [N, 3, 1] (equation 4)."""
        both = edges.directed()
        steps = -both.vectors(batch.positions) * self.displacement(messages)
        total = torch.zeros_like(batch.positions).index_add(0, both.target, steps.to(batch.positions.dtype))
        neighbors = torch.bincount(both.target, minlength=batch.num_atoms).clamp(min=1)
        return (total / neighbors.unsqueeze(-1)).unsqueeze(-1)
