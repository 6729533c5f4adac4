"""Splits published as lists of row numbers, for records whose ids end in that number."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.build.parsers.torch_archive import Archive
from molbench.data.build.splits.assign import splitter
from molbench.errors import UserError


@splitter("numbered")
def numbered(
    keys: pa.Table,
    *,
    file: str,
    splits: Mapping[str, str],
    files: Mapping[str, Path],
    validation: int = 0,
    seed: int = 0,
    **_: Any,
) -> np.ndarray:
    """Read a published ``{name: numbers}``, from JSON or from a PyTorch file.

    Records go by the number at the end of their id, so that ones which could not be read shift nothing.

    Args:
        keys: Needs ``id``, such as ``molecule3d-17``.
        file: Source key of the file.
        splits: Name in the file to ``train``, ``validation`` or ``test``; other names are left out.
        files: Local path of each source.
        validation: Records of train that validate instead.
        seed: Seed of that draw.

    Returns:
        Labels, [n]; ``"unused"`` for records that none of the lists names.

    Raises:
        UserError: If the file is missing or malformed, or a number stands in two lists.
    """
    if file not in files:
        raise UserError(f"index file '{file}' is not among the sources")
    lists = _read(files[file])
    if missing := [name for name in splits if name not in lists]:
        raise UserError(f"{files[file]}: no list '{missing[0]}'; the lists are: {', '.join(lists)}")
    numbers = record_numbers(keys)
    label_of = np.full(
        1 + max([numbers.max(initial=0), *(lists[name].max() for name in splits)]), "unused", "<U10"
    )
    for name, label in splits.items():
        rows = lists[name]
        if (label_of[rows] != "unused").any() or np.unique(rows).size != rows.size:
            raise UserError(f"{files[file]}: a number of '{name}' stands twice in the lists")
        label_of[rows] = label
    labels: np.ndarray = label_of[numbers]
    train = np.flatnonzero(labels == "train")
    labels[np.random.default_rng(seed).permutation(train)[:validation]] = "validation"
    return labels


@splitter("first", may_leave_empty=True, small={"rows": 200})
def first(keys: pa.Table, *, rows: int, **_: Any) -> np.ndarray:
    """Records numbered below ``rows`` in train, the others left out: for unlabelled pretraining data."""
    return np.where(record_numbers(keys) < rows, "train", "unused").astype("<U10")


def record_numbers(keys: pa.Table) -> np.ndarray:
    """Numbers that the ids end in, [n] int64.

    Raises:
        UserError: If an id has none.
    """
    digits = pc.extract_regex(keys.column("id"), r"-(?P<number>[0-9]{1,18})$")
    if digits.null_count:
        raise UserError("the scheme needs ids that end in a row number, such as molecule3d-17")
    numbers = pc.struct_field(digits, "number")
    array: np.ndarray = pc.cast(numbers, pa.int64()).to_numpy()
    return array


def _read(path: Path) -> dict[str, np.ndarray]:
    """All lists of a file."""
    try:
        content = json.loads(path.read_bytes()) if path.suffix == ".json" else _torch(path)
        if not isinstance(content, dict):
            raise TypeError(f"{type(content).__name__} instead of a mapping")
        lists = {str(name): np.asarray(rows) for name, rows in content.items()}
    except Exception as error:  # torch lets through whatever its readers raise
        raise UserError(f"{path}: not readable as lists of row numbers: {error}") from error
    for name, rows in lists.items():
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.size == 0 or rows.min() < 0:
            raise UserError(f"{path}: '{name}' is not a list of row numbers")
        if rows.max() > 1 << 31:
            raise UserError(f"{path}: '{name}' holds the number {rows.max():,}, which is no row")
    return lists


def _torch(path: Path) -> Any:
    """A PyTorch file of NumPy arrays; what would make it is on PyTorch's own list or on this one."""
    import torch

    with path.open("rb") as file:
        Archive(file).verify()
    names = ["numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"]
    rebuild = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    known = [(rebuild, name) for name in names]
    kinds = [type(np.dtype(kind)) for kind in ("int64", "int32")]
    with torch.serialization.safe_globals([*known, np.ndarray, np.dtype, *kinds]):
        return torch.load(path, map_location="cpu", weights_only=True)
