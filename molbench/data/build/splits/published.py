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
    cut: Mapping[str, str] | None = None,
    partial: bool = False,
    **_: Any,
) -> np.ndarray:
    """Train and test records from two index files; validation is drawn from train; others are left out.

    The draw depends on the ids of the training records alone. A copy of a trajectory that is cut up into what
    is trained and what is tested on needs no index files: it is the split itself.

    Args:
        keys: One row a record, in the order the indices count.
        train: Source key of the file of training indices, one number a line, from 0.
        test: Source key of the file of test indices.
        validation: Records of train that validate instead.
        seed: Seed of that draw.
        files: Local path of each source.
        cut: For ``train`` and ``test`` how the names of the archives end that hold these frames and no other,
            with their places in the trajectory as ``old_indices``.
        partial: Whether records are missing, so that indices cannot be counted.

    Returns:
        Labels, [n]; ``"unused"`` for records in neither file.

    Raises:
        UserError: If a file is missing, holds anything but row numbers, or the two overlap.
    """
    names = {"train": train, "test": test}
    pieces = {split: path for split, ending in (cut or {}).items() if (path := _piece(files, ending))}
    if pieces.keys() == names.keys():
        rows = {split: _frames_of(keys, path) for split, path in pieces.items()}
    elif partial:
        raise UserError("defined on the complete dataset only")
    else:
        rows = {split: _read(name, files, len(keys)) for split, name in names.items()}
    if shared := np.intersect1d(rows["train"], rows["test"]).size:
        raise UserError(f"index files '{train}' and '{test}' share {shared:,} rows")
    labels = np.full(len(keys), "unused", dtype="<U10")
    labels[rows["train"]] = "train"
    labels[rows["test"]] = "test"
    ids = np.array(keys.column("id").take(pa.array(rows["train"])).to_pylist())
    drawn = np.random.default_rng(seed).permutation(len(ids))[:validation]
    labels[rows["train"][np.argsort(ids)[drawn]]] = "validation"
    return labels


@splitter("everything", may_leave_empty=True, small={})
def everything(keys: pa.Table, **_: Any) -> np.ndarray:
    """All records in train: for unlabelled pretraining data."""
    return np.full(len(keys), "train", dtype="<U10")


def _piece(files: Mapping[str, Path], ending: str) -> Path | None:
    return next((path for path in files.values() if path.name.endswith(ending)), None)


def _frames_of(keys: pa.Table, path: Path) -> np.ndarray:
    """Rows of the records whose frames an archive lists."""
    from molbench.data.build.parsers.npz import open_npz

    with open_npz(path) as archive:
        frames = archive.array("old_indices").ravel()
    return np.flatnonzero(np.isin(keys.column("frame").to_numpy(), frames))


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
