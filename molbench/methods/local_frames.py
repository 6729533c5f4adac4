"""The force head of 3DMRL: unit vectors on placed atoms from 2-D features and the frames of their bonds.

3DMRL, NeurIPS 2025 (arXiv 2412.02957). Every bond inside a copy has a frame that turns with the environment.
Attention over bonds gives it three coefficients, and the vector of an atom is the mean over its bonds of what
they make of their frames.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch_geometric.nn import TransformerConv
from torch_geometric.utils import scatter

_EPSILON, _ANGLE_EPSILON = 1e-6, 1e-5


class LocalFrameHead(nn.Module):
    """Vectors of placed atoms.

    Args:
        atom_width: 2-D features of an atom, D.
        hidden: Features inside, C.
        edge_hidden: Width of the hidden layer on the features of both atoms of a bond.
        dropout: Of attention weights and feed-forward layers.
    """

    fourier: Tensor

    def __init__(self, atom_width: int, hidden: int, edge_hidden: int, dropout: float) -> None:
        super().__init__()
        self.node = nn.Linear(2 * atom_width, hidden)
        self.edge = nn.Sequential(
            nn.Linear(2 * atom_width, edge_hidden),
            nn.BatchNorm1d(edge_hidden),
            nn.SiLU(),
            nn.Linear(edge_hidden, hidden),
        )
        self.register_buffer("fourier", torch.randn(hidden))
        self.component = nn.Linear(4 * hidden, hidden)
        self.frame = nn.Sequential(nn.Linear(2 * hidden + 2, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.blocks = nn.ModuleList(Block(hidden, dropout) for _ in range(2))

    def forward(self, atoms: Tensor, anchors: Tensor, positions: Tensor, bonds: Tensor) -> Tensor:
        """Vectors, [P, 3]; zero for atoms without bonds.

        Args:
            atoms: 2-D features of placed atoms, [P, D].
            anchors: 2-D features of their anchors, [P, D].
            positions: Of placed atoms, from the origin of the frames, Å, [P, 3].
            bonds: Both directions of all bonds between placed atoms, [2, E].
        """
        vectors = torch.zeros_like(positions)
        if not bonds.numel():
            return vectors
        i, j = bonds
        frames = edge_frames(positions[i], positions[j])
        edges = self.edge(torch.cat([atoms[i], atoms[j]], dim=-1))
        edges = edges + self._invariants(frames, positions[i], positions[j])
        x = self.node(torch.cat([atoms, anchors], dim=-1))
        for block in self.blocks:
            x, coefficients = block(x, bonds, edges)
            of_bonds = torch.einsum("ek,ekx->ex", coefficients, frames)
            vectors = vectors + scatter(of_bonds, j, dim_size=len(atoms), reduce="mean")
        return vectors

    def _invariants(self, frames: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """What of two atoms does not turn with them, seen from their frame, [E, C].

        The angle between them as seen from the origin, and their components; the second of these is zero,
        since both are in the plane of the other two axes.
        """
        of_first, of_second = ((frames @ ends.unsqueeze(-1)).squeeze(-1) for ends in (first, second))
        norms = (of_first.norm(dim=-1, keepdim=True) + _ANGLE_EPSILON) * (
            of_second.norm(dim=-1, keepdim=True) + _ANGLE_EPSILON
        )
        cosine = (of_first * of_second).sum(-1, keepdim=True) / norms
        sine = (1 - cosine.square()).clamp(min=0).sqrt()
        embedded = self._embed(of_first), self._embed(of_second)
        result: Tensor = self.frame(torch.cat([sine, cosine, *embedded], dim=-1))
        return result

    def _embed(self, components: Tensor) -> Tensor:
        waves = 2 * math.pi * components[:, [0, 2], None] * self.fourier
        result: Tensor = self.component(torch.cat([waves.sin(), waves.cos()], dim=-1).flatten(1))
        return result


class Block(nn.Module):
    """Two layers of attention, and the coefficients of every bond."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, dropout) for _ in range(2))
        self.coefficients = nn.Sequential(nn.Linear(2 * width, 128), nn.SiLU(), nn.Linear(128, 3))

    def forward(self, x: Tensor, bonds: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Atoms [P, C] and bonds [E, C] to new atoms and to coefficients [E, 3]."""
        first, last = self.layers
        x = last(nn.functional.silu(first(x, bonds, edges)), bonds, edges)
        i, j = bonds
        return x, self.coefficients(torch.cat([x[i] + x[j], edges], dim=-1))


class Layer(nn.Module):
    """Attention over bonds and a feed-forward network, each with residual and norm."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.attention = TransformerConv(width, width, dropout=dropout, edge_dim=width)
        self.feed = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, x: Tensor, bonds: Tensor, edges: Tensor) -> Tensor:
        """Atoms [P, C] to atoms [P, C]."""
        x = x + self.norms[0](self.attention(x, bonds, edges))
        result: Tensor = x + self.norms[1](self.feed(x))
        return result


def edge_frames(first: Tensor, second: Tensor) -> Tensor:
    """``e1 = (x_i - x_j)``, ``e2 = x_i × x_j``, both normalised, and ``e3 = e1 × e2`` as rows, [E, 3, 3]."""
    along, across = first - second, torch.linalg.cross(first, second)
    along = along / (along.norm(dim=-1, keepdim=True) + _EPSILON)
    across = across / (across.norm(dim=-1, keepdim=True) + _EPSILON)
    return torch.stack([along, across, torch.linalg.cross(along, across)], dim=-2)
