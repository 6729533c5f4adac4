"""Which atoms of a protein belong to the pocket of a ligand."""

from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from molbench.data.build.parsers.complexes import WATERS, Atoms, LigandPocket

RADIUS = 6.0  # Å

PocketRule = Literal["stored", "geossl"]
"""The option ``pocket``: the atoms that the source has, or the rule of :func:`geossl_pocket`."""


def geossl_pocket(
    protein: Atoms, ligand: Atoms, *, max_atoms: int, hydrogens: bool = False, radius: float = RADIUS
) -> LigandPocket:
    """Pocket rule of Liu, Guo and Tang (GeoSSL, ICLR 2023).

    They select the residues, water excluded, that have an atom within 6 Å of the ligand, and of these the
    atoms within 6 Å; as such an atom brings in its own residue, that is every atom within 6 Å that is not
    water's. Hydrogens are dropped where the paper drops them, from the ligand too, and only then atoms are
    counted: of the pocket the ``max_atoms`` - n closest are kept, n being those of the ligand. Atoms stay in
    the order of the source.

    Args:
        protein: All atoms of the protein.
        ligand: The ligand in its pose.
        max_atoms: Most atoms of pocket and ligand together; 500 for LBA, 400 for LEP.
        hydrogens: Whether hydrogens stay; not in LBA, but in LEP.
        radius: Largest distance from a ligand atom, hydrogens counted (Å).

    Raises:
        ValueError: If coordinates are not finite.
    """
    if not (np.isfinite(protein.positions).all() and np.isfinite(ligand.positions).all()):
        raise ValueError("a coordinate that is missing or not finite")
    distances = np.full(len(protein.numbers), np.inf)
    if len(ligand.numbers) and len(protein.numbers):
        tree = cKDTree(ligand.positions)
        distances = np.asarray(tree.query(protein.positions, distance_upper_bound=2 * radius)[0])
    near = (distances <= radius) & ~np.isin(protein.names, WATERS)
    if not hydrogens:
        near &= protein.numbers > 1
        ligand = ligand.take(ligand.numbers > 1)
    chosen = np.flatnonzero(near)
    room = max(0, max_atoms - len(ligand.numbers))
    closest = np.argsort(distances[chosen], kind="stable")[:room]
    return LigandPocket(protein.take(np.sort(chosen[closest])), ligand)
