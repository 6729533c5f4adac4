"""What the published forms of Molecule3D share: ids, property columns, and records from a block."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.bonded import BondedChunk
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.molblock import read_molblock
from molbench.data.build.parsers.sdf import read_bonds

PROPERTIES = {
    "dipole_x": "dipole x",
    "dipole_y": "dipole y",
    "dipole_z": "dipole z",
    "homo": "homo",
    "lumo": "lumo",
    "gap": "homolumogap",
    "scf_energy": "scf energy",
}
"""Column of a record to column of the source. Only the names tell: their order is not always this one."""


def molecule3d_schema(properties: bool = True) -> pa.Schema:
    """Identity, structure, bonds, the count of hydrogens that are not there, and the seven properties."""
    names = PROPERTIES if properties else ()
    return record_schema("bonds", "bond_orders", "smiles", "missing_hydrogens", *names)


def add_block(  # noqa: PLR0917
    chunk: BondedChunk,
    index: int,
    block: bytes,
    smiles: str | None,
    where: str,
    properties: Mapping[str, Any],
) -> None:
    """Add one molecule, or a failure.

    Args:
        chunk: Receives it.
        index: Its number in the source, which the published splits count by.
        block: V2000 block.
        smiles: Its SMILES.
        where: File and place.
        properties: Value of each property; None where there is none, which is a failure.
    """
    identifier = f"molecule3d-{index}"
    try:
        atoms = read_molblock(block)
        bonds = read_bonds(block)
        missing = missing_hydrogens(smiles, atoms[0])
        if lacking := [name for name, value in properties.items() if value is None]:
            raise ValueError(f"no {PROPERTIES[lacking[0]]}")
    except ValueError as error:
        chunk.fail(identifier, where, str(error))
    else:
        chunk.add_bonded(
            identifier, atoms, bonds, where, smiles=smiles, missing_hydrogens=missing, **properties
        )
