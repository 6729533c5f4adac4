"""One conformation of one molecule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
from typing_extensions import override

from molbench.data.records.base import RecordKind

if TYPE_CHECKING:
    from molbench.data.records.atom_index import AtomIndex


class MoleculeKind(RecordKind):
    """Atoms with positions; perhaps forces, and bonds."""

    name = "molecule"
    smiles: ClassVar[Mapping[str, str | None]] = {"smiles": "inchikey"}
    may_be_ordered = False

    @override
    def atom_index(self, records: pa.RecordBatch, folder: Path) -> AtomIndex:
        from molbench.data.records.atom_index import AtomIndex

        return AtomIndex.of_records(records)
