"""Splits that are published as which file a record lies in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.splits.assign import splitter
from molbench.errors import UserError
from molbench.spec.splits import SPLITS

_MAX_BYTES = 64 << 20


@splitter("membership")
def membership(
    keys: pa.Table,
    *,
    train: str,
    validation: str,
    test: str,
    files: Mapping[str, Path],
    sizes: Sequence[int] | None = None,
    **_: Any,
) -> np.ndarray:
    """Label records by the source that lists their id; other records are left out.

    Args:
        keys: Column ``id``.
        train: Source key of what is trained on: an ATOM3D database, or a text file with one id a line.
        validation: Source key of what validates.
        test: Source key of what is tested on.
        files: Local path of each source.
        sizes: Published numbers of train, validation and test, held against as many records as they add up
            to; a part of the dataset has other numbers.

    Returns:
        Labels, [n]; ``"unused"`` for records in none of the three.

    Raises:
        UserError: If a source is missing, two share an id, or the numbers are not the published ones.
    """
    listed = {split: _ids(name, files) for split, name in zip(SPLITS, (train, validation, test), strict=True)}
    names = dict(zip(SPLITS, (train, validation, test), strict=True))
    split_of: dict[str, str] = {}
    for split, ids in listed.items():
        for i in ids:
            if split_of.setdefault(i, split) != split:
                raise UserError(f"'{names[split_of[i]]}' and '{names[split]}' share the record '{i}'")
    labels = np.array([split_of.get(i, "unused") for i in keys.column("id").to_pylist()], dtype="<U10")
    counts = [int((labels == split).sum()) for split in SPLITS]
    if sizes is not None and sum(sizes) == len(keys) and counts != list(sizes):
        raise UserError(f"sizes of train, validation and test are {counts}, published are {list(sizes)}")
    return labels


def _ids(name: str, files: Mapping[str, Path]) -> set[str]:
    if name not in files:
        raise UserError(f"split file '{name}' is not among the sources; it comes with the published archive")
    path = files[name]
    if path.is_dir() or path.name.endswith(".mdb"):
        return _database_ids(path)
    if path.stat().st_size > _MAX_BYTES:
        raise UserError(f"{path}: larger than {_MAX_BYTES >> 20} MiB: not a list of ids")
    ids = path.read_bytes().decode("utf-8-sig", "replace").split()
    if not ids:
        raise UserError(f"{path}: no ids")
    return set(ids)


def _database_ids(path: Path) -> set[str]:
    """Ids that an ATOM3D database says it holds."""
    from molbench.data.build.parsers.lmdb import Database

    with Database(path) as database:
        content = database.get(b"id_to_idx", b"")
    try:
        ids = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: id_to_idx, the list of its records, cannot be read: {error}") from None
    if not isinstance(ids, dict) or not ids:
        raise UserError(f"{path}: id_to_idx, the list of its records, is no JSON object of ids")
    return set(ids)
