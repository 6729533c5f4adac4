"""Message passing with a matrix a kind of bond, for CIGIN and MPNN (Gilmer et al., ICML 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.nn import NNConv

from molbench.graph.pairs import MolecularGraphs


@dataclass(frozen=True, eq=False)
class BondKinds:
    """Both directions of all bonds, sorted by kind of bond: there are a dozen kinds, and thousands of bonds.

    Attributes:
        features: Of each kind, [T, C].
        counts: Directed bonds of each kind.
        source: Atom each starts from, [2 K].
        target: Atom each ends at, [2 K].
    """

    features: Tensor
    counts: list[int]
    source: Tensor
    target: Tensor

    @classmethod
    def of(cls, graphs: MolecularGraphs) -> BondKinds:
        """The kinds of the bonds of a batch; where there is no bond, one kind that does not occur."""
        if not len(graphs.bonds):
            none = graphs.bonds.flatten()
            return cls(graphs.bond_features.new_zeros(1, graphs.bond_features.shape[1]), [0], none, none)
        bits = graphs.bond_features.double()
        # Powers of e are independent over the rationals: different features have different codes.
        codes = bits @ torch.arange(1, bits.shape[1] + 1, device=bits.device, dtype=bits.dtype).exp()
        _, kind, counts = torch.unique(codes, return_inverse=True, return_counts=True)
        example = torch.empty_like(counts).index_copy(0, kind, torch.arange(len(kind), device=kind.device))
        source = graphs.bonds[kind.argsort()]
        return cls(
            graphs.bond_features[example],
            (2 * counts).tolist(),
            source.flatten(),
            source.flip(1).flatten(),
        )


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

    def matrices(self, kinds: BondKinds) -> Tensor:
        """``M`` of every kind, [T, F, F]."""
        made: Tensor = self.nn(kinds.features)
        return made.view(-1, self.in_channels, self.out_channels)

    def with_matrices(self, x: Tensor, kinds: BondKinds, matrices: Tensor) -> Tensor:
        """One step, [N, F] to [N, F]."""
        result: Tensor = self.lin(x) + self.bias
        parts = torch.split(x.index_select(0, kinds.source), kinds.counts)
        messages = torch.cat([part @ matrix for part, matrix in zip(parts, matrices.unbind(), strict=True)])
        return result.index_add(0, kinds.target, messages.to(result.dtype))


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
        kinds = BondKinds.of(graphs)
        matrices = self.conv.matrices(kinds)
        h = self.embedding(graphs.atoms).relu()
        for _ in range(self.steps):
            messages = self.conv.with_matrices(h, kinds, matrices).relu()
            h = self.update(torch.cat([messages, h], dim=-1))
        result: Tensor = h + graphs.atoms
        return result
