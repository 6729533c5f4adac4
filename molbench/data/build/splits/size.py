"""Extrapolation in size: train on small molecules, test on the largest."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import fraction_counts, splitter
from molbench.spec.splits import SPLITS


@splitter("size", small={"fractions": [0.8, 0.1, 0.1], "seed": 0})
def size(keys: pa.Table, *, fractions: Sequence[float], seed: int, **_: Any) -> np.ndarray:
    """Order records by heavy atoms and cut at whole sizes as near to the fractions as they allow.

    The test split holds the largest molecules and no size that train or validation has. Validation is drawn
    at random from the sizes of train, since choosing a model must not look at the extrapolation region.

    Args:
        keys: Needs ``n_heavy``.
        fractions: Wanted shares of train, validation and test.
        seed: Seed of the validation draw.
    """
    heavy = keys.column("n_heavy").to_numpy()
    split_sizes = dict(zip(SPLITS, fraction_counts(heavy.size, fractions), strict=True))
    sizes, counts = np.unique(heavy, return_counts=True)
    larger = counts[::-1].cumsum()[::-1]
    threshold = sizes[1:][np.abs(larger[1:] - split_sizes["test"]).argmin()] if sizes.size > 1 else sizes[0]
    labels = np.where(heavy >= threshold, "test", "train").astype("<U10")
    inside = np.flatnonzero(labels == "train")
    drawn = np.random.default_rng(seed).permutation(inside)
    share = split_sizes["validation"] / max(1, split_sizes["validation"] + split_sizes["train"])
    labels[drawn[: round(share * inside.size)]] = "validation"
    return labels
