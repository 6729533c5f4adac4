"""PCQM4Mv2: ``data.csv.gz``, and the structures of its training molecules in one SD file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.chem.conformers import embed_conformer
from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.base import CHUNK_RECORDS, Chunk, Parser, Shard, even_bounds, only_file
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.molblock import bonded_columns
from molbench.data.build.parsers.pcqm4mv2 import THEORY, gap_table, row_id
from molbench.errors import UserError

_ORDERS = {
    Chem.BondType.SINGLE: 1,
    Chem.BondType.DOUBLE: 2,
    Chem.BondType.TRIPLE: 3,
    Chem.BondType.AROMATIC: 4,
}


_structures = partial(
    only_file,
    suffixes=(".sdf.tar.gz", ".sdf.gz", ".sdf"),
    what="the structures pcqm4m-v2-train.sdf.tar.gz",
)


@dataclass(frozen=True)
class Pcqm4mv2Sdf(Parser):
    """Structures and gaps; record i of the SD file belongs to row i of the table.

    Only training molecules, which come first, have a published structure. A later row with a gap, that is a
    validation molecule, gets one by ETKDG with hydrogens from its SMILES, since at test time no other is to
    be had; ``level_of_theory`` tells the two kinds apart. Rows without a gap are the hidden tests and are no
    records. ``missing_hydrogens`` counts what the structure lacks of the SMILES, for there are copies of the
    SD file without hydrogens.

    A compressed SD file is decompressed from its beginning by every process, which skips what is not its own.
    """

    name = "pcqm4mv2-sdf"

    def schema(self) -> pa.Schema:
        """Identity, structure, its origin, bonds, SMILES and gap."""
        return record_schema("bonds", "bond_orders", "smiles", "level_of_theory", "missing_hydrogens", "gap")

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Ranges of rows, once there are found to be no more structures than rows."""
        path, rows = _structures(files), len(gap_table(files))
        if (structures := sdf.count_records(path)) > rows:
            raise UserError(
                f"{path}: {structures:,} structures for {rows:,} rows: they do not belong together"
            )
        return even_bounds(rows, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows."""
        rows = gap_table(shard.files).slice(shard.start, shard.stop - shard.start).to_batches(CHUNK_RECORDS)
        chunk = Collector(self.schema())
        blocks = sdf.records(_structures(shard.files), shard.start, shard.stop)
        index = shard.start
        for batch in rows:
            for row in batch.to_pylist():
                _, block = next(blocks, (index, None))
                if row["gap"] is not None or block is not None:
                    with chunk.record(row_id(index), f"row {index:,}"):
                        chunk.add(row_id(index), f"row {index:,}", **_values(block, row))
                index += 1
                yield from chunk.when_full()
        yield chunk.take()


def _values(block: bytes | None, row: Mapping[str, Any]) -> dict[str, Any]:
    if row["gap"] is None:
        raise ValueError("a structure and no gap")
    atoms = _embedded(row["smiles"]) if block is None else bonded_columns(block)
    return {
        **row,
        **atoms,
        "level_of_theory": "ETKDG" if block is None else THEORY,
        "missing_hydrogens": missing_hydrogens(row["smiles"], atoms["atomic_numbers"]),
    }


def _embedded(smiles: str) -> dict[str, Any]:
    """Columns of the atoms and bonds of a conformer that is made here.

    Raises:
        ValueError: If RDKit cannot read the SMILES or finds no conformer.
    """
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise ValueError(f"RDKit cannot read the SMILES {smiles[:60]!r}")
        molecule = Chem.AddHs(molecule)
    conformer = embed_conformer(molecule)
    if conformer.outcome.startswith("failed"):
        raise ValueError(f"no conformer of {smiles[:60]!r}: {conformer.outcome}")
    bonds = list(molecule.GetBonds())
    return {
        "atomic_numbers": [atom.GetAtomicNum() for atom in molecule.GetAtoms()],
        "positions": conformer.positions,
        "bonds": [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds],
        "bond_orders": [_ORDERS.get(bond.GetBondType(), 1) for bond in bonds],
    }
