"""2-D features of the pair encoders, as 3DMRL computes them.

Two featurisations of one molecular graph: ``interaction`` (56 bits an atom, 10 a bond) for solute-solvent
pairs, and ``drug`` (134 and 14) for drug pairs. Reference: 3DMRL, arXiv 2412.02957, released code; each
function below says what its bits are, in their order.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

Kind = Literal["interaction", "drug"]
Bits = NDArray[np.bool_]

ATOM_BITS: dict[Kind, int] = {"interaction": 56, "drug": 134}
BOND_BITS: dict[Kind, int] = {"interaction": 10, "drug": 14}

#: The one column of the drug features that is no bit: the atomic mass over 100, kept apart.
MASS_COLUMN = 132

_HYBRIDISATION = Chem.HybridizationType
_STEREO = Chem.BondStereo

#: H B C N O F Na Si P S Cl Ge Se Br Sn Te I; an element outside the list counts as the last.
_ELEMENTS = (1, 5, 6, 7, 8, 9, 11, 14, 15, 16, 17, 32, 34, 35, 50, 52, 53)

_BOND_TYPES = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)


def features(mol: Chem.Mol, kind: Kind) -> tuple[Bits, Bits]:
    """Bits of every atom and of every bond, in RDKit's order.

    Args:
        mol: With or without explicit hydrogens; both give features, and those of the heavy atoms differ.
        kind: Which featurisation.

    Returns:
        Atoms, [atoms, 56 or 134], and bonds, each once, [bonds, 10 or 14]. Column ``MASS_COLUMN`` of the
        drug atoms is left empty; ``masses`` gives its values.
    """
    return (
        (_interaction_atoms(mol), _interaction_bonds(mol))
        if kind == "interaction"
        else (_drug_atoms(mol), _drug_bonds(mol))
    )


def masses(mol: Chem.Mol) -> NDArray[np.float32]:
    """Atomic masses, those of the isotope where one is given, [atoms] (u)."""
    return np.array([atom.GetMass() for atom in mol.GetAtoms()], dtype=np.float32)


def _interaction_atoms(mol: Chem.Mol) -> Bits:
    """Element 17, implicit valence 4, radical electrons 2, degree 7, charge 3, hybridisation 5, pharmacophore
    6, hydrogens 5, chirality 3, aromatic 2, in a ring 2.

    Unknown values count as the last choice of their block, so that every atom which is no stereocentre
    carries the S bit; a degree above 6 sets no bit. The third chirality bit says that a centre could have
    been assigned and was not flagged otherwise: RDKit leaves it empty.
    """  # noqa: D205
    atoms = _attributes(mol)
    pharmacophore = np.array(rdMolDescriptors.GetFeatureInvariants(mol), dtype=np.int64)
    right = np.zeros(len(pharmacophore), dtype=bool)
    right[[i for i, code in Chem.FindMolChiralCenters(mol) if code == "R"]] = True  # type: ignore[no-untyped-call]
    possible = [bool(atom.HasProp("_ChiralityPossible")) for atom in mol.GetAtoms()]
    hybrids = tuple(int(getattr(_HYBRIDISATION, name)) for name in ("S", "SP", "SP2", "SP3", "SP3D"))
    return np.column_stack(
        [
            _one_hot(atoms["number"], _ELEMENTS, "last"),
            _one_hot(atoms["implicit_valence"], range(4), "last"),
            _one_hot(atoms["radicals"], range(2), "last"),
            _one_hot(atoms["degree"], range(7), "none"),
            _one_hot(atoms["charge"], (-1, 0, 1), "last"),
            _one_hot(atoms["hybridisation"], hybrids, "last"),
            # acidic, basic, halogen, aromatic, acceptor, donor: the invariants of RDKit's feature fingerprint
            (pharmacophore[:, None] >> np.arange(5, -1, -1)) & 1 == 1,
            _one_hot(atoms["hydrogens"], range(5), "last"),
            right,
            ~right,
            np.array(possible, dtype=bool),
            atoms["aromatic"] == 0,
            atoms["aromatic"] == 1,
            atoms["ring"] == 0,
            atoms["ring"] == 1,
        ]
    )


def _interaction_bonds(mol: Chem.Mol) -> Bits:
    """Type 4, conjugated, in a ring, stereo 4 (none, any, Z, E; anything else counts as E)."""
    stereo = (_STEREO.STEREONONE, _STEREO.STEREOANY, _STEREO.STEREOZ, _STEREO.STEREOE)
    bonds = _bond_attributes(mol)
    return np.column_stack(
        [
            _one_hot(bonds[:, 0], [int(kind) for kind in _BOND_TYPES], "none"),
            bonds[:, 1:3] == 1,
            _one_hot(bonds[:, 3], [int(kind) for kind in stereo], "last"),
        ]
    )


def _drug_atoms(mol: Chem.Mol) -> Bits:
    """Element 101, degree with hydrogens 7, charge 6, chiral tag 5, hydrogens 6, hybridisation 6, aromatic,
    mass (kept apart), in a ring; the last bit of each block with more than one stands for all other values.
    """  # noqa: D205
    atoms = _attributes(mol)
    hybrids = tuple(int(getattr(_HYBRIDISATION, name)) for name in ("SP", "SP2", "SP3", "SP3D", "SP3D2"))
    return np.column_stack(
        [
            _one_hot(atoms["number"], range(1, 101), "extra"),
            _one_hot(atoms["total_degree"], range(6), "extra"),
            _one_hot(atoms["charge"], (-1, -2, 1, 2, 0), "extra"),
            _one_hot(atoms["chiral_tag"], range(4), "extra"),
            _one_hot(atoms["hydrogens"], range(5), "extra"),
            _one_hot(atoms["hybridisation"], hybrids, "extra"),
            atoms["aromatic"] == 1,
            np.zeros(mol.GetNumAtoms(), dtype=bool),
            atoms["ring"] == 1,
        ]
    )


def _drug_bonds(mol: Chem.Mol) -> Bits:
    """No bond (never set), type 4, conjugated, in a ring, stereo 6 and any other."""
    bonds = _bond_attributes(mol)
    return np.column_stack(
        [
            np.zeros(len(bonds), dtype=bool),
            _one_hot(bonds[:, 0], [int(kind) for kind in _BOND_TYPES], "none"),
            bonds[:, 1:3] == 1,
            _one_hot(bonds[:, 3], range(6), "extra"),
        ]
    )


def _attributes(mol: Chem.Mol) -> dict[str, NDArray[np.int64]]:
    """What RDKit knows of every atom as whole numbers, [atoms] each."""
    getters = {
        "number": Chem.Atom.GetAtomicNum,
        "implicit_valence": lambda atom: atom.GetValence(Chem.ValenceType.IMPLICIT),
        "radicals": Chem.Atom.GetNumRadicalElectrons,
        "degree": Chem.Atom.GetDegree,
        "total_degree": Chem.Atom.GetTotalDegree,
        "charge": Chem.Atom.GetFormalCharge,
        "hybridisation": Chem.Atom.GetHybridization,
        "chiral_tag": Chem.Atom.GetChiralTag,
        "hydrogens": Chem.Atom.GetTotalNumHs,
        "aromatic": Chem.Atom.GetIsAromatic,
        "ring": Chem.Atom.IsInRing,
    }
    atoms = list(mol.GetAtoms())
    return {
        name: np.array([int(get(atom)) for atom in atoms], dtype=np.int64) for name, get in getters.items()
    }


def _bond_attributes(mol: Chem.Mol) -> NDArray[np.int64]:
    """Type, conjugated, in a ring and stereo of every bond, [bonds, 4]."""
    rows = [
        (int(bond.GetBondType()), bond.GetIsConjugated(), bond.IsInRing(), int(bond.GetStereo()))
        for bond in mol.GetBonds()
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def _one_hot(
    values: NDArray[np.int64], choices: Sequence[int], unknown: Literal["last", "extra", "none"]
) -> Bits:
    """One bit a choice; any other value sets the last of them, an extra one behind them, or none."""
    table: Bits = values[:, None] == np.asarray(choices)[None]
    missing = ~table.any(axis=1)
    if unknown == "last":
        table[missing, -1] = True
    elif unknown == "extra":
        table = np.column_stack([table, missing])
    return table
