"""Which atom is bonded to which, and nothing else: told from a geometry, or from a SMILES for comparison."""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds
from rdkit.rdBase import BlockLogs


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
        _add_atom(molecule, number)
    conformer = Chem.Conformer(len(atomic_numbers))
    conformer.SetPositions(np.ascontiguousarray(positions, dtype=np.float64))
    molecule.AddConformer(conformer)
    rdDetermineBonds.DetermineConnectivity(molecule)
    return str(Chem.MolToSmiles(molecule, isomericSmiles=False))


def smiles_connectivity(smiles: str) -> str | None:
    """:func:`connectivity_key` of a molecule that is drawn and has no geometry.

    The two differ for about one molecule in a hundred, in whose small rings atoms lie as near to each other
    as bonded ones.

    Args:
        smiles: The drawing.

    Returns:
        The key; None where RDKit cannot read the SMILES.
    """
    with BlockLogs():
        drawn: Chem.Mol | None = Chem.MolFromSmiles(smiles)
    if drawn is None:
        return None
    whole, molecule = Chem.AddHs(drawn), Chem.RWMol()
    for atom in whole.GetAtoms():
        _add_atom(molecule, atom.GetAtomicNum())
    for bond in whole.GetBonds():
        molecule.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    return str(Chem.MolToSmiles(molecule, isomericSmiles=False))


def _add_atom(molecule: Chem.RWMol, number: int) -> None:
    """With no hydrogens but those that are atoms themselves."""
    atom = Chem.Atom(number)
    atom.SetNoImplicit(True)
    molecule.AddAtom(atom)
