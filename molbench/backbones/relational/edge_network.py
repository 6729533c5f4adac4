"""Message passing with a matrix a bond, as CIGIN and the MPNN of 3DMRL use it (Gilmer et al., ICML 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import NNConv

from molbench.graph.pairs import MolecularGraphs


class BondConv(NNConv):  # type: ignore[misc]  # PyG is untyped
    """``W x_i + Σ_j x_j M(e_ij) + c``: PyG's ``NNConv``, applied to matrices that are made once.

    Steps that share their weights share the matrices ``M``, and so do the two directions of a bond; called
    as it is, ``NNConv`` makes them anew, and keeps them, for every step and direction.

    Args:
        width: Features of an atom, F.
        bond_width: Features of a bond, C.
    """

    def __init__(self, width: int, bond_width: int) -> None:
        hidden, out = nn.Linear(bond_width, bond_width), nn.Linear(bond_width, width**2)
        super().__init__(width, width, nn.Sequential(hidden, nn.ReLU(), out), aggr="add")

    def matrices(self, graphs: MolecularGraphs) -> Tensor:
        """``M`` of every bond, [K, F, F]."""
        made: Tensor = self.nn(graphs.bond_features)
        return made.view(-1, self.in_channels, self.out_channels)

    def with_matrices(self, x: Tensor, graphs: MolecularGraphs, matrices: Tensor) -> Tensor:
        """One step, [N, F] to [N, F]."""
        ends = x.index_select(0, graphs.bonds.flatten()).view(-1, 2, self.in_channels)
        messages = torch.bmm(ends, matrices).flatten(0, 1)
        result: Tensor = self.lin(x) + self.bias
        return result.index_add(0, graphs.bonds.flip(1).flatten(), messages)


class EdgeNetwork(nn.Module):
    """Rounds of bond-conditioned messages with shared weights, and the input added to the result.

    Args:
        width: Features of an atom, F; the same before and after.
        bond_width: Features of a bond, C.
        steps: Rounds.
    """

    def __init__(self, width: int, bond_width: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.embedding = nn.Linear(width, width)
        self.conv = BondConv(width, bond_width)
        self.update = nn.Linear(2 * width, width)

    def forward(self, graphs: MolecularGraphs) -> Tensor:
        """Features of every atom, [N, F]."""
        matrices = self.conv.matrices(graphs)
        h = self.embedding(graphs.atoms).relu()
        for _ in range(self.steps):
            messages = self.conv.with_matrices(h, graphs, matrices).relu()
            h = self.update(torch.cat([messages, h], dim=-1))
        result: Tensor = h + graphs.atoms
        return result
