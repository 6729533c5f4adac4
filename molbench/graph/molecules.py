"""Geometries of many molecules as one flat block of atoms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.data import Batch as PygBatch


@dataclass(eq=False)
class MoleculeBatch:
    """B molecules with N atoms in total, of R = B / P records of P molecules each.

    Attributes:
        atomic_numbers: Nuclear charges, [N] int64.
        positions: Coordinates in Å, [N, 3].
        ptr: First atom of each molecule, then N, [B + 1] int64. A molecule without atoms, whose conformation
            is unknown, is legal.
        targets: Target name to one value a record in the dataset's own unit, [R] float64, or one spectrum,
            [R, points] float32.
        forces: Forces in the dataset's own unit, [N, 3], or None.
        rows: Row of each record in its store, [R] int64, or None.
        bonds: Covalent bonds, each once, as pairs of atoms, [K, 2] int64, or None where they are unknown.
        is_ligand: Whether each atom of a complex is the ligand's, [N] bool, or None.
        molecules_per_record: P, 2 for pairs and for a ligand in two structures; those of record r are then
            ``2 r`` and ``2 r + 1``.
    """

    atomic_numbers: Tensor
    positions: Tensor
    ptr: Tensor
    targets: dict[str, Tensor] = field(default_factory=dict)
    forces: Tensor | None = None
    rows: Tensor | None = None
    bonds: Tensor | None = None
    is_ligand: Tensor | None = None
    molecules_per_record: int = 1

    @property
    def num_graphs(self) -> int:
        """Number of molecules, B."""
        return self.ptr.numel() - 1

    @property
    def num_records(self) -> int:
        """Number of records, R."""
        return self.num_graphs // self.molecules_per_record

    @property
    def num_atoms(self) -> int:
        """Number of atoms of all molecules, N."""
        return self.atomic_numbers.numel()

    @property
    def sizes(self) -> Tensor:
        """Atoms of each molecule, [B] int64."""
        return self.ptr.diff()

    @cached_property
    def molecule(self) -> Tensor:
        """Index of the molecule each atom belongs to, [N] int64."""
        return torch.repeat_interleave(
            torch.arange(self.num_graphs, device=self.ptr.device), self.sizes, output_size=self.num_atoms
        )

    def replace(self, **changes: Any) -> MoleculeBatch:
        """A copy with some fields changed; tensors that stay are shared."""
        return replace(self, **changes)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> MoleculeBatch:
        """A copy on ``device``; ``dtype`` applies to positions and forces, never to targets."""
        move = partial(Tensor.to, device=device, non_blocking=True)

        def move_real(value: Tensor) -> Tensor:
            return value.to(device, dtype or value.dtype, non_blocking=True)

        return MoleculeBatch(
            move(self.atomic_numbers),
            move_real(self.positions),
            move(self.ptr),
            {name: move(value) for name, value in self.targets.items()},
            None if self.forces is None else move_real(self.forces),
            None if self.rows is None else move(self.rows),
            None if self.bonds is None else move(self.bonds),
            None if self.is_ligand is None else move(self.is_ligand),
            self.molecules_per_record,
        )

    def to_pyg(self) -> PygBatch:
        """The same molecules as a ``torch_geometric.data.Batch`` (``z``, ``pos``, their record's targets)."""
        from torch_geometric.data import Batch as PygBatch
        from torch_geometric.data import Data

        def molecule(index: int, start: int, stop: int) -> Data:
            data = Data(z=self.atomic_numbers[start:stop], pos=self.positions[start:stop])
            record = index // self.molecules_per_record
            for name, value in self.targets.items():
                data[name] = value[record : record + 1]
            if self.forces is not None:
                data.force = self.forces[start:stop]
            return data

        bounds = self.ptr.tolist()
        return PygBatch.from_data_list([molecule(i, *pair) for i, pair in enumerate(pairwise(bounds))])

    @classmethod
    def collate(cls, batches: list[MoleculeBatch]) -> MoleculeBatch:
        """Several batches as one; all must carry the same fields."""
        first = batches[0]
        offsets = [0]
        for batch in batches:
            offsets.append(offsets[-1] + batch.num_atoms)
        ptr = [batch.ptr[:-1] + offset for batch, offset in zip(batches, offsets, strict=False)]
        return cls(
            torch.cat([batch.atomic_numbers for batch in batches]),
            torch.cat([batch.positions for batch in batches]),
            torch.cat([*ptr, first.ptr.new_tensor([offsets[-1]])]),
            {name: torch.cat([batch.targets[name] for batch in batches]) for name in first.targets},
            None if first.forces is None else torch.cat([b.forces for b in batches if b.forces is not None]),
            None if first.rows is None else torch.cat([b.rows for b in batches if b.rows is not None]),
            None
            if first.bonds is None
            else torch.cat(
                [b.bonds + offset for b, offset in zip(batches, offsets, strict=False) if b.bonds is not None]
            ),
            None
            if first.is_ligand is None
            else torch.cat([b.is_ligand for b in batches if b.is_ligand is not None]),
            first.molecules_per_record,
        )
