"""Elements that a model has no features for, found in a dataset before the model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molbench.errors import UserError

if TYPE_CHECKING:
    from molbench.data.read.store import Store


def refuse_heavier(store: Store, rows: np.ndarray | None, model: str, largest: int) -> None:
    """Make sure that a model knows every element of some records.

    Args:
        store: A dataset whose records have conformations.
        rows: Records, [n] int64; None for all.
        model: What is asked to encode them, for the message: ``backbone 'egnn'``.
        largest: The largest atomic number that it knows.

    Raises:
        UserError: If a record has a heavier one, naming the first.
    """
    index = store.atom_index
    heavier = index.numbers > largest
    if not heavier.any():
        return
    before = np.concatenate([[0], heavier.cumsum()])
    starts, sizes = (array if rows is None else array[rows] for array in (index.starts, index.sizes))
    offending = np.flatnonzero((before[starts + sizes] > before[starts]).any(axis=1))
    if not offending.size:
        return
    from rdkit.Chem import GetPeriodicTable

    first = offending[0]
    atoms = np.concatenate(
        [index.numbers[i : i + n] for i, n in zip(starts[first], sizes[first], strict=True)]
    )
    symbol = GetPeriodicTable().GetElementSymbol
    record = store.ids[int(first if rows is None else rows[first])].as_py()
    raise UserError(
        f"{model} knows elements up to {symbol(largest)}, and {offending.size:,} of {len(starts):,} records "
        f"of {store.dataset_id} have heavier ones: '{record}' has {symbol(int(atoms.max()))}"
    )
