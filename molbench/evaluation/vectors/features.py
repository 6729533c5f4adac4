"""Vectors of a table in the order of the records of a store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from molbench.data.folder.columns import part_columns, read_columns, read_labels
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError, quoted
from molbench.evaluation.vectors.table import VectorTable
from molbench.spec.catalogue import TaskRef

_USED = ("train", "test")


def dataset_of(task: TaskRef) -> str:
    """What a table calls the dataset of a task: its id, with the subset behind it."""
    return f"{task.entry.id}/{task.subset}" if task.subset else task.entry.id


def lacks(table: VectorTable, task: TaskRef) -> str | None:
    """Why a table is none for a built task, or None where it has a vector of every record that is used.

    Raises:
        UserError: If it has vectors of some of them only, naming one that is missing.
    """
    if task.folder is None:
        raise ValueError(f"{task.id} is not built")
    folder, part = subset_folder(task.folder, task.subset), Manifest.read(task.folder).part(task.subset)
    if table.key != "id" and task.dataset.identity == "frame":
        return f"frames of a trajectory share their {table.key}"
    key_columns = ["id"] if table.key == "id" else _molecule_columns(task)
    if table.key != "id" and not {*RECORD_KINDS[task.dataset.record].smiles} <= {*part_columns(folder, part)}:
        return "its records have no SMILES"
    if not table.knows(dataset_of(task)):
        return f"it has no vectors of {dataset_of(task)}"
    target = task.task.target
    columns = read_columns(folder, part, [*key_columns, target])
    labelled = np.asarray(columns.column(target).is_valid())
    used = np.isin(read_labels(folder, task.at(0).split_name), _USED) & labelled
    records = columns.filter(pa.array(used)).combine_chunks()
    covered = (_rows(table, task, records) >= 0).all(axis=1)
    if not covered.any():
        if not records.num_rows:
            return "it has no vector of any of its records"
        name, known = quoted(records.column(key_columns[0])[0].as_py()), quoted(table.names[0])
        return f"it has no vector of any of its records, named as {name}, not {known}"
    if not covered.all():
        ids = records.column("id").to_pylist()
        missing = [ids[row] for row in np.flatnonzero(~covered)]
        raise UserError(
            f"{table.path}: no vector of record '{missing[0]}' of {dataset_of(task)} "
            f"({len(missing)} of {len(ids)} missing)"
        )
    return None


def record_vectors(table: VectorTable, task: TaskRef, store: Store) -> np.ndarray:
    """One vector a record in the order of the store, [n, F'] float32; NaN where the table has none.

    Vectors of molecules are joined as those of an encoder are.
    """
    import torch

    from molbench.evaluation.joined_vectors import joined_vectors

    rows = _rows(table, task, pa.Table.from_batches([store.table]))
    vectors = np.where((rows >= 0)[:, :, None], table.vectors[rows], np.float32(np.nan))
    return joined_vectors(torch.from_numpy(vectors), store.ordered).numpy()


def _molecule_columns(task: TaskRef) -> list[str]:
    pairs = RECORD_KINDS[task.dataset.record].smiles.items()
    return [name for pair in pairs for name in pair if name]


def _rows(table: VectorTable, task: TaskRef, records: pa.Table) -> np.ndarray:
    """Row of each molecule of each record, of each record itself where names are ids, [n, P] int64."""
    if table.key == "id":
        return table.rows_of_ids(dataset_of(task), records.column("id").to_pylist())[:, None]
    columns = []
    for smiles, inchikey in RECORD_KINDS[task.dataset.record].smiles.items():
        known: Sequence[str | None] | None = None
        if inchikey in records.column_names:
            known = records.column(inchikey).to_pylist()
        columns.append(table.rows_of_molecules(records.column(smiles).to_pylist(), known))
    return np.stack(columns, axis=1)
