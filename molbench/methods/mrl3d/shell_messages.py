"""Messages of a continuous-filter convolution among solutes and rigid copies of their solvents.

Messages go between the atoms of all solutes, then n places for each atom of the solvents, one a copy, so that
all copies of a solvent are a view, [N_b, n, F]. Filters are read from a table where they are used, a few
edges at a time, forwards and backwards: no features of all edges are ever kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import Function

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import radius_edges
from molbench.kernels.convolution import summing_type
from molbench.kernels.edges import EdgeList
from molbench.methods.mrl3d.interpolation import Stencil, nodes
from molbench.methods.mrl3d.solvent_shell import SolventShell

# Between nodes, Å; a fiftieth of the width of SchNet's Gaussians of 0.1 Å.
_SPACING = 0.002

# Edges whose derivatives are kept until they are spread over the nodes, and numbers gathered at a time
# on a CPU, so that they stay in its caches.
_CHUNK, _BLOCK = 2**15, 2**18


@dataclass(frozen=True, eq=False)
class Edges:
    """Some undirected edges: both ends, [E] each, and where their lengths lie among the nodes."""

    source: Tensor
    target: Tensor
    stencil: Stencil

    def blocks(self, like: Tensor) -> Iterator[tuple[slice, Tensor, Tensor, Stencil]]:
        """The same edges, a few at a time, and which of them, for values [..., F]."""
        every = len(self.source)
        size = max(_BLOCK // like[0].numel(), 1) if like.device.type == "cpu" else max(every, 1)
        for start in range(0, every, size):
            part = slice(start, start + size)
            yield part, self.source[part], self.target[part], self.stencil.part(part)


Chunk = tuple[Edges, Sequence[Tensor]]


@dataclass(frozen=True, eq=False)
class ShellEdges:
    """Edges of a batch of shells, in chunks.

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
    between: list[Edges]
    nearest: list[Edges]
    within: list[Edges]
    nodes: Tensor

    @classmethod
    def of(cls, shell: SolventShell, b: MoleculeBatch, copies: int, cutoff: float) -> ShellEdges:
        """Edges up to a cutoff (Å)."""
        batch, at = shell.batch(), nodes(cutoff, _SPACING, b.positions)
        solute = shell.is_solute
        merged = torch.empty_like(batch.molecule)
        solutes = int(solute.sum())
        merged[solute] = torch.arange(solutes, device=merged.device)
        merged[shell.placed] = solutes + shell.origin * copies + shell.slot
        within = radius_edges(batch, cutoff)
        # The anchor of a placed atom names its copy.
        copy = torch.full_like(batch.molecule, -1).index_copy(0, shell.placed, shell.anchor)
        of_source = copy[within.source]
        chosen = ((of_source != copy[within.target]) | (of_source < 0)).nonzero().squeeze(-1)
        others = EdgeList(within.source[chosen], within.target[chosen], symmetric=True)
        near = (solute[others.source] | solute[others.target]).nonzero().squeeze(-1)
        nearest = EdgeList(others.source[near], others.target[near], symmetric=True)

        def chunks(edges: EdgeList, positions: Tensor, merged: Tensor | None) -> list[Edges]:
            distances = edges.distances(positions)
            source, target = edges.source, edges.target
            if merged is not None:
                source, target = merged[source], merged[target]
            parts = zip(*(torch.split(ends, _CHUNK) for ends in (source, target, distances)), strict=True)
            return [Edges(i, j, Stencil.of(d, _SPACING, len(at))) for i, j, d in parts]

        return cls(
            solutes,
            b.num_atoms,
            copies,
            chunks(others, batch.positions, merged),
            chunks(nearest, batch.positions, merged),
            chunks(radius_edges(b, cutoff), b.positions, None),
            at,
        )

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
        return _messages(sent.to(dtype), table.to(dtype), self._all)

    def last_messages(self, sent: Tensor, table: Tensor) -> Tensor:
        """:meth:`messages` to solutes only, [N_a, F]."""
        dtype = summing_type(sent, table)
        return _messages(sent.to(dtype), table.to(dtype), self._nearest)[: self.solutes]

    def first_messages(self, sent: Tensor, table: Tensor) -> Tensor:
        """:meth:`messages` where all atoms of solutes send the same, and all atoms of copies.

        Filters are summed before they meet features, inside copies once for all of them.

        Args:
            sent: What an atom of a copy sends and what one of a solute, [2, F].
            table: Filters at the nodes, [K, F].
        """
        dtype = summing_type(sent, table)
        table = table.to(dtype)
        of_copies, of_solutes = sent.to(dtype)
        outside = _sums(table, self.between, 2 * self.atoms, self._rows).view(self.atoms, 2, -1)
        inside = _sums(table, self.within, self.solvents, lambda edges: (edges.source, edges.target))
        received = outside[:, 0] * of_copies + outside[:, 1] * of_solutes
        solutes, copies = torch.split(received, [self.solutes, self.atoms - self.solutes])
        return torch.cat([solutes, copies + (inside * of_copies).repeat_interleave(self.copies, 0)])

    def _all(self, *values: Tensor) -> Iterator[Chunk]:
        """Chunks of edges beside the values [M, F] that they refer to, inside copies as views [N_b, n, F]."""
        for edges in self.between:
            yield edges, values
        copies = [value[self.solutes :].view(self.solvents, self.copies, value.shape[1]) for value in values]
        for edges in self.within:
            yield edges, copies

    def _nearest(self, *values: Tensor) -> Iterator[Chunk]:
        return ((edges, values) for edges in self.nearest)

    def _rows(self, edges: Edges) -> tuple[Tensor, Tensor]:
        """Where the filters of edges are summed: at one end, by what the other end is."""
        i, j = edges.source, edges.target
        return 2 * i + (j < self.solutes), 2 * j + (i < self.solutes)


class _Messages(Function):
    @staticmethod
    def forward(ctx: Any, sent: Tensor, table: Tensor, chunks: Callable[..., Iterator[Chunk]]) -> Tensor:
        ctx.save_for_backward(sent, table)
        ctx.chunks = chunks
        received = torch.zeros_like(sent)
        for edges, (x, y) in chunks(sent, received):
            for _, i, j, stencil in edges.blocks(x):
                w = _filters(stencil, table, x)
                y.index_add_(0, i, x.index_select(0, j).mul_(w))
                y.index_add_(0, j, x.index_select(0, i).mul_(w))
        return received

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        sent, table = ctx.saved_tensors
        by_sent, by_table = torch.zeros_like(sent), torch.zeros_like(table)
        for edges, (x, g, out) in ctx.chunks(sent, gradient.contiguous(), by_sent):
            by_filters = table.new_empty(len(edges.source), table.shape[1])
            for part, i, j, stencil in edges.blocks(x):
                w = _filters(stencil, table, x)
                of_i, of_j = g.index_select(0, i), g.index_select(0, j)
                if x.dim() == 2:
                    product = torch.index_select(x, 0, i, out=by_filters[part])
                    product.mul_(of_j).addcmul_(x.index_select(0, j), of_i)
                else:
                    product = x.index_select(0, i).mul_(of_j).addcmul_(x.index_select(0, j), of_i)
                    by_filters[part] = product.sum(1)
                out.index_add_(0, i, of_j.mul_(w))
                out.index_add_(0, j, of_i.mul_(w))
            by_table += edges.stencil.spread(by_filters)
        return by_sent, by_table, None


class _Sums(Function):
    @staticmethod
    def forward(
        ctx: Any,
        table: Tensor,
        blocks: list[Edges],
        size: int,
        rows: Callable[[Edges], tuple[Tensor, Tensor]],
    ) -> Tensor:
        ctx.save_for_backward(table)
        ctx.edges = blocks, rows
        sums = table.new_zeros(size, table.shape[1])
        for edges in blocks:
            w = edges.stencil.read(table)
            for row in rows(edges):
                sums.index_add_(0, row, w)
        return sums

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (table,) = ctx.saved_tensors
        by_table, (blocks, rows) = torch.zeros_like(table), ctx.edges
        for edges in blocks:
            first, second = rows(edges)
            both = gradient.index_select(0, first).add_(gradient.index_select(0, second))
            by_table += edges.stencil.spread(both)
        return by_table, None, None, None


_messages: Callable[..., Tensor] = _Messages.apply
_sums: Callable[..., Tensor] = _Sums.apply


def _filters(stencil: Stencil, table: Tensor, like: Tensor) -> Tensor:
    """Filters of edges, [E, F], or [E, 1, F] where all copies share them."""
    w = stencil.read(table)
    return w.unsqueeze(1) if like.dim() == 3 else w
