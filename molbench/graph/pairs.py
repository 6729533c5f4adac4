"""Pairs of 2-D molecular graphs, for encoders that see no geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass(eq=False)
class MolecularGraphs:
    """R molecular graphs with N atoms and K bonds in total.

    Attributes:
        atoms: Features of each atom, [N, D].
        bonds: The two atoms of each bond, each bond once, [K, 2] int64.
        bond_features: Features of each bond, [K, C].
        ptr: First atom of each molecule, then N, [R + 1] int64.
    """

    atoms: Tensor
    bonds: Tensor
    bond_features: Tensor
    ptr: Tensor

    @property
    def num_graphs(self) -> int:
        """Number of molecules, R."""
        return self.ptr.numel() - 1

    @property
    def sizes(self) -> Tensor:
        """Atoms of each molecule, [R] int64."""
        return self.ptr.diff()

    @cached_property
    def molecule(self) -> Tensor:
        """Index of the molecule each atom belongs to, [N] int64."""
        return torch.repeat_interleave(
            torch.arange(self.num_graphs, device=self.ptr.device), self.sizes, output_size=len(self.atoms)
        )

    @cached_property
    def edge_index(self) -> Tensor:
        """Both directions of every bond, [2, 2 K]: first all as listed, then all reversed."""
        return torch.cat([self.bonds, self.bonds.flip(1)]).t().contiguous()

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> MolecularGraphs:
        """A copy on ``device``; ``dtype`` applies to features."""
        return MolecularGraphs(
            self.atoms.to(device, dtype or self.atoms.dtype, non_blocking=True),
            self.bonds.to(device, non_blocking=True),
            self.bond_features.to(device, dtype or self.bond_features.dtype, non_blocking=True),
            self.ptr.to(device, non_blocking=True),
        )

    @classmethod
    def collate(cls, graphs: Sequence[MolecularGraphs]) -> MolecularGraphs:
        """Several batches as one."""
        ends = torch.stack([part.ptr[-1] for part in graphs]).cumsum(0)
        starts = [ends[0] * 0, *ends[:-1]]
        return cls(
            torch.cat([part.atoms for part in graphs]),
            torch.cat([part.bonds + start for part, start in zip(graphs, starts, strict=True)]),
            torch.cat([part.bond_features for part in graphs]),
            torch.cat(
                [*(part.ptr[:-1] + start for part, start in zip(graphs, starts, strict=True)), ends[-1:]]
            ),
        )


@dataclass(eq=False)
class PairBatch:
    """R pairs of molecules.

    Attributes:
        a: First molecule of each pair: the solute, the chromophore, one drug.
        b: Second molecule: the solvent, the other drug.
        targets: Target name to one value a pair in the dataset's own unit, [R] float64.
        rows: Row of each pair in its store, [R] int64, or None.
    """

    a: MolecularGraphs
    b: MolecularGraphs
    targets: dict[str, Tensor] = field(default_factory=dict)
    rows: Tensor | None = None

    @property
    def num_graphs(self) -> int:
        """Number of pairs, R."""
        return self.a.num_graphs

    @property
    def num_records(self) -> int:
        """Number of pairs, R."""
        return self.a.num_graphs

    def replace(self, **changes: Any) -> PairBatch:
        """A copy with some fields changed; tensors that stay are shared."""
        return replace(self, **changes)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> PairBatch:
        """A copy on ``device``; ``dtype`` applies to features, never to targets."""
        return PairBatch(
            self.a.to(device, dtype),
            self.b.to(device, dtype),
            {name: value.to(device, non_blocking=True) for name, value in self.targets.items()},
            None if self.rows is None else self.rows.to(device, non_blocking=True),
        )
