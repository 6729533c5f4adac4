"""A ligand in the pocket of a protein, or in the pockets of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
from typing_extensions import override

from molbench.data.records.base import RecordKind

if TYPE_CHECKING:
    from molbench.data.records.atom_index import AtomIndex


class ComplexKind(RecordKind):
    """Atoms with positions, of which ``is_ligand`` marks the ligand's.

    Pocket and ligand are one molecule; where a column ``structure`` divides the atoms, each part is one.
    """

    name = "complex"
    smiles: ClassVar[Mapping[str, str | None]] = {"ligand_smiles": None}
    whole = ("protein", "group")

    @override
    def atom_index(self, records: pa.RecordBatch, folder: Path) -> AtomIndex:
        from molbench.data.records.atom_index import AtomIndex, flat

        index = AtomIndex.of_records(records)
        if "is_ligand" in records.schema.names:
            index = replace(index, is_ligand=flat(records.column("is_ligand")))
        if "structure" not in records.schema.names:
            return index
        parts = flat(records.column("structure")).astype(np.int64)
        second = np.add.reduceat(parts, index.starts[:, 0])[:, None]
        return replace(
            index,
            starts=np.hstack([index.starts, index.starts + index.sizes - second]),
            sizes=np.hstack([index.sizes - second, second]),
            bonds=None,
        )
