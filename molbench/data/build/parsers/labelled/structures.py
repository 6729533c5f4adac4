"""Structures of records whose file has none, and what makes two structures one molecule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from molbench.data.build.parsers.cells import require_smiles
from molbench.data.build.parsers.text import printable

_BLOCK = 14
#: Of a charge, either way, and of a multiplicity.
_HIGHEST = 100


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


def state_of(
    values: Mapping[str, str], numbers: Any, charge: str | None, multiplicity: str | None
) -> dict[str, int | None]:
    """Charge and multiplicity of a structure under the names of columns, None where it does not tell them.

    Args:
        values: Text by the file's own names.
        numbers: Atomic numbers, [N].
        charge: What the file calls the charge; None where it tells none.
        multiplicity: Likewise; 0 stands for unknown.

    Raises:
        ValueError: If one is no whole number, or no molecule of these electrons has the multiplicity.
    """
    state: dict[str, int | None] = {}
    if charge is not None:
        state["charge"] = _whole(values.get(charge), charge)
    if multiplicity is not None:
        value = _whole(values.get(multiplicity), multiplicity) or None
        electrons = int(np.sum(numbers, dtype=np.int64)) - (state.get("charge") or 0)
        if value is not None and (value < 1 or (electrons + value) % 2 == 0):
            raise ValueError(f"{multiplicity}={value} is no multiplicity, 2 S + 1, of {electrons} electrons")
        state["multiplicity"] = value
    return state


def _whole(text: str | None, name: str) -> int | None:
    """A small whole number, also as ``1.0``."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value.is_integer() and abs(value) <= _HIGHEST):
        raise ValueError(f"{name}={printable(text)} is no small whole number")
    return int(value)


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
