"""Extrapolation in the label: train on one end of its range, test on the other."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.build.splits.assign import fraction_counts, splitter
from molbench.data.build.splits.groups import in_order_of_id
from molbench.errors import UserError
from molbench.spec.splits import SPLITS


@splitter("target_range", small={"target": "energy", "end": "high", "fractions": [0.8, 0.1, 0.1], "seed": 0})
def target_range(
    keys: pa.Table,
    *,
    target: str,
    end: Literal["high", "low"],
    fractions: Sequence[float],
    seed: int,
    **_: Any,
) -> np.ndarray:
    """Test on the records with the highest or the lowest labels, train on the others.

    The cut lies between two distinct labels, as near to the share of test as ties allow, so that equal labels
    are on one side. Validation is drawn at random from the range of train, since choosing a model must not
    look at the extrapolation region. The order of the records does not matter.

    Args:
        keys: Needs ``id`` and the column ``target``.
        target: Label whose range is divided; records without it are left out.
        end: Where the test labels are.
        fractions: Wanted shares of train, validation and test of the labelled records.
        seed: Seed of the validation draw.

    Returns:
        Labels, [n]; ``"unused"`` for records without the target.

    Raises:
        UserError: If there is no such column, or fewer than two distinct labels.
    """
    if target not in keys.column_names:
        raise UserError(
            f"no column '{target}' to divide by its range; there are {', '.join(keys.column_names)}"
        )
    if end not in {"high", "low"}:
        raise UserError(f"end '{end}': the test labels are at the 'high' or at the 'low' end")
    values = pc.cast(keys.column(target), pa.float64()).to_numpy()
    value = values if end == "high" else -values
    known = np.isfinite(value)
    split_sizes = dict(zip(SPLITS, fraction_counts(int(known.sum()), fractions), strict=True))
    distinct, counts = np.unique(value[known], return_counts=True)
    if distinct.size < 2:
        raise UserError(f"'{target}' has {distinct.size} distinct labels, which make no range to divide")
    reaching = counts[::-1].cumsum()[::-1]
    threshold = distinct[1:][np.abs(reaching[1:] - split_sizes["test"]).argmin()]
    labels = np.full(len(keys), "unused", dtype="<U10")
    labels[known] = np.where(value[known] >= threshold, "test", "train")
    inside = np.flatnonzero(labels == "train")
    share = split_sizes["validation"] / max(1, split_sizes["validation"] + split_sizes["train"])
    drawn = np.random.default_rng(seed).permutation(in_order_of_id(keys, inside))
    labels[drawn[: round(share * inside.size)]] = "validation"
    return labels
