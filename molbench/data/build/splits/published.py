"""Splits read from index files that were published with a dataset."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import splitter
from molbench.errors import UserError


@splitter("published")
def published(
    keys: pa.Table,
    *,
    train: str,
    test: str,
    validation: int,
    seed: int,
    files: Mapping[str, Path],
    **_: Any,
) -> np.ndarray:
    """Train and test rows from two index files; validation is drawn from train; other records are left out.

    Args:
        keys: One row a record, in the order the indices count.
        train: Source key of the file of training indices, one number a line, from 0.
        test: Source key of the file of test indices.
        validation: Records of train that validate instead.
        seed: Seed of that draw.
        files: Local path of each source.

    Returns:
        Labels, [n]; ``"unused"`` for records in neither file.

    Raises:
        UserError: If a file is missing, holds anything but row numbers, or the two overlap.
    """
    n = len(keys)
    rows = {name: _read(name, files, n) for name in (train, test)}
    if shared := np.intersect1d(rows[train], rows[test]).size:
        raise UserError(f"index files '{train}' and '{test}' share {shared:,} rows")
    labels = np.full(n, "unused", dtype="<U10")
    labels[rows[train]] = "train"
    labels[rows[test]] = "test"
    labels[np.random.default_rng(seed).permutation(np.sort(rows[train]))[:validation]] = "validation"
    return labels


@splitter("everything", may_leave_empty=True)
def everything(keys: pa.Table, **_: Any) -> np.ndarray:
    """All records in train: for unlabelled pretraining data."""
    return np.full(len(keys), "train", dtype="<U10")


def _read(name: str, files: Mapping[str, Path], n: int) -> np.ndarray:
    if name not in files:
        raise UserError(f"index file '{name}' is not among the sources; it comes with the published archive")
    try:
        rows = np.loadtxt(files[name], dtype=np.int64, ndmin=1)
    except (OSError, ValueError) as error:
        raise UserError(f"{files[name]}: not one row number a line: {error}") from error
    if rows.size == 0 or rows.min() < 0 or rows.max() >= n or np.unique(rows).size != rows.size:
        raise UserError(f"{files[name]}: row numbers must be distinct and between 0 and {n - 1:,}")
    return rows
