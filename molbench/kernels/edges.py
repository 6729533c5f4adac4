"""Pairs of atoms that messages pass between, as kernels take them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from molbench.kernels.library import function


@dataclass(frozen=True, eq=False)
class EdgeList:
    """Edges of a batch; distances and directions are computed from positions by whoever needs them.

    Attributes:
        source: Atom each edge starts from, [E] int64.
        target: Atom each edge ends at and sends its message to, [E] int64.
        symmetric: Whether each edge stands for both directions; then source < target and no pair occurs
            twice. Otherwise an edge is one direction only.
    """

    source: Tensor
    target: Tensor
    symmetric: bool
    _incidence: dict[int, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict, init=False, repr=False)

    @property
    def num_edges(self) -> int:
        """Number of edges listed, E."""
        return self.source.numel()

    def vectors(self, positions: Tensor) -> Tensor:
        """From target to source, Å, [E, 3]."""
        return positions.index_select(0, self.source) - positions.index_select(0, self.target)

    def distances(self, positions: Tensor) -> Tensor:
        """Lengths in Å, [E]."""
        lengths: Tensor = torch.linalg.vector_norm(self.vectors(positions), dim=-1)
        return lengths

    def incidence(self, num_atoms: int) -> tuple[Tensor, Tensor, Tensor]:
        """The neighbours of each atom as :func:`incidence` lists them, made once."""
        if num_atoms not in self._incidence:
            self._incidence[num_atoms] = incidence(self.source, self.target, num_atoms)
        return self._incidence[num_atoms]

    def directed(self) -> EdgeList:
        """The same edges, every direction listed."""
        if not self.symmetric:
            return self
        return EdgeList(
            torch.cat([self.source, self.target]), torch.cat([self.target, self.source]), symmetric=False
        )

    def reversed(self) -> EdgeList:
        """The same edges with both ends exchanged; nothing to do for a symmetric list."""
        return self if self.symmetric else EdgeList(self.target, self.source, symmetric=False)


def incidence(source: Tensor, target: Tensor, num_atoms: int) -> tuple[Tensor, Tensor, Tensor]:
    """Neighbours of each atom of a symmetric edge list of E edges.

    Returns:
        First entry of each atom, [N + 1]; the neighbour, [2 E]; and the directed edge that arrives from it, e
        for source to target of edge e and E + e for the other way, [2 E]; all int64.
    """
    source, target = source.contiguous(), target.contiguous()
    size = source.numel()
    ptr = torch.zeros(num_atoms + 1, dtype=torch.int64)
    other, entry = (torch.empty(2 * size, dtype=torch.int64) for _ in range(2))
    pointers = (tensor.data_ptr() for tensor in (source, target, ptr, other, entry))
    function("incidence", 7)(size, num_atoms, *pointers)
    return ptr, other, entry
