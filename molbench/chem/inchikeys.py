"""When two records are the same molecule."""

from functools import lru_cache

from rdkit import Chem
from rdkit.rdBase import BlockLogs


@lru_cache(maxsize=1 << 16)
def inchikey(smiles: str | None) -> str | None:
    """Standard InChIKey of a molecule, or None where RDKit cannot make one.

    The key does not depend on how the SMILES is written, nor on mobile hydrogens. It does keep
    stereochemistry where the SMILES has it; its first 14 letters are the same for all stereoisomers.

    Args:
        smiles: A SMILES; None gives None.

    References:
        Heller et al., InChI, the IUPAC International Chemical Identifier, J. Cheminform. 7, 23 (2015).
    """
    if not smiles:
        return None
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if not molecule:
            return None
        return Chem.MolToInchiKey(molecule) or None  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1 << 16)
def canonical_smiles(smiles: str | None) -> str | None:
    """A SMILES as RDKit writes it, or None where RDKit cannot read it; None gives None."""
    if not smiles:
        return None
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        return Chem.MolToSmiles(molecule) if molecule else None
