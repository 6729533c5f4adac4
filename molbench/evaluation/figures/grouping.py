"""Test records by what their molecules are: elements, size, charge and scaffold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molbench.chem.scaffold import murcko_scaffold
from molbench.data.read.store import Store
from molbench.data.records import SMILES
from molbench.errors import UserError
from molbench.spec.catalogue import Catalogue

#: Groups with fewer records say nothing; scaffolds beyond the most frequent are not shown.
FEWEST, MOST_SCAFFOLDS = 5, 8
_SIZES = 6


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of some records, which may overlap.

    Attributes:
        kinds: ``element``, ``atoms``, ``charge`` and ``scaffold``, as far as they are known, to the names of
            groups and which records are in each, [n] bool.
        smiles: Of each record, the molecules of a pair with a dot between; None where there is none.
    """

    kinds: dict[str, dict[str, np.ndarray]]
    smiles: list[str | None]


def grouping(task_id: str, ids: Sequence[str]) -> Grouping:
    """Groups of the records of a task.

    Args:
        task_id: Its dataset must be built.
        ids: Ids of the records.

    Raises:
        UserError: If it is not, or does not have these records.
    """
    matches = [ref for ref in Catalogue.load().tasks([task_id]) if ref.id == task_id]
    if not matches or matches[0].folder is None:
        raise UserError(f"the dataset of {task_id} is not built here, so that its records are not known")
    store = Store.open(matches[0].folder, matches[0].subset)
    row_of = {name: row for row, name in enumerate(store.ids.to_pylist())}
    if missing := next((name for name in ids if name not in row_of), None):
        raise UserError(f"{task_id}: no record '{missing}' in the dataset as built here")
    rows = np.array([row_of[name] for name in ids], dtype=np.int64)
    smiles = _smiles(store, rows)
    kinds = _of_atoms(store, rows)
    if any(smiles):
        kinds |= {"charge": _charges(smiles), "scaffold": _scaffolds(smiles)}
    return Grouping({kind: _large(groups) for kind, groups in kinds.items()}, smiles)


def _of_atoms(store: Store, rows: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    batch = store.batch(rows)
    record = batch.molecule.numpy() // batch.molecules_per_record
    numbers = batch.atomic_numbers.numpy()
    sizes = np.bincount(record, minlength=len(rows))
    symbol = Chem.GetPeriodicTable().GetElementSymbol
    elements = {}
    for z in np.unique(numbers).tolist():
        elements[symbol(z)] = np.bincount(record[numbers == z], minlength=len(rows)) > 0
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, _SIZES + 1)).round().astype(int))
    ranges = {}
    for i, (low, high) in enumerate(pairwise(edges.tolist())):
        last = i == len(edges) - 2
        top = high if last else high - 1
        name = f"{low}" if low == top else f"{low}-{top}"
        ranges[name] = (sizes >= low) & (sizes <= top)
    return {"element": elements, "atoms": ranges}


def _smiles(store: Store, rows: np.ndarray) -> list[str | None]:
    columns = [name for name in SMILES if name in store.table.schema.names]
    parts = [store.column(name).take(rows).to_pylist() for name in columns]
    return (
        [".".join(filter(None, names)) or None for names in zip(*parts, strict=True)]
        if parts
        else [None] * len(rows)
    )


def _charges(smiles: Sequence[str | None]) -> dict[str, np.ndarray]:
    with BlockLogs():
        molecules = [Chem.MolFromSmiles(text) if text else None for text in smiles]
    charges = [None if mol is None else Chem.GetFormalCharge(mol) for mol in molecules]
    names = {q: f"{q:+d}" if q else "0" for q in charges if q is not None}
    return {names[q]: np.array([charge == q for charge in charges]) for q in sorted(names)}


def _scaffolds(smiles: Sequence[str | None]) -> dict[str, np.ndarray]:
    scaffolds = [murcko_scaffold(text) if text else None for text in smiles]
    counts = Counter(name for name in scaffolds if name is not None)
    common = [name for name, _ in counts.most_common(MOST_SCAFFOLDS)]
    return {name or "no ring": np.array([scaffold == name for scaffold in scaffolds]) for name in common}


def _large(groups: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: inside for name, inside in groups.items() if inside.sum() >= FEWEST}
