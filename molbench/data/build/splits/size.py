"""Extrapolation in size: train on small molecules, test on the largest."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, splitter
from molbench.spec.splits import SPLITS


@splitter("size", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def size(
    keys: pa.Table, *, fractions: Sequence[float], seed: int, column: str | None = None, **_: Any
) -> np.ndarray:
    """Order records by heavy atoms and cut at whole sizes as near to the fractions as they allow.

    The test split holds the largest molecules and no size that train or validation has. Validation is drawn
    at random from the sizes of train, since choosing a model must not look at the extrapolation region.

    Args:
        keys: Needs ``n_heavy``.
        fractions: Wanted shares of train, validation and test.
        seed: Seed of the validation draw.
        column: What records of one molecule share, which are not divided; without it records are drawn.
    """
    heavy = keys.column("n_heavy").to_numpy()
    split_sizes = dict(zip(SPLITS, fraction_counts(heavy.size, fractions), strict=True))
    sizes, counts = np.unique(heavy, return_counts=True)
    larger = counts[::-1].cumsum()[::-1]
    threshold = sizes[1:][np.abs(larger[1:] - split_sizes["test"]).argmin()] if sizes.size > 1 else sizes[0]
    labels = np.where(heavy >= threshold, "test", "train").astype("<U10")
    inside = np.flatnonzero(labels == "train")
    rng = np.random.default_rng(seed)
    share = split_sizes["validation"] / max(1, split_sizes["validation"] + split_sizes["train"])
    if column is None:
        drawn = rng.permutation(inside)[: round(share * inside.size)]
    else:
        molecule = keys.column(column).dictionary_encode().combine_chunks().indices.to_numpy()[inside]
        order = rng.permutation(np.unique(molecule))
        records = np.bincount(molecule)[order].cumsum()[:-1]
        count = 1 + np.abs(records - share * inside.size).argmin() if records.size else 0
        drawn = inside[np.isin(molecule, order[:count])]
    labels[drawn] = "validation"
    return labels
