"""Whether a structure and the SMILES beside it are of one molecule, and what the structure lacks of it."""

from collections import Counter
from collections.abc import Sequence

from rdkit import Chem
from rdkit.rdBase import BlockLogs


def missing_hydrogens(smiles: str | None, numbers: Sequence[int]) -> float | None:
    """Hydrogens of the SMILES that the structure has no coordinates for.

    Published copies of some datasets have lost their hydrogens; a structure without them is another input
    than one with them, so that the number is kept with the record.

    Args:
        smiles: The molecule; None where nothing states it.
        numbers: Atomic numbers of the structure, [N].

    Returns:
        Their number, negative where the structure has more; None where RDKit cannot read the SMILES.

    Raises:
        ValueError: If the two have other atoms than hydrogen in different numbers: the row belongs to another
            structure.
    """
    if not smiles:
        return None
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if not molecule:
        return None
    stated = Counter(atom.GetAtomicNum() for atom in molecule.GetAtoms())
    hydrogens = stated.pop(1, 0) + sum(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
    counted = Counter(numbers)
    hydrogens -= counted.pop(1, 0)
    if stated != counted:
        raise ValueError(f"the SMILES {smiles[:60]!r} is of other atoms than the structure")
    return float(hydrogens)
