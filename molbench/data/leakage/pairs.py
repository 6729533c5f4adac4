"""The pairs of molecules that tasks test on, and which of some other pairs are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.manifest import Manifest
from molbench.data.folder.record_identity import COLUMNS, first_blocks, identity_keys
from molbench.data.leakage.sides import Split, tested
from molbench.data.read.store import Store
from molbench.data.records import RECORD_KINDS
from molbench.data.records.pair import both_rows
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry, TaskRef
from molbench.spec.dataset import Dataset

#: Columns of a table of pairs.
KEYS = COLUMNS["pair"]


def holds_pairs(dataset: Dataset) -> bool:
    """Whether its records are pairs of molecules."""
    return {*KEYS} <= {*RECORD_KINDS[dataset.record].smiles.values()}


def pairs_of(store: Store, rows: np.ndarray) -> pa.Table:
    """InChIKeys of some pairs of a store, in the columns :data:`KEYS`.

    Args:
        store: Pairs.
        rows: Records, [R], or combinations of two, [R, 2].
    """
    sides = zip(KEYS, both_rows(rows).T, strict=True)
    return pa.table({name: store.column(name).take(pa.array(side)) for name, side in sides})


def relational_tasks(entries: Iterable[DatasetEntry]) -> list[TaskRef]:
    """Every task of pairs that is built on this machine, on each of its schemes that is."""
    refs = []
    for entry in entries:
        if not entry.built or not holds_pairs(entry.dataset):
            continue
        subsets = Manifest.read(entry.folder).by_subset
        for name, task in entry.tasks.tasks.items():
            for scheme in dict.fromkeys([task.scheme, *task.schemes]):
                ref = TaskRef(entry, name, scheme)
                if task.subset in subsets and ref.at(0).split_name in subsets[task.subset].schemes:
                    refs.append(ref)
    return refs


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Records that are tested on, to be found among pairs: the same pairs, or those of a tested molecule.

    Attributes:
        name: ``ddi/zhang@random``.
        table: Their InChIKeys, of pairs or of single molecules.
        ordered: Whether the order of a pair matters.
    """

    name: str
    table: pa.Table
    ordered: bool

    @property
    def identity(self) -> str:
        """``pair``; ``inchikey`` where single molecules are tested."""
        return "pair" if {*KEYS} <= {*self.table.column_names} else "inchikey"

    def among(self, pairs: pa.Table, *, ordered: bool) -> np.ndarray:
        """Which of some pairs are held out, [R] bool; those without a key are not.

        Molecules are compared by the first blocks of their InChIKeys.

        Args:
            pairs: Columns :data:`KEYS`, [R].
            ordered: Whether their order matters. Only where it does on both sides is (A, B) not (B, A).
        """
        if self.identity == "inchikey":
            known = identity_keys(self.table, "inchikey").drop_null()
            held = pc.or_(*(pc.is_in(first_blocks(pairs.column(name)), value_set=known) for name in KEYS))
        else:
            ordered = ordered and self.ordered
            held_keys, pair_keys = (
                identity_keys(table, "pair", ordered=ordered) for table in (self.table, pairs)
            )
            held = pc.is_in(pair_keys, value_set=held_keys.drop_null())
        mask: np.ndarray = held.to_numpy(zero_copy_only=False)
        return mask


def held_out(tasks: Sequence[TaskRef]) -> list[HeldOut]:
    """The distinct test splits of some tasks; all records where one is a cross-validation.

    Raises:
        UserError: If a task's dataset, subset or scheme is not built, or its molecules have no InChIKeys.
    """
    test_sets: dict[str, HeldOut] = {}
    tables: dict[tuple[str, str | None], pa.Table] = {}
    for task in tasks:
        split, subset = tested(task), (task.entry.id, task.subset)
        if subset not in tables:  # once for all splits: there may be thousands of cells
            tables[subset] = _inchikeys(split)
        table = tables[subset]
        inside = table if split.ids is None else table.filter(pc.is_in(table.column("id"), split.ids))
        test_sets[split.side.name] = HeldOut(split.side.name, inside, split.dataset.ordered)
    return list(test_sets.values())


def _inchikeys(split: Split) -> pa.Table:
    """Ids and InChIKeys of all records that a split is part of."""
    columns = next((names for names in (KEYS, COLUMNS["inchikey"]) if {*names} <= {*split.columns}), None)
    if columns is None:
        raise UserError(f"{split.side.name}: its molecules have no InChIKeys and cannot be found in pairs")
    return split.whole(["id", *columns])
