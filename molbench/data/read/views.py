"""Built datasets as other libraries' datasets, each in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch_geometric.data import Data, InMemoryDataset

from molbench.data.folder.location import locate
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch


class RecordDataset(TorchDataset[MoleculeBatch]):
    """Records one by one for ``torch.utils.data``; ``collate_fn=RecordDataset.collate`` makes batches.

    Args:
        store: The records.
        rows: Which, [n] int64.
        targets: Columns that each carries.
        forces: Whether each carries forces.
    """

    collate = staticmethod(MoleculeBatch.collate)

    def __init__(
        self, store: Store, rows: np.ndarray, targets: Sequence[str] = (), forces: bool = False
    ) -> None:
        self.store = store
        self.rows = rows
        self.targets = tuple(targets)
        self.forces = forces

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> MoleculeBatch:
        """One record, as a batch of one; its targets are in the dataset's units."""
        return self.store.batch(self.rows[[index]], self.targets, self.forces)


#: Fields of a molecule that are no targets.
_FIELDS = {"z", "pos", "row", "force", "ptr"}


class PygRecords(InMemoryDataset):  # type: ignore[misc]
    """Molecules in memory for PyTorch Geometric: ``z``, ``pos``, ``row``, targets, and ``force`` on request.

    Args:
        store: The records, of one molecule each.
        rows: Which, [n] int64.
        targets: Columns that each carries.
        forces: Whether each carries forces.

    Raises:
        UserError: If a record has two molecules, or a target is called as a field of PyTorch Geometric is.
    """

    def __init__(
        self, store: Store, rows: np.ndarray, targets: Sequence[str] = (), forces: bool = False
    ) -> None:
        if store.molecules_per_record != 1:
            raise UserError(f"{store.dataset_id}: a record has two molecules, which are not one graph")
        taken = [name for name in targets if name in _FIELDS or (name != "y" and hasattr(Data, name))]
        if taken:
            raise UserError(
                f"{store.dataset_id}: a target '{taken[0]}' would take the place of a field of PyTorch "
                f"Geometric; import it under another name: --target NAME={taken[0]}"
            )
        super().__init__(root=None)
        batch = store.batch(rows, targets, forces)
        each = torch.arange(len(rows) + 1)
        fields: dict[str, Any] = {"z": batch.atomic_numbers, "pos": batch.positions, "row": batch.rows}
        fields |= batch.targets
        if batch.forces is not None:
            fields["force"] = batch.forces
        self._data = Data(**fields)
        self.slices = {name: batch.ptr if name in {"z", "pos", "force"} else each for name in fields}


def torch_dataset(
    name: str | Path,
    split: str | None = "train",
    scheme: str | None = None,
    *,
    subset: str | None = None,
    targets: str | Sequence[str] = (),
    forces: bool = False,
) -> RecordDataset:
    """A split of a built dataset for ``torch.utils.data.DataLoader``.

    Args:
        name: Id of a dataset, or the folder of one.
        split: ``train``, ``validation`` or ``test``; None for all records.
        scheme: Split scheme; the first by default.
        subset: Part of the dataset, where it has parts.
        targets: Columns that each record carries, one or many.
        forces: Whether each carries forces.

    Raises:
        UserError: If the dataset is not built, or has no such split or column.

    Examples:
        >>> from molbench import torch_dataset
        >>> from torch.utils.data import DataLoader
        >>> records = torch_dataset("xtb-molecules", "test", "size", targets="gap")
        >>> batch = next(iter(DataLoader(records, batch_size=8, collate_fn=records.collate)))
        >>> len(batch.targets["gap"])
        8
    """
    return RecordDataset(*split_rows(name, split, scheme, subset), _listed(targets), forces)


def pyg_dataset(
    name: str | Path,
    split: str | None = "train",
    scheme: str | None = None,
    *,
    subset: str | None = None,
    targets: str | Sequence[str] = (),
    forces: bool = False,
) -> PygRecords:
    """A split of a built dataset as an ``InMemoryDataset`` of PyTorch Geometric.

    Arguments and errors are those of :func:`torch_dataset`; records of two molecules are refused.

    Examples:
        >>> from molbench import pyg_dataset
        >>> graphs = pyg_dataset("xtb-molecules", "test", "size", targets=["gap"])
        >>> sorted(graphs[0].keys())
        ['gap', 'pos', 'row', 'z']
    """
    return PygRecords(*split_rows(name, split, scheme, subset), _listed(targets), forces)


def split_rows(
    name: str | Path, split: str | None, scheme: str | None, subset: str | None
) -> tuple[Store, np.ndarray]:
    """A store, and the rows of a split of it; see :func:`torch_dataset`.

    Raises:
        UserError: If there is no such dataset, scheme or split, or a scheme is named without a split.
    """
    store = Store.open(locate(str(name)), subset)
    if split is None:
        if scheme is not None:
            raise UserError(f"split scheme '{scheme}': of which split? Name train, validation or test")
        return store, np.arange(len(store))
    return store, store.rows(scheme or next(iter(store.manifest.part(subset).schemes)), split)


def _listed(targets: str | Sequence[str]) -> list[str]:
    return [targets] if isinstance(targets, str) else list(targets)
