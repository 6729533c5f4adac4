"""PCQM4Mv2: ``data.csv.gz``, and the structures of its training molecules in one SD file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.chem.conformers import embed
from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.base import (
    CHUNK_RECORDS,
    Chunk,
    Shard,
    check_options,
    even_bounds,
    make_shards,
    only_file,
)
from molbench.data.build.parsers.bonded import BondedChunk, Bonds
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.molblock import read_molblock
from molbench.data.build.parsers.pcqm4mv2 import THEORY, gap_table, identifier
from molbench.data.build.parsers.sdf import read_bonds
from molbench.errors import UserError

_SUFFIXES = (".sdf.tar.gz", ".sdf.gz", ".sdf")
_ORDERS = {
    Chem.BondType.SINGLE: 1,
    Chem.BondType.DOUBLE: 2,
    Chem.BondType.TRIPLE: 3,
    Chem.BondType.AROMATIC: 4,
}


class Pcqm4mv2Sdf:
    """Structures and gaps; record i of the SD file belongs to row i of the table.

    Only training molecules, which come first, have a published structure. A later row with a gap, that is a
    validation molecule, gets one by ETKDG with hydrogens from its SMILES, since at test time no other is to
    be had; ``level_of_theory`` tells the two kinds apart. Rows without a gap are the hidden tests and are no
    records. ``missing_hydrogens`` counts what the structure lacks of the SMILES, for there are copies of the
    SD file without hydrogens.

    A compressed SD file is decompressed from its beginning by every process, which skips what is not its own.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Identity, structure, its origin, bonds, SMILES and gap."""
        check_options("pcqm4mv2-sdf", options, {})
        return record_schema("bonds", "bond_orders", "smiles", "level_of_theory", "missing_hydrogens", "gap")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Ranges of rows, once there are found to be no more structures than rows."""
        check_options("pcqm4mv2-sdf", options, {})
        path, rows = _structures(files), len(gap_table(files))
        if (found := sdf.count(path)) > rows:
            raise UserError(f"{path}: {found:,} structures for {rows:,} rows: they do not belong together")
        return make_shards("pcqm4mv2-sdf", files, options, even_bounds(rows, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream a range of rows."""
        path, table = _structures(shard.paths), gap_table(shard.paths)
        stop = len(table) if shard.stop is None else shard.stop
        rows = table.slice(shard.start, stop - shard.start).to_batches(CHUNK_RECORDS)
        chunk = BondedChunk(self.schema(shard.options))
        blocks = sdf.records(path, shard.start, stop)
        index = shard.start
        for batch in rows:
            for row in batch.to_pylist():
                _, block = next(blocks, (index, None))
                if row["gap"] is not None:
                    _add(chunk, index, block, row["smiles"], row["gap"])
                elif block is not None:
                    chunk.fail(identifier(index), f"row {index:,}", "a structure and no gap")
                index += 1
                if chunk.full:
                    yield chunk.take()
        yield chunk.take()


def _structures(files: Mapping[str, Path]) -> Path:
    return only_file(files, _SUFFIXES, "the structures pcqm4m-v2-train.sdf.tar.gz")


def _add(chunk: BondedChunk, index: int, block: bytes | None, smiles: str, gap: float) -> None:
    try:
        if block is None:
            (atoms, bonds), theory = _embedded(smiles), "ETKDG"
        else:
            atoms, bonds, theory = read_molblock(block), read_bonds(block), THEORY
        missing = missing_hydrogens(smiles, atoms[0])
    except ValueError as error:
        chunk.fail(identifier(index), f"row {index:,}", str(error))
    else:
        chunk.add_bonded(
            identifier(index),
            atoms,
            bonds,
            f"row {index:,}",
            smiles=smiles,
            level_of_theory=theory,
            missing_hydrogens=missing,
            gap=gap,
        )


def _embedded(smiles: str) -> tuple[tuple[list[int], list[float]], Bonds]:
    """Atoms and bonds of a conformer that is made here.

    Raises:
        ValueError: If RDKit cannot read the SMILES or finds no conformer.
    """
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise ValueError(f"RDKit cannot read the SMILES {smiles[:60]!r}")
        molecule = Chem.AddHs(molecule)
    conformer = embed(molecule)
    if conformer.outcome.startswith("failed"):
        raise ValueError(f"no conformer of {smiles[:60]!r}: {conformer.outcome}")
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    pairs = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    orders = [_ORDERS.get(bond.GetBondType(), 1) for bond in molecule.GetBonds()]
    return (numbers, conformer.positions.ravel().tolist()), (pairs, orders)


PCQM4MV2_SDF = Pcqm4mv2Sdf()
