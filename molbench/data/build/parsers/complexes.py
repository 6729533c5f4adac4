"""Records of the kind complex: atoms of proteins with their residues, and of the ligands they bind."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk
from molbench.data.build.parsers.columns import MoleculeChunk, record_schema
from molbench.data.build.parsers.elements import SYMBOLS

WATERS = ("HOH", "WAT", "DOD", "H2O")
"""Residue names of water."""

_CHUNK_COMPLEXES = 200

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


class Complex(NamedTuple):
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


class ComplexChunk(MoleculeChunk):
    """Collects complexes one at a time until there are enough for a chunk."""

    @property
    def full(self) -> bool:
        """Whether the chunk should be yielded; complexes are a hundred times the size of a molecule."""
        return len(self) >= _CHUNK_COMPLEXES

    def add_complex(self, identifier: str, where: str, structures: Sequence[Complex], **values: Any) -> None:
        """Add one record, atoms sorted by structure, the pocket of each before its ligand.

        Residues are numbered as in the whole protein, so those of a pocket have gaps; ligand atoms have -1.

        Args:
            identifier: Value of the column ``id``.
            where: File and place, for failures.
            structures: One, or two for a record that compares them.
            **values: Value of each other column.

        Raises:
            ValueError: If a structure lacks its ligand or its pocket.
        """
        if any(len(atoms.numbers) == 0 for held in structures for atoms in held):
            raise ValueError("a structure without ligand atoms, or without any of the protein near them")
        sides = [side for held in structures for side in ((held.pocket, False), (held.ligand, True))]
        per_atom: dict[str, Any] = {
            "is_ligand": np.concatenate([np.full(len(a.numbers), is_ligand) for a, is_ligand in sides]),
            "residue_index": np.concatenate([np.where(is_ligand, -1, a.residues) for a, is_ligand in sides]),
            "residue_name": tuple(name for a, _ in sides for name in a.names),
        }
        if len(structures) > 1:
            sizes = [len(held.pocket.numbers) + len(held.ligand.numbers) for held in structures]
            per_atom["structure"] = np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes)
        self.add(
            identifier,
            np.concatenate([a.numbers for a, _ in sides]).tolist(),
            np.concatenate([a.positions for a, _ in sides]).ravel().tolist(),
            where,
            **per_atom,
            **values,
        )

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        if self._columns["id"]:
            return super().take()
        failures, self._failures = tuple(self._failures), []
        return Chunk(self._schema.empty_table(), failures)


def joined_sequence(chains: Sequence[str]) -> str:
    """Sequences of the chains in one string, joined by ``/``."""
    return "/".join(chain for chain in chains if chain)


def protein_group(sequence: str, identifier: str) -> str:
    """Name of the protein that a record belongs to: a digest of its sequence, or the id where it has none."""
    return sha256(sequence.encode()).hexdigest()[:16] if sequence else identifier
