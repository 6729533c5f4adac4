"""Proteins from PDB files (gemmi) and ligands from SD or mol2 files (RDKit)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import gemmi
import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.data.build.parsers.complexes import Atoms
from molbench.data.build.parsers.structure_text import (
    mol2_positions,
    molblock_positions,
    pdb_positions,
    refuse_misread,
)
from molbench.errors import error_line

_HEADER = 4  # lines of a V2000 block up to the atoms
_ATOM_FIELDS = 42  # columns of an atom line up to the stereo parity
_MAX_BYTES = 64 << 20
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


def small_file(path: Path) -> bytes:
    """Content of a structure file.

    Raises:
        ValueError: If it is larger than the structure of any protein.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {_MAX_BYTES >> 20} MiB")
    return path.read_bytes()


def read_pdb(content: bytes) -> Protein:
    """The first model of a PDB file.

    Raises:
        ValueError: If it has no atoms, an element is unknown, or a coordinate is none, naming the line.
    """
    in_text = pdb_positions(content)
    try:
        structure = gemmi.read_pdb_string(content.decode("latin-1"))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"not a PDB file: {error_line(error)}") from None
    if len(structure) == 0:
        raise ValueError("not a PDB file: no atoms in it")
    structure.setup_entities()
    model = structure[0]
    residues = [(chain.name, residue) for chain in model for residue in chain]
    everything = [atom.pos.tolist() for _, residue in residues for atom in residue]
    refuse_misread(_sorted(np.array(everything).reshape(-1, 3)), _sorted(in_text))
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


def _sorted(positions: np.ndarray) -> np.ndarray:
    """Rows in an order of their own, for gemmi keeps the atoms of a chain together; [N, 3]."""
    return positions[np.lexsort(positions.round(3).T)]


def read_ligand(files: Mapping[str, bytes]) -> tuple[Atoms, str | None]:
    """A ligand with all hydrogens that the file has.

    The SD file comes first, the mol2 file where RDKit cannot make sense of it; where it cannot of either, the
    atoms are still those of the first that can be read at all, and there is no SMILES.

    Args:
        files: Content by name of the SD file and of the mol2 file, those that there are.

    Returns:
        The atoms, and the canonical SMILES without hydrogens.

    Raises:
        ValueError: If neither can be read, with the reason of the first.
    """
    readable: list[Chem.Mol] = []
    reasons = []
    with BlockLogs():
        for name in sorted(files, key=lambda name: name.endswith(".mol2")):
            read, in_text = (
                (_of_mol2, mol2_positions) if name.endswith(".mol2") else (_of_sdf, molblock_positions)
            )
            try:
                molecule = _parsed(files[name], read, in_text)
            except ValueError as error:
                reasons.append(f"{name}: {error}")
                continue
            if (smiles := _smiles(molecule)) is not None:
                return _atoms(molecule), smiles
            readable.append(molecule)
    if not readable:
        raise ValueError(reasons[0] if reasons else "no ligand file")
    return _atoms(readable[0]), None


def _parsed(
    content: bytes, read: Callable[[str], Chem.Mol | None], in_text: Callable[[bytes], np.ndarray]
) -> Chem.Mol:
    """The molecule in a file, its coordinates held against the text.

    Raises:
        ValueError: If RDKit cannot read it, or not as it is written.
    """
    positions = in_text(content)
    try:
        molecule = read(content.decode("latin-1"))
    except RuntimeError as error:
        raise ValueError(f"RDKit cannot read it: {error_line(error)}") from None
    if molecule is None or molecule.GetNumAtoms() == 0 or molecule.GetNumConformers() == 0:
        raise ValueError("RDKit cannot read it, or finds no atoms in it")
    if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
        raise ValueError("an atom of no element")
    refuse_misread(molecule.GetConformer().GetPositions(), positions)
    return molecule


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
