"""Structures of records whose file has none, and what makes two structures one molecule."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from molbench.data.build.parsers.cells import require_smiles
from molbench.data.build.parsers.text import printable

_BLOCK = 14


@lru_cache(maxsize=256)
def embedded(smiles: str) -> dict[str, Any]:
    """Atoms of a molecule with a conformer of ETKDG, hydrogens included, under the names of columns.

    Raises:
        ValueError: If there is none, saying why.
    """
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    from molbench.chem.conformers import embed_conformer

    require_molecule(smiles)
    with BlockLogs():
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    conformer = embed_conformer(molecule)
    if conformer.outcome.startswith("failed"):
        raise ValueError(
            f"no conformer of {printable(smiles)!r}: {conformer.outcome.removeprefix('failed: ')}"
        )
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    return {"atomic_numbers": numbers, "positions": conformer.positions}


def require_molecule(smiles: str, what: str = "molecule") -> None:
    """Raise ValueError unless RDKit makes a molecule of a SMILES, and all its atoms are of elements."""
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    require_smiles(smiles, what)
    if "*" in smiles or "#0" in smiles:
        with BlockLogs():
            molecule = Chem.MolFromSmiles(smiles)
        if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
            raise ValueError(f"a dummy atom ('*') in the SMILES of the {what}: {printable(smiles)!r}")


def group_of(smiles: str | None, numbers: Any, positions: Any) -> str:
    """What conformations and stereoisomers of a molecule share.

    The first block of the InChIKey, or where there is no SMILES that RDKit reads the graph of bonds that the
    geometry tells.

    Args:
        smiles: A SMILES.
        numbers: Atomic numbers, [N].
        positions: Coordinates, [N, 3] or flat (Å).
    """
    from molbench.chem.connectivity import connectivity_key
    from molbench.chem.inchikeys import inchikey

    if (key := inchikey(smiles)) is not None:
        return key[:_BLOCK]
    return connectivity_key(np.asarray(numbers), np.asarray(positions, dtype=np.float64).reshape(-1, 3))
