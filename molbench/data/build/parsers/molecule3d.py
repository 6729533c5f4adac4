"""What the published forms of Molecule3D share: ids, property columns, and the columns of a block."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.composition import missing_hydrogens
from molbench.data.build.parsers.molblock import bonded_columns

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


def identifier(index: int) -> str:
    """Id of a molecule: its number in the source, which the published splits count by."""
    return f"molecule3d-{index}"


def molecule3d_schema(properties: bool = True) -> pa.Schema:
    """Identity, structure, bonds, the count of hydrogens that are not there, and the seven properties."""
    names = PROPERTIES if properties else ()
    return record_schema("bonds", "bond_orders", "smiles", "missing_hydrogens", *names)


def block_values(block: bytes, smiles: str | None, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of one molecule.

    Args:
        block: V2000 block.
        smiles: Its SMILES.
        properties: Value of each property.

    Raises:
        ValueError: If the block cannot be read, is of other atoms than the SMILES, or a property is None.
    """
    atoms = bonded_columns(block)
    missing = missing_hydrogens(smiles, atoms["atomic_numbers"])
    if lacking := [name for name, value in properties.items() if value is None]:
        raise ValueError(f"no {PROPERTIES[lacking[0]]}")
    return {**atoms, "smiles": smiles, "missing_hydrogens": missing, **properties}
