"""Cross-validation: one fold of one repeat is one scheme, see ``molbench.data.build.splits.expand``."""

from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import label_in_order, splitter
from molbench.errors import UserError


@splitter("kfold", small={"repeat": 0, "fold": 1, "folds": 5, "seed": 0, "validation": 0.1})
def kfold(
    keys: pa.Table, *, repeat: int, fold: int, folds: int, seed: int, validation: float, **_: Any
) -> np.ndarray:
    """One fold for test, a share of the other records for validation, the rest for training.

    Every repeat shuffles the records anew and cuts them into folds that differ by one record at most, so over
    the folds of a repeat each record is in test exactly once. Validation is what follows the held-out fold in
    the shuffled order, as if laid in a circle: a random sample, and no second draw.

    Args:
        keys: One row a record, in source order, which the draw depends on.
        repeat: Number of the repeat, from 0.
        fold: Number of the held-out fold, from 0.
        folds: Folds of a repeat.
        seed: Seed of all repeats.
        validation: Share of the records outside the held-out fold.
    """
    order = _shuffled(len(keys), [seed, repeat], fold, folds)
    bounds = np.rint(np.linspace(0, len(keys), folds + 1)).astype(int)
    held = int(bounds[fold + 1] - bounds[fold])
    return _circle(
        np.roll(order, -bounds[fold]), test=held, validation=round(validation * (order.size - held))
    )


@splitter("kfold-half", small={"repeat": 0, "fold": 1, "folds": 5})
def kfold_half(keys: pa.Table, *, repeat: int, fold: int, folds: int, **_: Any) -> np.ndarray:
    """The cross-validation of 3DMRL: half of the held-out fold is for validation, the other half for test.

    Folds hold ``n // folds`` records; what remains is in training under every fold. The first half of the
    held-out fold, rounded down, is validation and the second is test, so a repeat tests on half of the data
    only. The paper shuffles with the seeds 0, 1 and 2; so does this, by a generator of its own.

    Args:
        keys: One row a record, in source order, which the draw depends on.
        repeat: Number of the repeat and seed of its shuffle.
        fold: Number of the held-out fold, from 0.
        folds: Folds of a repeat.
    """
    order = _shuffled(len(keys), [repeat], fold, folds)
    size = order.size // folds
    half = size // 2
    held = np.roll(order, -fold * size)
    return _circle(
        np.concatenate([held[half:size], held[:half], held[size:]]), test=size - half, validation=half
    )


def _shuffled(n: int, seed: list[int], fold: int, folds: int) -> np.ndarray:
    if not 0 <= fold < folds or folds < 2:
        raise UserError(f"there is no fold {fold} of {folds}")
    if n < folds:
        raise UserError(f"{n:,} records cannot be cut into {folds} folds")
    return np.random.default_rng(seed).permutation(n)


def _circle(order: np.ndarray, *, test: int, validation: int) -> np.ndarray:
    """Test records first, then validation, then the records to train on."""
    return label_in_order(order[::-1], [order.size - test - validation, validation, test])
