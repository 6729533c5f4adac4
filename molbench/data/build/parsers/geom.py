"""What the two published forms of GEOM share: columns, the choice of conformers and their checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import pyarrow as pa
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.data.build.parsers.base import Chunk, check_options
from molbench.data.build.parsers.bonded import BondedChunk
from molbench.data.build.parsers.columns import record_schema
from molbench.errors import UserError

CONFORMER = {"energy": "totalenergy", "relative_energy": "relativeenergy", "weight": "boltzmannweight"}
ENSEMBLE = {
    "ensemble_energy": "ensembleenergy",
    "ensemble_entropy": "ensembleentropy",
    "ensemble_free_energy": "ensemblefreeenergy",
    "unique_conformers": "uniqueconfs",
}
OPTIONS: dict[str, type] = {"molecules": str, "conformers": int, "graph": str}
_GRAPH = ("same", "any")


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


def geom_schema(bonded: bool = True) -> pa.Schema:
    """One row a conformer: identity, structure, weight, energies of conformer and ensemble."""
    bonds = ("bonds", "bond_orders") if bonded else ()
    return record_schema(*bonds, "smiles", "group", "charge", *CONFORMER, *ENSEMBLE, "listed_conformers")


def check_geom_options(parser: str, options: Mapping[str, Any]) -> None:
    """Refuse options that are unknown or out of range.

    Raises:
        UserError: Naming the option.
    """
    check_options(parser, options, OPTIONS, required=("molecules",))
    if options.get("conformers", 1) < 1:
        raise UserError(f"parser '{parser}': option 'conformers' must be at least 1")
    if options.get("graph", "same") not in _GRAPH:
        raise UserError(f"parser '{parser}': option 'graph' is none of {', '.join(_GRAPH)}")


def constitution(smiles: str) -> str | None:
    """Canonical SMILES without stereochemistry; None where RDKit cannot read the SMILES."""
    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        return Chem.MolToSmiles(molecule, isomericSmiles=False) if molecule else None


def add_molecule(  # noqa: PLR0917
    chunk: BondedChunk,
    smiles: str,
    entry: object,
    where: str,
    options: Mapping[str, Any],
    structure: Callable[[Mapping[str, Any], int], Structure],
) -> Iterator[Chunk]:
    """Add the conformers of one molecule, and hand out the chunk whenever it is full.

    They are numbered as in the source and come by weight, the heaviest first. Of those whose bonds are the
    molecule's, or of all with the option ``graph: any``, the ``conformers`` heaviest are taken. Those left
    out for their bonds are one failure a molecule, which says how many they are. A molecule whose string
    RDKit cannot read keeps all its conformers.

    Args:
        chunk: Receives records and failures.
        smiles: GEOM's own string for the molecule.
        entry: What the source has of it.
        where: File and place.
        options: Of the parser.
        structure: Reads a conformer, given its entry and its number; ``ValueError`` where it cannot.
    """
    if not isinstance(entry, Mapping) or not isinstance(entry.get("conformers"), list):
        chunk.fail(smiles, where, "no list of conformers")
        return
    if not (conformers := entry["conformers"]):
        chunk.fail(smiles, where, "an empty list of conformers")
    wanted = constitution(smiles) if options.get("graph", "same") == "same" else None
    values = {name: _number(entry.get(key)) for name, key in ENSEMBLE.items()}
    values["listed_conformers"] = float(len(conformers))
    charge = entry.get("charge")
    charge = charge if isinstance(charge, int) and -128 <= charge < 128 else None
    other = taken = 0
    for number in _by_weight(conformers):
        if chunk.full:
            yield chunk.take()
        if taken == options.get("conformers"):
            break
        conformer = conformers[number]
        identifier = f"{smiles}/{number}"
        try:
            if not isinstance(conformer, Mapping):
                raise ValueError("a conformer that is no mapping")
            labels = {name: _needed(conformer, key) for name, key in CONFORMER.items()}
            found = structure(conformer, number)
        except ValueError as error:
            chunk.fail(identifier, where, str(error))
            continue
        if wanted is not None and found.constitution != wanted:
            other += 1
            continue
        taken += 1
        chunk.add_bonded(
            identifier,
            (found.numbers, found.positions),
            (found.bonds, found.orders),
            where,
            smiles=smiles,
            group=smiles,
            charge=charge,
            **labels,
            **values,
        )
    if other:
        chunk.fail(smiles, where, f"{other:,} conformers left out: their bonds are not the molecule's")


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
