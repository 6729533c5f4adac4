"""The different molecules of a store, as a model of somebody else's is given them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

import numpy as np

from molbench.data.read.store import Store
from molbench.evaluation.external.standalone import Molecule


class StoreMolecules(Sequence[Molecule]):
    """Every different molecule of a store once, numbered as in ``atom_index.index``, made when asked for.

    Charge and multiplicity are those of columns ``charge`` and ``multiplicity``, else what the SMILES has,
    else 0 and 1.

    Args:
        store: The records.
    """

    def __init__(self, store: Store) -> None:
        self._index = store.atom_index.distinct
        self._names = self._smiles = None
        names = store.table.schema.names
        single = store.molecules_per_record == 1 and not store.record.molecule_table
        self._charges = store.column("charge") if single and "charge" in names else None
        self._multiplicities = store.column("multiplicity") if single and "multiplicity" in names else None
        if store.record.molecule_table:
            from molbench.data.records.molecule_table import read_molecule_table

            self._smiles = (
                read_molecule_table(store.subset_folder, ["smiles"]).column("smiles").combine_chunks()
            )
        elif single:
            self._names = store.ids
            (column, *_) = store.record.smiles
            self._smiles = store.column(column) if column == "smiles" and column in names else None

    def __len__(self) -> int:
        return len(self._index.starts)

    @overload
    def __getitem__(self, index: int) -> Molecule: ...

    @overload
    def __getitem__(self, index: slice) -> list[Molecule]: ...

    def __getitem__(self, index: int | slice) -> Molecule | list[Molecule]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        start, size = int(self._index.starts[index, 0]), int(self._index.sizes[index, 0])
        numbers = self._index.numbers[start : start + size].astype(np.int64)
        smiles = self._smiles[index].as_py() if self._smiles is not None else None
        name = self._names[index].as_py() if self._names is not None else smiles or f"molecule {index}"
        charge, multiplicity = state(smiles)
        if self._charges is not None and (given := self._charges[index].as_py()) is not None:
            charge = int(given)
            multiplicity = 1 + (int(numbers.sum()) - charge) % 2
        if self._multiplicities is not None and (given := self._multiplicities[index].as_py()) is not None:
            multiplicity = int(given)
        positions = self._index.positions[start : start + size].astype(np.float64)
        return Molecule(name, numbers, positions, charge, multiplicity, smiles)


@lru_cache(maxsize=1 << 16)
def state(smiles: str | None) -> tuple[int, int]:
    """Charge and multiplicity of a molecule as it is written; 0 and 1 where that is unknown."""
    from rdkit import Chem
    from rdkit.Chem import Descriptors
    from rdkit.rdBase import BlockLogs

    if smiles:
        with BlockLogs():
            molecule = Chem.MolFromSmiles(smiles)
        if molecule:
            radicals = Descriptors.NumRadicalElectrons(molecule)  # type: ignore[no-untyped-call]
            return Chem.GetFormalCharge(molecule), 1 + int(radicals)
    return 0, 1
