"""Digest of what a score on a split scheme depends on: ids, splits, labels and molecules, and nothing else.

Molecules are atoms with what is known of their bonds: encoders read positions, bonds or SMILES. Two builds
that hold the same records of a scheme have the same digest, whatever else was built and in which order: a
part of the dataset, another release of the parser, a source in another layout.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.digest import spell
from molbench.data.records import SMILES
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS

UNUSED = "unused"
"""Label of records that a scheme leaves out."""

_MOLECULE = ("atomic_numbers", "positions", "bonds", "structure", "is_ligand", *SMILES)
_GEOMETRY = frozenset(("positions", "bonds", *SMILES))
_BYTES = 32


def scored_columns(dataset: Dataset, schema: pa.Schema, geometry: bool = True) -> list[str]:
    """Columns of molecules and labels: what is predicted, and what it is predicted from.

    Args:
        dataset: Declares the labels.
        schema: Of the records.
        geometry: Whether positions, bonds and SMILES are among them; without, a molecule is its atoms.
    """
    labels = [*dataset.columns, *(["forces"] if dataset.forces else [])]
    apart = frozenset[str]() if geometry else _GEOMETRY
    columns = (*_MOLECULE, *sorted(labels))
    return [name for name in columns if name in schema.names and name not in apart]


def record_digests(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """SHA-256 of each record.

    Args:
        table: Records with ``id`` and ``columns``.
        columns: See :func:`scored_columns`.

    Returns:
        [n, 32] uint8.
    """
    names = ["id", *columns]
    pieces = [_Pieces.of(table.column(name).combine_chunks()) for name in names]
    # Lengths come first, so that no two records are the same bytes.
    lengths = np.stack([piece.lengths for piece in pieces], axis=1).astype("<i8").tobytes()
    width = 8 * len(pieces)
    digests = np.empty((len(table), _BYTES), dtype=np.uint8)
    for row in range(len(table)):
        state = sha256(lengths[row * width : (row + 1) * width])
        for piece in pieces:
            state.update(piece.content[piece.bounds[row] : piece.bounds[row + 1]])
        digests[row] = np.frombuffer(state.digest(), dtype=np.uint8)
    return digests


def scheme_digest(ids: pa.Array, labels: np.ndarray, digests: np.ndarray, kinds: dict[str, str]) -> str:
    """Digest of the records that a scheme uses; their order does not matter.

    Args:
        ids: Of the records, [n].
        labels: Split of each, [n]; ``unused`` records do not count.
        digests: Of each, [n, 32]; see :func:`record_digests`.
        kinds: Name and type of the columns that went into them; see :func:`spelled`.
    """
    order = pc.sort_indices(ids).to_numpy()
    used = order[labels[order] != UNUSED]
    codes = np.zeros((len(used), 1), dtype=np.uint8)
    for code, split in enumerate(SPLITS):
        codes[labels[used] == split] = code
    state = sha256(json.dumps(sorted(kinds.items())).encode())
    state.update(np.concatenate([codes, digests[used]], axis=1).tobytes())
    return state.hexdigest()


def spelled(schema: pa.Schema, columns: Sequence[str]) -> dict[str, str]:
    """Name and type of columns, without what varies between writers."""
    return {name: spell(schema.field(name).type) for name in columns}


class _Pieces:
    """Bytes of one column, cut into those of each record.

    Attributes:
        content: Values of all records one after the other, those that are missing left out.
        bounds: First byte of each record, and the end of the last, [n + 1].
        lengths: Bytes of each record, -1 where it is missing, [n].
    """

    def __init__(self, content: bytes, sizes: np.ndarray, valid: np.ndarray) -> None:
        self.content = memoryview(content)
        self.bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        self.lengths = np.where(valid, sizes, -1)

    @classmethod
    def of(cls, column: pa.Array) -> _Pieces:
        valid = np.asarray(column.is_valid())
        present, sizes = column.drop_null(), np.zeros(len(column), dtype=np.int64)
        kind = column.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts = [text.encode() for text in present.to_pylist()]
            sizes[valid] = [len(text) for text in texts]
            return cls(b"".join(texts), sizes, valid)
        values, entries = _leaves(present)
        sizes[valid] = entries * values.dtype.itemsize
        return cls(values.tobytes(), sizes, valid)


def _leaves(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Numbers at the bottom of nested lists, and how many of them each entry at the top has, [n]."""
    if not pa.types.is_nested(array.type):
        values = np.asarray(array.to_numpy(zero_copy_only=False))
        return values.astype(values.dtype.newbyteorder("<"), copy=False), np.ones(len(array), dtype=np.int64)
    values, inner = _leaves(array.flatten())
    if pa.types.is_fixed_size_list(array.type):
        lengths = np.full(len(array), array.type.list_size)
    else:
        lengths = np.asarray(pc.list_value_length(array))
    ends = np.concatenate([[0], np.cumsum(inner)])
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    return values, np.diff(ends[bounds])
