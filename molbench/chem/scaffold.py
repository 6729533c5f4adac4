"""Bemis-Murcko scaffolds."""

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold
from rdkit.rdBase import BlockLogs


def murcko_scaffold(smiles: str) -> str | None:
    """Canonical SMILES of the ring systems of a molecule and the linkers between them.

    Stereochemistry is left out, so that stereoisomers share a scaffold.

    Returns:
        The scaffold; empty for an acyclic molecule; None where RDKit cannot read the SMILES.

    References:
        Bemis and Murcko, The properties of known drugs. 1. Molecular frameworks, J. Med. Chem. 39, 2887
        (1996).
    """
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if not molecule:
            return None
        Chem.RemoveStereochemistry(molecule)
        scaffold = MurckoScaffold.GetScaffoldForMol(molecule)  # type: ignore[no-untyped-call]
        return str(Chem.MolToSmiles(scaffold))
