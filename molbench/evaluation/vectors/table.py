"""A table of vectors, one a record or one a molecule, as somebody may have written it."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.arguments import require_file
from molbench.chem.inchikeys import canonical_smiles, inchikey
from molbench.errors import UserError, error_line, quoted

Key = Literal["id", "smiles", "inchikey"]
KEYS: tuple[Key, ...] = ("id", "smiles", "inchikey")
_MAX_BYTES = 64 << 30


@dataclass(frozen=True, eq=False)
class VectorTable:
    """Vectors under names.

    Attributes:
        path: The file.
        key: What the names are: ids of records, or SMILES or InChIKeys of molecules.
        names: The names, [m].
        datasets: Which dataset each id is of, ``xtb-dynamics/ethanol`` for a subset, [m]; None where the file
            does not say.
        vectors: One row a name, [m, F] float32.
    """

    path: Path
    key: Key
    names: list[str]
    datasets: list[str] | None
    vectors: np.ndarray

    @classmethod
    def read(cls, path: Path) -> VectorTable:
        """Read a ``.parquet`` or ``.npz`` file.

        Parquet has a column ``id``, ``smiles`` or ``inchikey``, for ids perhaps ``dataset``, and a column
        ``vector`` of lists; an archive has arrays of these names, ``vector`` with two dimensions.

        Raises:
            UserError: If it is missing, damaged, or holds no vectors of one length under different names.
        """
        require_file(path)
        if path.suffix not in {".parquet", ".npz"}:
            raise UserError(f"{path}: a table of vectors is named *.parquet or *.npz")
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path}: larger than {_MAX_BYTES >> 30} GiB: not a table of vectors")
        try:
            columns = _parquet(path) if path.suffix == ".parquet" else _archive(path)
        except (pa.ArrowException, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(f"{path}: cannot be read: {error_line(error)}") from error
        keys = [key for key in KEYS if key in columns]
        if len(keys) != 1 or "vector" not in columns:
            given = ", ".join(map(quoted, columns)) or "nothing"
            raise UserError(
                f"{path}: a table of vectors has 'vector' and one of {', '.join(KEYS)}; this has {given}"
            )
        names, datasets = _texts(path, keys[0], columns), None
        if keys[0] == "id" and "dataset" in columns:
            datasets = _texts(path, "dataset", columns)
        table = cls(path, keys[0], names, datasets, _matrix(path, names, columns["vector"]))
        table._refuse_doubles()
        return table

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names and vectors, in whatever order they stand."""
        order = np.argsort(np.array(self._keys))
        hasher = sha256(f"{self.key}\n{self.vectors.shape[1]}\n".encode())
        for row in order:
            hasher.update(f"{self._keys[row]}\n".encode())
        hasher.update(np.ascontiguousarray(self.vectors[order]).tobytes())
        return hasher.hexdigest()

    @cached_property
    def _keys(self) -> list[str]:
        if self.datasets is None:
            return self.names
        return [f"{dataset}\t{name}" for dataset, name in zip(self.datasets, self.names, strict=True)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self._keys)}

    def knows(self, dataset: str) -> bool:
        """Whether it may have vectors of a dataset."""
        return self.datasets is None or dataset in self.datasets

    def rows_of_ids(self, dataset: str, ids: Sequence[str]) -> np.ndarray:
        """Row of each record, -1 where there is none, [n] int64."""
        if self.datasets is not None:
            ids = [f"{dataset}\t{name}" for name in ids]
        return np.array([self._places.get(name, -1) for name in ids], dtype=np.int64)

    def rows_of_molecules(
        self, smiles: Sequence[str | None], inchikeys: Sequence[str | None] | None
    ) -> np.ndarray:
        """Row of each molecule, -1 where there is none, [n] int64.

        A SMILES that is not in the table as it is written is looked for as RDKit writes it.

        Args:
            smiles: Of the molecules.
            inchikeys: Of the same, where they are known already.
        """
        if self.key == "inchikey":
            names = inchikeys if inchikeys is not None else [inchikey(text) for text in smiles]
            return np.array([self._places.get(name or "", -1) for name in names], dtype=np.int64)
        rows = np.array([self._places.get(text or "", -1) for text in smiles], dtype=np.int64)
        for row in np.flatnonzero(rows < 0).tolist():
            rows[row] = self._by_canonical.get(canonical_smiles(smiles[row]) or "", -1)
        return rows

    @cached_property
    def _by_canonical(self) -> dict[str, int]:
        written = {canonical_smiles(name): row for row, name in enumerate(self.names)}
        return {name: row for name, row in written.items() if name}

    def _refuse_doubles(self) -> None:
        if len(self._places) == len(self._keys):
            return
        row = next(row for row, key in enumerate(self._keys) if self._places[key] != row)
        raise UserError(
            f"{self.path}: {self.key} {quoted(self.names[row])} has two vectors, in rows {row} and "
            f"{self._places[self._keys[row]]}"
        )


def _parquet(path: Path) -> dict[str, pa.ChunkedArray]:
    with pq.ParquetFile(path) as file:
        names = [name for name in (*KEYS, "dataset", "vector") if name in file.schema_arrow.names]
        table = file.read(columns=names)
    return {name: table.column(name) for name in names}


def _archive(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in (*KEYS, "dataset", "vector") if name in stored.files}


def _texts(path: Path, name: str, columns: dict[str, pa.ChunkedArray] | dict[str, np.ndarray]) -> list[str]:
    column = columns[name]
    values = np.atleast_1d(column).tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    texts = [str(value) if type(value) is int else value for value in values]  # ids may be digits alone
    for row, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            raise UserError(
                f"{path}, row {row}, '{name}': {quoted(text)} is no text; `molbench embed` writes such tables"
            )
    return texts


def _matrix(path: Path, names: list[str], column: pa.ChunkedArray | np.ndarray) -> np.ndarray:
    if not isinstance(column, np.ndarray):
        column = _of_lists(path, column)
    if column.dtype.kind not in "fiu":
        raise UserError(f"{path}: 'vector' holds {column.dtype}; real numbers are needed")
    if column.ndim != 2 or not column.size:
        raise UserError(f"{path}: 'vector' has the shape {column.shape}; one row of numbers a name is needed")
    if len(column) != len(names):
        raise UserError(f"{path}: {len(column)} vectors under {len(names)} names")
    with np.errstate(over="ignore"):  # what single precision does not hold is named below
        vectors = column.astype(np.float32)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise UserError(f"{path}, row {row}: the vector of {quoted(names[row])} is not finite")
    return vectors


def _of_lists(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    whole = column.combine_chunks()
    kind = whole.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    numeric = lists and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))
    if not numeric or whole.null_count:
        raise UserError(f"{path}: 'vector' is no column of lists of numbers, none of them missing")
    sizes = whole.value_lengths().to_numpy(zero_copy_only=False)
    if sizes.size and (sizes != sizes[0]).any():
        row = int(np.flatnonzero(sizes != sizes[0])[0])
        raise UserError(f"{path}, row {row}: {sizes[row]} numbers where row 0 has {sizes[0]}")
    values: np.ndarray = whole.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(whole), -1) if len(whole) else values.reshape(0, 0)
