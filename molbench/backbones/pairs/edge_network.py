"""Message passing with a matrix a kind of bond, for CIGIN and MPNN (Gilmer et al., ICML 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch_geometric.nn import NNConv

from molbench.graph.atom_environments import Round, atom_environments
from molbench.graph.pairs import MolecularGraphs
from molbench.kernels.products import Linear


class BondConv(NNConv):  # type: ignore[misc]  # PyG is untyped
    """``W x_i + Σ_j x_j M(e_ij) + c``: PyG's ``NNConv``, with a matrix a kind of bond instead of a bond.

    Called as it is, ``NNConv`` makes a matrix for every direction of every bond, and keeps it, in each of the
    steps that share its weights.

    Args:
        width: Features of an atom, F.
        bond_width: Features of a bond, C.
    """

    def __init__(self, width: int, bond_width: int) -> None:
        hidden, out = nn.Linear(bond_width, bond_width), nn.Linear(bond_width, width**2)
        super().__init__(width, width, nn.Sequential(hidden, nn.ReLU(), out), aggr="add")

    def matrices(self, bonds: Tensor) -> Tensor:
        """``M`` of every kind of bond, [T, C] to [T, F, F]."""
        made: Tensor = self.nn(bonds)
        return made.view(-1, self.in_channels, self.out_channels)

    def with_matrices(self, x: Tensor, step: Round, matrices: Tensor) -> Tensor:
        """One step, from environments of atoms [C, F] to those of a bond more, [C', F]."""
        result: Tensor = (self.lin(x) + self.bias).index_select(0, step.centre)
        parts = torch.split(x.index_select(0, step.source), step.counts)
        messages = torch.cat([part @ matrix for part, matrix in zip(parts, matrices.unbind(), strict=True)])
        return result.index_add(0, step.target, messages.to(result.dtype))


class EdgeNetwork(nn.Module):
    """Rounds of bond-conditioned messages with shared weights, and the input added to the result.

    It is computed on environments of atoms.

    Args:
        width: Features of an atom, F; the same before and after.
        bond_width: Features of a bond, C.
        steps: Rounds.
    """

    def __init__(self, width: int, bond_width: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.embedding = Linear(width, width)
        self.conv = BondConv(width, bond_width)
        self.update = Linear(2 * width, width)

    def forward(self, graphs: MolecularGraphs) -> Tensor:
        """Features of every atom, of unit length, [N, F]."""
        near = atom_environments(graphs, self.steps)
        matrices = self.conv.matrices(near.bonds)
        h = self.embedding(near.atoms).relu()
        for step in near.rounds:
            messages = self.conv.with_matrices(h, step, matrices).relu()
            h = self.update(torch.cat([messages, h.index_select(0, step.centre)], dim=-1))
        return normalize(h + near.atoms[near.first]).index_select(0, near.of_atom)
