"""LBA of ATOM3D: pockets of PDBbind's refined set with their ligands and -log10 of Kd or Ki."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from molbench.data.build.parsers.atom3d import Atom3d
from molbench.data.build.parsers.atom3d_frames import checked_text, frame_atoms, text_field
from molbench.data.build.parsers.complexes import LigandPocket, joined_sequence, protein_group
from molbench.data.build.parsers.pocket import geossl_pocket

MAX_ATOMS = 500
"""Most atoms of pocket and ligand under GeoSSL's rule."""


@dataclass(frozen=True)
class Atom3dLba(Atom3d):
    """Pockets as ATOM3D cut them, or GeoSSL's cut from the whole protein."""

    name = "atom3d-lba"
    columns = ("sequence", "neglog_aff")

    def convert(self, record: Mapping[str, Any]) -> tuple[list[LigandPocket], dict[str, Any]]:
        """One structure, and its affinity."""
        ligand, _ = frame_atoms(record, "atoms_ligand")
        if self.pocket == "geossl":
            held = geossl_pocket(frame_atoms(record, "atoms_protein")[0], ligand, max_atoms=MAX_ATOMS)
        else:
            held = LigandPocket(frame_atoms(record, "atoms_pocket")[0], ligand)
        sequence = _sequence(record.get("seq"))
        return [held], {
            "ligand_smiles": text_field(record, "smiles") if record.get("smiles") else None,
            "sequence": sequence,
            "group": protein_group(sequence, text_field(record, "id")),
            "neglog_aff": _affinity(record),
        }


def _sequence(chains: Any) -> str:
    """Sequences of all chains; some records of the archives have none."""
    if not isinstance(chains, list):
        return ""
    letters = [chain[-1] for chain in chains if isinstance(chain, list) and chain]
    return checked_text(joined_sequence([text for text in letters if isinstance(text, str)]))


def _affinity(record: Mapping[str, Any]) -> float:
    scores = record.get("scores")
    value = scores.get("neglog_aff") if isinstance(scores, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("no number in scores.neglog_aff")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("the number in scores.neglog_aff is too large") from None
