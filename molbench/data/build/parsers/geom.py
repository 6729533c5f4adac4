"""What the two published forms of GEOM share: columns, the choice of conformers and their checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.data.build.parsers.base import Chunk, Parser
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema

BONDS = ("bonds", "bond_orders")
CONFORMER = {"energy": "totalenergy", "relative_energy": "relativeenergy", "weight": "boltzmannweight"}
ENSEMBLE = {
    "ensemble_energy": "ensembleenergy",
    "ensemble_entropy": "ensembleentropy",
    "ensemble_free_energy": "ensemblefreeenergy",
    "unique_conformers": "uniqueconfs",
}


class Structure(NamedTuple):
    """One conformer.

    Attributes:
        numbers: Atomic numbers, [N].
        positions: Å, [3 N].
        bonds: Atom indices from 0, [K, 2].
        orders: [K].
        constitution: Its canonical SMILES without stereochemistry.
    """

    numbers: Sequence[int]
    positions: Sequence[float]
    bonds: Sequence[Sequence[int]]
    orders: Sequence[int]
    constitution: str | None

    @property
    def columns(self) -> dict[str, Any]:
        """Atoms and bonds under the names of their columns."""
        return {
            "atomic_numbers": self.numbers,
            "positions": self.positions,
            "bonds": self.bonds,
            "bond_orders": self.orders,
        }


Reader = Callable[[Mapping[str, Any], int], Structure]
"""Reads a conformer, given its entry and its number; ``ValueError`` where it cannot."""


@dataclass(frozen=True)
class Geom(Parser):
    """Conformers with weights and energies, one row each.

    Attributes:
        molecules: Which of the two sets of molecules.
        conformers: How many of each molecule, the heaviest; all by default.
        graph: ``same`` leaves out conformers whose bonds are not the molecule's, ``any`` keeps them.
    """

    molecules: Literal["qm9", "drugs"]
    conformers: Annotated[int, Field(ge=1)] | None = None
    graph: Literal["same", "any"] = "same"

    def schema(self) -> pa.Schema:
        """Identity, structure, bonds, weight, energies of conformer and ensemble."""
        return record_schema(*BONDS, "smiles", "group", "charge", *CONFORMER, *ENSEMBLE, "listed_conformers")

    def add_molecule(
        self, chunk: Collector, smiles: str, entry: object, where: str, structure: Reader
    ) -> Iterator[Chunk]:
        """Add the conformers of one molecule, and hand out the chunk whenever it is full.

        They are numbered as in the source and come by weight, the heaviest first. Those left out for their
        bonds are one failure a molecule, which says how many they are. A molecule whose string RDKit cannot
        read keeps all its conformers.

        Args:
            chunk: Receives records and failures.
            smiles: GEOM's own string for the molecule.
            entry: What the source has of it.
            where: File and place.
            structure: Reads a conformer.
        """
        if not isinstance(entry, Mapping) or not isinstance(entry.get("conformers"), list):
            chunk.fail(smiles, where, "no list of conformers")
            return
        if not (conformers := entry["conformers"]):
            chunk.fail(smiles, where, "an empty list of conformers")
        expected = constitution(smiles) if self.graph == "same" else None
        common = _common_values(smiles, entry)
        other = taken = 0
        for number in _by_weight(conformers):
            yield from chunk.when_full()
            if taken == self.conformers:
                break
            with chunk.record(f"{smiles}/{number}", where):
                conformer = conformers[number]
                if not isinstance(conformer, Mapping):
                    raise ValueError("a conformer that is no mapping")
                labels = {name: _needed(conformer, key) for name, key in CONFORMER.items()}
                parsed = structure(conformer, number)
                if expected is None or parsed.constitution == expected:
                    taken += 1
                    chunk.add(f"{smiles}/{number}", where, **parsed.columns, **labels, **common)
                else:
                    other += 1
        if other:
            chunk.fail(smiles, where, f"{other:,} conformers left out: their bonds are not the molecule's")


def constitution(smiles: str) -> str | None:
    """Canonical SMILES without stereochemistry; None where RDKit cannot read the SMILES."""
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        return Chem.MolToSmiles(molecule, isomericSmiles=False) if molecule else None


def _common_values(smiles: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that all conformers of a molecule share."""
    charge = entry.get("charge")
    return {
        "smiles": smiles,
        "group": smiles,
        "charge": charge if isinstance(charge, int) and -128 <= charge < 128 else None,
        "listed_conformers": float(len(entry["conformers"])),
        **{name: _number(entry.get(key)) for name, key in ENSEMBLE.items()},
    }


def _by_weight(conformers: Sequence[object]) -> list[int]:
    """Numbers of the conformers, the heaviest first, equal ones in the order of the source."""

    def weight(number: int) -> float:
        conformer = conformers[number]
        value = _number(conformer.get("boltzmannweight")) if isinstance(conformer, Mapping) else None
        return -1.0 if value is None else value

    return sorted(range(len(conformers)), key=weight, reverse=True)


def _needed(conformer: Mapping[str, Any], key: str) -> float:
    value = _number(conformer.get(key))
    if value is None:
        raise ValueError(f"{key} is missing or no number")
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None
