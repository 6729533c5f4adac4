"""Pairs of graphs: those of the reference outputs, and made-up ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from molbench.backbones import BACKBONES
from molbench.chem.features import ATOM_BITS, BOND_BITS, Kind
from molbench.graph.pairs import MolecularGraphs, PairBatch
from tests.golden_files import Golden

NAMES = [name for name, backbone in BACKBONES.items() if backbone.inputs == "pairs"]


def golden_pairs(fixture: Golden, dtype: torch.dtype) -> PairBatch:
    """The inputs of a reference run."""
    return PairBatch(*(_golden_graphs(fixture, side, dtype) for side in ("solute", "solvent")))


def _golden_graphs(fixture: Golden, side: str, dtype: torch.dtype) -> MolecularGraphs:
    ends = fixture[f"{side}_edge_index"]
    once = ends[0] < ends[1]
    sizes = torch.bincount(fixture[f"{side}_batch"])
    return MolecularGraphs(
        fixture[f"{side}_x"].to(dtype),
        ends[:, once].t().contiguous(),
        fixture[f"{side}_edge_attr"][once].to(dtype),
        torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]),
    )


def example_pairs(
    sizes: Sequence[tuple[int, int]] = ((5, 3), (1, 4), (7, 1), (2, 2)),
    kind: Kind = "interaction",
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> PairBatch:
    """Random trees with random bits."""
    generator = torch.Generator().manual_seed(seed)
    return PairBatch(*(_trees([pair[side] for pair in sizes], kind, generator, dtype) for side in (0, 1)))


def _trees(
    sizes: Sequence[int], kind: Kind, generator: torch.Generator, dtype: torch.dtype
) -> MolecularGraphs:
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    ends = [
        (int(first) + int(torch.randint(atom, (1,), generator=generator)), int(first) + atom)
        for first, size in zip(ptr, sizes, strict=False)
        for atom in range(1, size)
    ]
    bonds = torch.tensor(ends, dtype=torch.int64).view(-1, 2)

    def bits(rows: int, width: int) -> Tensor:
        return (torch.rand(rows, width, generator=generator) < 0.2).to(dtype)

    return MolecularGraphs(bits(int(ptr[-1]), ATOM_BITS[kind]), bonds, bits(len(bonds), BOND_BITS[kind]), ptr)
