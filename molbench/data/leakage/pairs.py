"""The pairs of molecules that tasks test on, and which of some other pairs are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.identity import COLUMNS, first_blocks, identity_keys
from molbench.data.folder.manifest import Manifest
from molbench.data.leakage.sides import Split, tested
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry, TaskRef

#: Columns of a table of pairs.
PAIR = COLUMNS["pair"]


def holds_pairs(store: Store) -> bool:
    """Whether its records are pairs of molecules with InChIKeys."""
    return {*PAIR} <= {*store.table.schema.names}


def sides(rows: np.ndarray, records: int) -> tuple[np.ndarray, np.ndarray]:
    """Records that give the first and the second molecule of some pairs, [R] each.

    A row number below ``records`` is a record; the number ``records + i records + j`` stands for the first
    molecule of record i with the second of record j.
    """
    i, j = np.divmod(rows, records)
    return np.where(i == 0, j, i - 1), j


def pairs_of(store: Store, rows: np.ndarray) -> pa.Table:
    """InChIKeys of some pairs of a store, numbered as in :func:`sides`, in the columns :data:`PAIR`."""
    chosen = sides(rows, len(store))
    return pa.table(
        {name: store.column(name).take(pa.array(side)) for name, side in zip(PAIR, chosen, strict=True)}
    )


def relational_tasks(entries: Iterable[DatasetEntry]) -> list[TaskRef]:
    """Every task of pairs that is built on this machine, on each of its schemes that is."""
    found = []
    for entry in entries:
        if not entry.built or entry.dataset.record != "pair":
            continue
        parts = Manifest.read(entry.folder).by_subset
        for name, task in entry.tasks.tasks.items():
            for scheme in dict.fromkeys([task.scheme, *task.schemes]):
                ref = TaskRef(entry, name, scheme)
                if task.subset in parts and ref.at(0).split_name in parts[task.subset].schemes:
                    found.append(ref)
    return found


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
        return "pair" if {*PAIR} <= {*self.table.column_names} else "inchikey"

    def among(self, pairs: pa.Table, *, ordered: bool) -> np.ndarray:
        """Which of some pairs are held out, [R] bool; those without a key are not.

        Molecules are compared by the first blocks of their InChIKeys.

        Args:
            pairs: Columns :data:`PAIR`, [R].
            ordered: Whether their order matters. Only where it does on both sides is (A, B) not (B, A).
        """
        if self.identity == "inchikey":
            known = identity_keys(self.table, "inchikey").drop_null()
            found = pc.or_(*(pc.is_in(first_blocks(pairs.column(name)), value_set=known) for name in PAIR))
        else:
            ordered = ordered and self.ordered
            own, theirs = (identity_keys(table, "pair", ordered=ordered) for table in (self.table, pairs))
            found = pc.is_in(theirs, value_set=own.drop_null())
        mask: np.ndarray = found.to_numpy(zero_copy_only=False)
        return mask


def held_out(tasks: Sequence[TaskRef]) -> list[HeldOut]:
    """The distinct test splits of some tasks; all records where one is a cross-validation.

    Raises:
        UserError: If a task's dataset, subset or scheme is not built, or its molecules have no InChIKeys.
    """
    found: dict[str, HeldOut] = {}
    tables: dict[tuple[str, str | None], pa.Table] = {}
    for task in tasks:
        split, place = tested(task), (task.entry.id, task.subset)
        if place not in tables:  # once for all splits: there may be thousands of cells
            tables[place] = _inchikeys(split)
        table = tables[place]
        inside = table if split.ids is None else table.filter(pc.is_in(table.column("id"), split.ids))
        found[split.side.name] = HeldOut(split.side.name, inside, split.dataset.ordered)
    return list(found.values())


def _inchikeys(split: Split) -> pa.Table:
    """Ids and InChIKeys of all records that a split is part of."""
    wanted = next((names for names in (PAIR, COLUMNS["inchikey"]) if {*names} <= {*split.columns}), None)
    if wanted is None:
        raise UserError(f"{split.side.name}: its molecules have no InChIKeys and cannot be found in pairs")
    return split.whole(["id", *wanted])
