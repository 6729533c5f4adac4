"""Splits drawn at random from the number of records alone."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, label_in_order, splitter


@splitter("permutation", small={"rng": "default", "seed": 0, "sizes": [200, 20, "rest"]})
def permutation(
    keys: pa.Table, *, rng: Literal["legacy", "default"], seed: int, sizes: Sequence[int | str], **_: Any
) -> np.ndarray:
    """Cut a NumPy permutation into train, validation and test, as the papers' own scripts do.

    Args:
        keys: One row a record.
        rng: ``legacy`` is ``RandomState(seed).permutation(n)`` (what ``numpy.random.permutation`` draws after
            ``numpy.random.seed``, and scikit-learn's ``shuffle``); ``default`` is
            ``default_rng(seed).permutation(n)``.
        seed: Seed of the generator.
        sizes: Records of train, validation and test; one of them may be ``rest``.
    """
    n = len(keys)
    fixed = [int(size) for size in sizes if size != "rest"]
    counts = [n - sum(fixed) if size == "rest" else int(size) for size in sizes]
    order = (
        np.random.RandomState(seed).permutation(n)
        if rng == "legacy"
        else np.random.default_rng(seed).permutation(n)
    )
    return label_in_order(order, counts)


@splitter("ratio", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def ratio(keys: pa.Table, *, seed: int, fractions: Sequence[float], **_: Any) -> np.ndarray:
    """Cut a seeded permutation by fractions, so that subsets of a dataset have the scheme too."""
    n = len(keys)
    return label_in_order(np.random.default_rng(seed).permutation(n), fraction_counts(n, fractions))
