"""Records of the kind complex: atoms of proteins with their residues, and of the ligands they bind."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.elements import SYMBOLS

WATERS = ("HOH", "WAT", "DOD", "H2O")
"""Residue names of water."""

CHUNK_COMPLEXES = 200
"""Records of a chunk: a complex is a hundred times the size of a molecule."""

_COLUMNS = ("is_ligand", "residue_index", "residue_name", "ligand_smiles", "group")

_NUMBER = {symbol.upper(): number for number, symbol in enumerate(SYMBOLS, start=1)} | {"D": 1, "T": 1}


class Atoms(NamedTuple):
    """Atoms of a protein or a ligand.

    Attributes:
        numbers: Atomic numbers, [N] uint8.
        positions: Coordinates (Å), [N, 3] float64.
        residues: Number of each atom's residue, counted from 0 in the order of the source, [N] int32.
        names: Name of that residue, [N] object.
    """

    numbers: np.ndarray
    positions: np.ndarray
    residues: np.ndarray
    names: np.ndarray

    def take(self, atoms: np.ndarray) -> Atoms:
        """Some of the atoms, by index or mask."""
        return Atoms(*(values[atoms] for values in self))


class LigandPocket(NamedTuple):
    """A ligand and the part of its protein that is kept."""

    pocket: Atoms
    ligand: Atoms


def complex_schema(*names: str) -> pa.Schema:
    """Schema of a complex with further columns and targets."""
    return record_schema(*_COLUMNS, *names)


def atomic_numbers(symbols: Sequence[Any]) -> np.ndarray:
    """Atomic numbers of element symbols in any case; deuterium and tritium are hydrogen, [N] uint8.

    Raises:
        ValueError: If a symbol is none, naming it.
    """
    try:
        return np.array([_NUMBER[symbol.strip().upper()] for symbol in symbols], dtype=np.uint8)
    except (KeyError, AttributeError):
        unknown = next(
            symbol
            for symbol in symbols
            if not isinstance(symbol, str) or symbol.strip().upper() not in _NUMBER
        )
        raise ValueError(f"unknown element {str(unknown)[:40]!r}") from None


def complex_values(structures: Sequence[LigandPocket]) -> dict[str, Any]:
    """Columns of the atoms of a record, sorted by structure, the pocket of each before its ligand.

    Residues are numbered as in the whole protein, so those of a pocket have gaps; ligand atoms have -1.

    Args:
        structures: One, or two for a record that compares them.

    Raises:
        ValueError: If a structure lacks its ligand or its pocket.
    """
    if any(len(atoms.numbers) == 0 for held in structures for atoms in held):
        raise ValueError("a structure without ligand atoms, or without any of the protein near them")
    sides = [side for held in structures for side in ((held.pocket, False), (held.ligand, True))]
    sizes = [len(held.pocket.numbers) + len(held.ligand.numbers) for held in structures]
    return {
        "atomic_numbers": np.concatenate([a.numbers for a, _ in sides]),
        "positions": np.concatenate([a.positions for a, _ in sides]),
        "is_ligand": np.concatenate([np.full(len(a.numbers), is_ligand) for a, is_ligand in sides]),
        "residue_index": np.concatenate([np.where(is_ligand, -1, a.residues) for a, is_ligand in sides]),
        "residue_name": np.concatenate([a.names for a, _ in sides]),
        "structure": np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes),
    }


def joined_sequence(chains: Sequence[str]) -> str:
    """Sequences of the chains in one string, joined by ``/``."""
    return "/".join(chain for chain in chains if chain)


def protein_group(sequence: str, identifier: str) -> str:
    """Name of the protein that a record belongs to: a digest of its sequence, or the id where it has none."""
    return sha256(sequence.encode()).hexdigest()[:16] if sequence else identifier
