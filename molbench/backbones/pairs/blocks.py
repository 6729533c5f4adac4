"""Pairs of similar sizes side by side, so that little of a product over padded atoms is padding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molbench.graph.pairs import MolecularGraphs, PairBatch

# Pairs in a block: on a CPU so few that their atoms stay in its caches, on an accelerator enough to fill it.
_BLOCK, _ACCELERATED_BLOCK = 8, 64
# Blocks that share a range of sizes of first molecules.
_GROUP = 8


@dataclass(frozen=True, eq=False)
class PairBlock:
    """The atoms of r pairs, padded to the largest molecules among them.

    Attributes:
        a: Numbers of the atoms of the first molecules in the batch, N_a where there is none, [r, n] int64.
        b: The same of the second, [r, m].
        is_a: Where there is an atom, [r, n].
        is_b: The same, [r, m].
    """

    a: Tensor
    b: Tensor
    is_a: Tensor
    is_b: Tensor


def blocks(pairs: PairBatch) -> tuple[list[PairBlock], Tensor]:
    """The pairs of a batch in blocks, and where each lies among those of the blocks, [R]."""
    size = _BLOCK if pairs.a.ptr.device.type == "cpu" else _ACCELERATED_BLOCK
    first, second = pairs.a.sizes, pairs.b.sizes
    # Groups of similar first molecules, and within a group blocks of similar second ones.
    groups = first.argsort().argsort() // (size * _GROUP)
    order = torch.argsort(groups * (second.sum() + 1) + second)
    made = []
    for part in torch.split(order, size):
        (a, is_a), (b, is_b) = _padded(pairs.a, part), _padded(pairs.b, part)
        made.append(PairBlock(a, b, is_a, is_b))
    return made, order.argsort()


def _padded(graphs: MolecularGraphs, part: Tensor) -> tuple[Tensor, Tensor]:
    sizes = graphs.sizes[part].unsqueeze(1)
    offsets = torch.arange(int(sizes.max()), device=part.device)
    is_atom = offsets < sizes
    return torch.where(is_atom, graphs.ptr[part].unsqueeze(1) + offsets, len(graphs.atoms)), is_atom


def gathered(rows: Tensor, numbers: list[Tensor]) -> list[Tensor]:
    """Features of padded atoms, 0 where there is none: rows [N, F] to [r, n, F] for each of some [r, n]."""
    padded = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])
    taken = padded.index_select(0, torch.cat([part.flatten() for part in numbers]))
    parts = torch.split(taken, [part.numel() for part in numbers])
    return [part.view(*of.shape, rows.shape[1]) for part, of in zip(parts, numbers, strict=True)]
