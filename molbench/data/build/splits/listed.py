"""Splits of the records that a list beside the declaration names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.build.splits.assign import label_in_order, splitter
from molbench.errors import UserError


@splitter("listed")
def listed(
    keys: pa.Table, *, ids: str, seed: int, sizes: Sequence[int], folder: Path, **_: Any
) -> np.ndarray:
    """Cut a seeded permutation of the listed records; the order of the records does not matter.

    Args:
        keys: Column ``id``.
        ids: Name of a text file beside ``splits.yaml``, one id a line.
        seed: Seed of the permutation.
        sizes: Records of train, validation and test, all that are listed.
        folder: Where the file lies.

    Returns:
        Labels, [n]; ``"unused"`` for records that are not listed.

    Raises:
        UserError: If the list cannot be read or names an id twice, or listed records are missing.
    """
    path = folder / Path(ids).name
    try:
        names = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the list of ids cannot be read: {error}") from error
    if len(set(names)) != len(names):
        raise UserError(f"{path}: an id stands twice")
    rows = pc.index_in(pa.array(names, pa.string()), value_set=keys.column("id").combine_chunks())
    if rows.null_count:
        raise UserError(f"{len(names) - rows.null_count:,} of the {len(names):,} listed records are there")
    labels = np.full(len(keys), "unused", dtype="<U10")
    order = np.random.default_rng(seed).permutation(len(names))
    labels[rows.to_numpy()] = label_in_order(order, sizes)
    return labels
