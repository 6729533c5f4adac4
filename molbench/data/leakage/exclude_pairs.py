"""Test pairs in pretraining on pairs of molecules: left out, or counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molbench.data.leakage.exclude_molecules import ExcludedRecords
from molbench.data.leakage.pairs import HeldOut, held_out, pairs_of
from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef


def exclude_pairs(
    store: Store, rows: np.ndarray, tasks: Sequence[TaskRef], others: np.ndarray | None = None
) -> tuple[np.ndarray, ExcludedRecords]:
    """Pairs without any that one of ``tasks`` tests on, or that ``others`` have.

    Pairs are the same when both molecules are, by the first blocks of their InChIKeys, in either order unless
    it matters in both datasets. Of a task on single molecules, every pair of a test molecule is left out.

    Args:
        store: The pretraining data, pairs.
        rows: Pairs meant for pretraining, [n], or combinations of two, [n, 2].
        tasks: Their datasets must be built.
        others: Records of the store that are not for pretraining, validation included, [m].

    Returns:
        The rows that stay, in their order, and what happened.

    Raises:
        UserError: If a task's dataset is not built, or fewer than two rows stay.
    """
    pairs, tests = pairs_of(store, rows), held_out(tasks)
    keep = np.ones(len(rows), dtype=bool)
    same_dataset = [] if others is None else [HeldOut("others", pairs_of(store, others), store.ordered)]
    for test in [*tests, *same_dataset]:
        keep &= ~test.among(pairs, ordered=store.ordered)
    identities = tuple(f"{test.name}: {test.identity}" for test in tests)
    if keep.sum() < 2:
        more = "raise method.share" if rows.ndim == 2 else "pretrain on combinations (method.combine=true)"
        raise UserError(
            f"{store.dataset_id}: {len(rows)} pairs, of which {int((~keep).sum())} are test pairs of "
            f"{len(tasks)} tasks and too few are left: {more}, or include test pairs, which marks the "
            "checkpoint as contaminated"
        )
    return rows[keep], ExcludedRecords(tuple(ref.id for ref in tasks), identities, int((~keep).sum()))


def count_pairs(store: Store, rows: np.ndarray, tasks: Sequence[TaskRef]) -> dict[str, int]:
    """Each test split of ``tasks`` to how many of ``rows`` are pairs of it, as in :func:`exclude_pairs`."""
    pairs = pairs_of(store, rows)
    return {test.name: int(test.among(pairs, ordered=store.ordered).sum()) for test in held_out(tasks)}
