"""Proteins from PDB files (gemmi) and ligands from SD or mol2 files (RDKit)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import gemmi
import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.data.build.parsers.complexes import Atoms

_HEADER = 4  # lines of a V2000 block up to the atoms
_ATOM_FIELDS = 42  # columns of an atom line up to the stereo parity
_BOND_FIELDS = 12  # columns of a bond line up to the stereo mark


class Protein(NamedTuple):
    """A structure file.

    Attributes:
        atoms: Its atoms, waters and ions among them; of alternatives of a residue the first.
        chains: Chain of each atom, [N] object.
        sequences: One-letter sequence of every chain that is a polymer.
    """

    atoms: Atoms
    chains: np.ndarray
    sequences: list[str]


def read_pdb(content: bytes) -> Protein:
    """The first model of a PDB file.

    Raises:
        ValueError: If it has no atoms, or an element is unknown.
    """
    try:
        structure = gemmi.read_pdb_string(content.decode("latin-1"))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"not a PDB file: {error}") from None
    if len(structure) == 0:
        raise ValueError("not a PDB file: no atoms in it")
    structure.setup_entities()
    model = structure[0]
    residues = [(chain.name, residue) for chain in model for residue in chain]
    first: dict[tuple[str, str], str] = {}  # gemmi's own selection drops atoms of equal name, too
    rows = [
        (number, name, residue.name, atom.element.atomic_number, atom.pos.tolist())
        for number, (name, residue) in enumerate(residues)
        for atom in residue
        if not atom.has_altloc() or first.setdefault((name, str(residue.seqid)), atom.altloc) == atom.altloc
    ]
    if not rows:
        raise ValueError("not a PDB file: no atoms in it")
    owners, chains, names, numbers, positions = zip(*rows, strict=True)
    if 0 in numbers:
        raise ValueError(f"unknown element in atom {numbers.index(0) + 1}")
    atoms = Atoms(
        np.array(numbers, dtype=np.uint8),
        np.array(positions, dtype=np.float64),
        np.array(owners, dtype=np.int32),
        np.array(names, dtype=object),
    )
    polymers = [chain.get_polymer() for chain in model]
    sequences = [gemmi.one_letter_code([residue.name for residue in polymer]) for polymer in polymers]
    return Protein(atoms, np.array(chains, dtype=object), [text.upper() for text in sequences if text])


def read_ligand(sdf: bytes | None, mol2: bytes | None) -> tuple[Atoms, str | None]:
    """A ligand with all hydrogens that the file has.

    The SD file comes first, the mol2 file where RDKit cannot make sense of it; where it cannot of either, the
    atoms are still those of the first that can be read at all, and there is no SMILES.

    Args:
        sdf: Content of the SD file, if there is one.
        mol2: Content of the mol2 file, if there is one.

    Returns:
        The atoms, and the canonical SMILES without hydrogens.

    Raises:
        ValueError: If neither can be read.
    """
    readers: list[tuple[bytes | None, Callable[[str], Chem.Mol | None]]] = [(sdf, _of_sdf), (mol2, _of_mol2)]
    with BlockLogs():
        found = [_parsed(content, reader) for content, reader in readers if content is not None]
        readable = [molecule for molecule in found if molecule is not None]
        for molecule in readable:
            if (smiles := _smiles(molecule)) is not None:
                return _atoms(molecule), smiles
    if not readable:
        raise ValueError("the ligand cannot be read from an SD or mol2 file" if found else "no ligand file")
    return _atoms(readable[0]), None


def _parsed(content: bytes, reader: Callable[[str], Chem.Mol | None]) -> Chem.Mol | None:
    try:
        molecule = reader(content.decode("latin-1"))
    except (RuntimeError, ValueError):
        return None
    if molecule is None or molecule.GetNumAtoms() == 0 or molecule.GetNumConformers() == 0:
        return None
    return molecule if all(atom.GetAtomicNum() > 0 for atom in molecule.GetAtoms()) else None


def _of_sdf(text: str) -> Chem.Mol | None:
    """The first block, without the hydrogen counts and bond topologies that X-TOOL writes.

    They are fields of substructure queries, and RDKit does not perceive the chemistry of a query.
    """
    lines = text.splitlines()
    counts = (lines[3][:3].strip(), lines[3][3:6].strip()) if len(lines) > _HEADER else ("", "")
    if "V2000" in text and all(count.isdecimal() for count in counts):
        atoms, bonds = map(int, counts)
        for at in range(_HEADER, min(len(lines), _HEADER + atoms + bonds)):
            lines[at] = lines[at][: _ATOM_FIELDS if at < _HEADER + atoms else _BOND_FIELDS]
    return Chem.MolFromMolBlock("\n".join(lines), sanitize=False, removeHs=False)


def _of_mol2(text: str) -> Chem.Mol | None:
    return Chem.MolFromMol2Block(text, sanitize=False, removeHs=False)


def _smiles(molecule: Chem.Mol) -> str | None:
    try:
        sane = Chem.Mol(molecule)
        Chem.SanitizeMol(sane)
        Chem.AssignStereochemistryFrom3D(sane)
        return str(Chem.MolToSmiles(Chem.RemoveHs(sane)))
    except (RuntimeError, ValueError):
        return None


def _atoms(molecule: Chem.Mol) -> Atoms:
    count = molecule.GetNumAtoms()
    return Atoms(
        np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()], dtype=np.uint8),
        np.asarray(molecule.GetConformer().GetPositions(), dtype=np.float64),
        np.zeros(count, dtype=np.int32),
        np.full(count, "LIG", dtype=object),
    )
