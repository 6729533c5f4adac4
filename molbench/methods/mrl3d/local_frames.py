"""The force head of 3DMRL: unit vectors on placed atoms from 2-D features and the frames of their bonds.

3DMRL, NeurIPS 2025 (arXiv 2412.02957). Every bond inside a copy has a frame that turns with the shell.
Attention over bonds gives it three coefficients, and the vector of an atom is the mean over its bonds of what
they make of their frames.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.nn import TransformerConv
from torch_geometric.utils import softmax

from molbench.kernels.products import linear
from molbench.methods.mrl3d.solvent_shell import SolventShell

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

    def forward(
        self, atoms: Tensor, anchors: Tensor, shell: SolventShell, positions: Tensor, bonds: Tensor
    ) -> Tensor:
        """Vectors of P placed atoms, [P, 3]; zero for atoms without bonds.

        What depends on 2-D features alone is computed once for all copies of an atom.

        Args:
            atoms: 2-D features of the atoms that copies are made of, [N_b, D].
            anchors: 2-D features of the atoms that may be anchors, [N_a, D].
            shell: Says which of them a placed atom and its anchor are.
            positions: Of placed atoms, from the origin of the frames, Å, [P, 3].
            bonds: All bonds between placed atoms in one direction, [2, U].
        """
        if not bonds.numel():
            return torch.zeros_like(positions)
        i, j = bonds
        origin, anchor = shell.origin, shell.anchor
        once = edge_frames(positions[i], positions[j])
        # The other direction sees the first two axes reversed.
        frames = torch.cat([once, once * once.new_tensor([-1.0, -1.0, 1.0]).unsqueeze(-1)])
        source, target = torch.cat([i, j]), torch.cat([j, i])
        first, second = _halves(cast(nn.Linear, self.edge[0]), atoms)
        edges = first.index_select(0, origin[source]) + second.index_select(0, origin[target])
        for layer in list(self.edge)[1:]:
            edges = layer(edges)
        edges = edges + self._invariants(once, positions[i], positions[j])
        of_atoms, of_anchors = _halves(self.node, atoms)[0], _halves(self.node, anchors)[1]
        x = of_atoms.index_select(0, origin) + of_anchors.index_select(0, anchor)
        coefficients = positions.new_zeros(len(frames), 3)
        for block in self.blocks:
            x, change = block(x, source, target, edges)
            coefficients = coefficients + change
        of_bonds = (coefficients.unsqueeze(-1) * frames).sum(1)
        total = torch.zeros_like(positions).index_add(0, target, of_bonds)
        counts = torch.bincount(target, minlength=len(positions)).clamp(min=1)
        return total / counts.unsqueeze(-1)

    def _invariants(self, frames: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """What of two atoms does not turn with them, seen from their frame, for both directions, [2 U, C].

        The angle between them as seen from the origin, and their components; the second of these is zero,
        since both are in the plane of the other two axes. In the other direction the first component is
        reversed: waves are made for one direction only, and the sine of the first one changes its sign.
        """
        of_first, of_second = ((frames @ ends.unsqueeze(-1)).squeeze(-1) for ends in (first, second))
        norms = (of_first.norm(dim=-1, keepdim=True) + _ANGLE_EPSILON) * (
            of_second.norm(dim=-1, keepdim=True) + _ANGLE_EPSILON
        )
        cosine = (of_first * of_second).sum(-1, keepdim=True) / norms
        sine = (1 - cosine.square()).clamp(min=0).sqrt()
        odd, even = self._embed(torch.cat([of_first, of_second]))
        (forth_i, forth_j), (back_i, back_j) = (odd + even).chunk(2), (even - odd).chunk(2)
        angle = torch.cat([sine, cosine], dim=-1)
        result: Tensor = self.frame(
            torch.cat(
                [torch.cat([angle, forth_i, forth_j], dim=-1), torch.cat([angle, back_j, back_i], dim=-1)]
            )
        )
        return result

    def _embed(self, components: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of embedded components that change sign with the first component and that do not."""
        waves = 2 * math.pi * components[:, [0, 2], None] * self.fourier
        sines, cosines = waves.sin(), waves.cos()
        rest = torch.cat([cosines[:, 0], sines[:, 1], cosines[:, 1]], dim=-1)
        weight, width = self.component.weight, len(self.fourier)
        odd = linear(sines[:, 0], weight[:, :width])
        return odd, linear(rest, weight[:, width:], self.component.bias)


class Block(nn.Module):
    """Two layers of attention, and the coefficients of every bond."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FrameLayer(width, dropout) for _ in range(2))
        self.coefficients = nn.Sequential(nn.Linear(2 * width, 128), nn.SiLU(), nn.Linear(128, 3))

    def forward(self, x: Tensor, source: Tensor, target: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Atoms [P, C] and bonds [E, C] to new atoms and to coefficients [E, 3]."""
        first, last = self.layers
        x = last(nn.functional.silu(first(x, source, target, edges)), source, target, edges)
        half = len(source) // 2
        outer = cast(nn.Linear, self.coefficients[0])
        of_atoms, of_edges = outer.weight.chunk(2, dim=1)
        ends = linear(x, of_atoms)
        both = ends.index_select(0, source[:half]) + ends.index_select(0, target[:half])
        hidden = linear(edges, of_edges, outer.bias) + torch.cat([both, both])
        for layer in list(self.coefficients)[1:]:
            hidden = layer(hidden)
        return x, hidden


class BondAttention(TransformerConv):  # type: ignore[misc]  # PyG is untyped
    """PyG's ``TransformerConv`` with one head; keys and values are gathered at once."""

    def forward(self, x: Tensor, source: Tensor, target: Tensor, edges: Tensor) -> Tensor:
        """Atoms [P, C] and bonds [E, C] to atoms [P, C]."""
        layers = self.lin_key, self.lin_value, self.lin_query, self.lin_skip
        weight, bias = (torch.cat([getattr(layer, name) for layer in layers]) for name in ("weight", "bias"))
        width = self.out_channels
        sent, query, skip = torch.split(linear(x, weight, bias), [2 * width, width, width], dim=-1)
        of_edges = self.lin_edge(edges)
        key, value = sent.index_select(0, source).chunk(2, dim=-1)
        scores = (query.index_select(0, target) * (key + of_edges)).sum(-1) / math.sqrt(self.out_channels)
        weights = nn.functional.dropout(
            softmax(scores, target, num_nodes=len(x)), self.dropout, self.training
        )
        messages = weights.unsqueeze(-1) * (value + of_edges)
        result: Tensor = skip.index_add(0, target, messages.to(skip.dtype))
        return result


class FrameLayer(nn.Module):
    """Attention over bonds and a feed-forward network, each with residual and norm."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.attention = BondAttention(width, width, dropout=dropout, edge_dim=width)
        self.feed = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, x: Tensor, source: Tensor, target: Tensor, edges: Tensor) -> Tensor:
        """Atoms [P, C] to atoms [P, C]."""
        x = x + self.norms[0](self.attention(x, source, target, edges))
        result: Tensor = x + self.norms[1](self.feed(x))
        return result


def edge_frames(first: Tensor, second: Tensor) -> Tensor:
    """``e1 = (x_i - x_j)``, ``e2 = x_i × x_j``, both normalised, and ``e3 = e1 × e2`` as rows, [E, 3, 3]."""
    along, across = first - second, torch.linalg.cross(first, second)
    along = along / (along.norm(dim=-1, keepdim=True) + _EPSILON)
    across = across / (across.norm(dim=-1, keepdim=True) + _EPSILON)
    return torch.stack([along, across, torch.linalg.cross(along, across)], dim=-2)


def _halves(layer: nn.Linear, values: Tensor) -> tuple[Tensor, Tensor]:
    """What a layer on two vectors side by side makes of a first and of a second one; they add up.

    The first takes the bias.
    """
    first, second = layer.weight.chunk(2, dim=1)
    return linear(values, first, layer.bias), linear(values, second)
