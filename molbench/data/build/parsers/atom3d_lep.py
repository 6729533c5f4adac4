"""LEP of ATOM3D: one ligand docked to the active and the inactive structure of a protein."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from molbench.data.build.parsers.atom3d import Atom3d
from molbench.data.build.parsers.atom3d_frames import frame_atoms, text_field
from molbench.data.build.parsers.complexes import Atoms, LigandPocket
from molbench.data.build.parsers.pocket import PocketRule, geossl_pocket

MAX_ATOMS = 400
"""Most atoms of pocket and ligand of one structure under GeoSSL's rule."""

LABELS = {"A": 1.0, "I": 0.0}
"""Activators are positive, inactivators negative."""

LIGAND_CHAIN = "L"


@dataclass(frozen=True)
class Atom3dLep(Atom3d):
    """Structure 0 is the active one."""

    name = "atom3d-lep"
    columns = ("structure", "activator")

    def convert(self, record: Mapping[str, Any]) -> tuple[list[LigandPocket], dict[str, Any]]:
        """Both structures, and whether the ligand activates."""
        structures = [
            ligand_complex(*frame_atoms(record, name), rule=self.pocket)
            for name in ("atoms_active", "atoms_inactive")
        ]
        return structures, {
            "ligand_smiles": text_field(record, "SMILES") if record.get("SMILES") else None,
            "group": text_field(record, "protein"),
            "activator": activity(text_field(record, "label")),
        }


def ligand_complex(atoms: Atoms, chains: np.ndarray, *, rule: PocketRule) -> LigandPocket:
    """Divide a structure into protein and ligand, which is chain L, and cut out the pocket.

    Args:
        atoms: Protein and ligand, N atoms.
        chains: Chain of each atom, [N] object.
        rule: ``stored`` to keep the whole protein, ``geossl`` for GeoSSL's pocket, hydrogens kept.

    Raises:
        ValueError: If there is no such chain, or coordinates are not finite.
    """
    is_ligand = chains == LIGAND_CHAIN
    if not is_ligand.any():
        raise ValueError(f"no chain '{LIGAND_CHAIN}', which is the ligand")
    protein, ligand = atoms.take(~is_ligand), atoms.take(is_ligand)
    if rule == "geossl":
        return geossl_pocket(protein, ligand, max_atoms=MAX_ATOMS, hydrogens=True)
    return LigandPocket(protein, ligand)


def activity(label: str) -> float:
    """1 for an activator, 0 for an inactivator.

    Raises:
        ValueError: If it is neither.
    """
    if label not in LABELS:
        raise ValueError(f"label {label[:40]!r} is neither A (activator) nor I (inactivator)")
    return LABELS[label]
