"""Messages of a continuous-filter convolution among solutes and rigid copies of their solvents.

Messages go between the atoms of all solutes, then n places for each atom of the solvents, one a copy, so that
all copies of a solvent are a view, [N_b, n, F], whose edges share their filters. These are read from a table
where they are used, forwards and backwards: no features of all edges are ever kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.convolution import summing_type
from molbench.kernels.edges import EdgeList
from molbench.kernels.interpolation import Interpolation, convolve_interpolated, grid, interpolation
from molbench.methods.mrl3d.solvent_shell import SolventShell

# Edges of about one shell.
_BLOCK = 2048
_LAST = 2**16 - 1


@dataclass(frozen=True, eq=False)
class _Edges:
    """Undirected edges and where their lengths lie among the nodes."""

    edges: EdgeList
    at: Interpolation

    def messages(self, sent: Tensor, table: Tensor) -> Tensor:
        return convolve_interpolated(self.edges, sent, table, self.at)


def _by_length(first: Tensor) -> Tensor:
    """An order of edges, [E]: within runs of the same few shells, by the rows of the table that they read.

    So that these stay in the processor's nearest cache, like the atoms of the shells in the next.
    """
    blocks = -(-len(first) // _BLOCK)
    keys = np.full(blocks * _BLOCK, _LAST, np.uint16)  # NumPy sorts these in linear time
    keys[: len(first)] = first.clamp(max=_LAST - 1).cpu().numpy()
    order = np.argsort(keys.reshape(blocks, _BLOCK), axis=1, kind="stable")
    order += _BLOCK * np.arange(blocks)[:, None]
    return torch.from_numpy(order.reshape(-1)[: len(first)]).to(first.device)


@dataclass(frozen=True, eq=False)
class ShellEdges:
    """Edges of a batch of shells.

    Attributes:
        solutes: Atoms of all solutes, N_a.
        solvents: Atoms of all solvents, N_b.
        copies: Places for each atom of a solvent, n; those of copies that do not exist have no edges between.
        between: Edges but those inside copies, as indices of atoms.
        nearest: Those of them that end at a solute.
        within: Edges inside copies, as indices of the atoms of solvents.
        nodes: Distances for which filters are tabulated, Å, [K].
    """

    solutes: int
    solvents: int
    copies: int
    between: _Edges
    nearest: _Edges
    within: _Edges
    nodes: Tensor

    @classmethod
    def of(
        cls, shell: SolventShell, b: MoleculeBatch, copies: int, cutoff: float, intervals: int
    ) -> ShellEdges:
        """Edges up to a cutoff (Å), and filters at the ends of so many intervals up to it."""
        batch, solute = shell.batch(), shell.is_solute
        merged = torch.empty_like(batch.molecule)
        solutes = int(solute.sum())
        merged[solute] = torch.arange(solutes, device=merged.device)
        merged[shell.placed] = solutes + shell.origin * copies + shell.slot
        # The anchor of a placed atom names its copy.
        copy = torch.full_like(batch.molecule, -1).index_copy(0, shell.placed, shell.anchor)
        everything = radius_edges(batch, cutoff)
        of_source = copy[everything.source]
        outside = (of_source != copy[everything.target]) | (of_source < 0)
        near = solute[everything.source] | solute[everything.target]

        at = interpolation(everything.distances(batch.positions), cutoff, intervals)

        def chosen(which: Tensor) -> _Edges:
            rows = which.nonzero().squeeze(-1)
            rows = rows[_by_length(at.first[rows])]
            ends = merged[everything.source[rows]], merged[everything.target[rows]]
            return _Edges(EdgeList(*ends, symmetric=True), Interpolation(at.first[rows], at.shares[rows]))

        inside = radius_edges(b, cutoff)
        within = _Edges(inside, interpolation(inside.distances(b.positions), cutoff, intervals))
        between, nearest, nodes = chosen(outside), chosen(near), grid(cutoff, intervals, b.positions)
        return cls(solutes, b.num_atoms, copies, between, nearest, within, nodes)

    @property
    def atoms(self) -> int:
        """Atoms of solutes and places of copies, M."""
        return self.solutes + self.copies * self.solvents

    def messages(self, sent: Tensor, table: Tensor) -> Tensor:
        """``y_i = Σ_j w_ij x_j``.

        Args:
            sent: x, [M, F].
            table: Filters at the nodes, [K, F].

        Returns:
            y, [M, F], in single precision at least.
        """
        dtype = summing_type(sent, table)
        sent, table = sent.to(dtype), table.to(dtype)
        copies = sent[self.solutes :].view(self.solvents, self.copies, -1)
        inside = self.within.messages(copies, table).flatten(0, 1)
        return self._with(self.between.messages(sent, table), inside)

    def last_messages(self, sent: Tensor, table: Tensor) -> Tensor:
        """:meth:`messages` to solutes only, [N_a, F]."""
        dtype = summing_type(sent, table)
        return self.nearest.messages(sent.to(dtype), table.to(dtype))[: self.solutes]

    def first_messages(self, sent: Tensor, table: Tensor) -> Tensor:
        """:meth:`messages` where all atoms of solutes send the same, and all atoms of copies.

        Inside copies filters are summed before they meet features, once for all of them.

        Args:
            sent: What an atom of a copy sends and what one of a solute, [2, F].
            table: Filters at the nodes, [K, F].
        """
        dtype = summing_type(sent, table)
        table = table.to(dtype)
        of_copies, of_solutes = sent.to(dtype)
        placed = of_copies.expand(self.atoms - self.solutes, -1)
        outside = self.between.messages(torch.cat([of_solutes.expand(self.solutes, -1), placed]), table)
        inside = self.within.messages(table.new_ones(self.solvents, table.shape[1]), table) * of_copies
        return self._with(outside, inside.repeat_interleave(self.copies, 0))

    def _with(self, received: Tensor, inside: Tensor) -> Tensor:
        """What atoms receive, [M, F], and what those of copies receive inside them, [M - N_a, F]."""
        solutes, copies = torch.split(received, [self.solutes, self.atoms - self.solutes])
        return torch.cat([solutes, copies + inside])
