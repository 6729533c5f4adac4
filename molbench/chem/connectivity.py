"""Which atom is bonded to which, told from the geometry alone."""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds


def connectivity_key(atomic_numbers: np.ndarray, positions: np.ndarray) -> str:
    """A canonical name of the bond graph: equal for conformers, different for constitutional isomers.

    Atoms are bonded where their distance allows it (RDKit's distance criterion); the graph of all atoms,
    hydrogens included, is written as a canonical SMILES. Bond orders, charges and stereochemistry are left
    out, since a geometry does not tell them reliably; with all hydrogens present the graph still tells
    saturated from unsaturated, and tautomers from each other.

    Args:
        atomic_numbers: Nuclear charges, [n] integers.
        positions: Coordinates in Å, [n, 3].

    Returns:
        A SMILES of single bonds and explicit hydrogens; it serves as a key, not as a structure.
    """
    molecule = Chem.RWMol()
    for number in atomic_numbers.tolist():
        atom = Chem.Atom(number)
        atom.SetNoImplicit(True)
        molecule.AddAtom(atom)
    conformer = Chem.Conformer(len(atomic_numbers))
    conformer.SetPositions(np.ascontiguousarray(positions, dtype=np.float64))
    molecule.AddConformer(conformer)
    rdDetermineBonds.DetermineConnectivity(molecule)
    return str(Chem.MolToSmiles(molecule, isomericSmiles=False))
