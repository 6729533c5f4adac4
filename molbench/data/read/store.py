"""The training reader: whole batches sliced out of memory-mapped Arrow buffers.

A built dataset keeps its records in Parquet cells, one a combination of split labels. For training they are
laid once into a single Arrow IPC record batch in source order, kept under its content digest in
``$MOLBENCH_HOME/stores`` and rebuildable at any time; the dataset itself is never written to.
Its buffers are memory-mapped, so opening costs nothing and a batch is one vectorised gather a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq
import torch

from molbench.atomic import replace_file
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, file_entry
from molbench.data.read.atom_index import AtomIndex
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.paths import home
from molbench.spec.dataset import Dataset
from molbench.spec.document import read_yaml

Rows = Sequence[int] | np.ndarray


class Store:
    """Random access to the records of one built dataset, or of one of its subsets.

    Attributes:
        folder: The built dataset.
        subset: Which of its subsets is open, or None where it has none.
        subset_folder: Where the subset lies, which is the dataset's folder where it has none.
        manifest: What was built.
        table: All columns in source order, memory-mapped.
    """

    def __init__(self, folder: Path, subset: str | None, manifest: Manifest, table: pa.RecordBatch) -> None:
        self.folder = folder
        self.subset = subset
        self.manifest = manifest
        self.table = table
        self.subset_folder = subset_folder(folder, subset)
        self._targets: dict[str, np.ndarray] = {}

    @classmethod
    def open(cls, folder: Path, subset: str | None = None) -> Store:
        """Open a built dataset, laying out its record batch on first use.

        Raises:
            UserError: If the folder is not a built dataset, or ``subset`` is missing or unknown.
        """
        manifest = Manifest.read(folder)
        digest = manifest.part(subset).digest
        # Hashed, because the manifest may be a stranger's and the name becomes part of a path.
        path = home() / "stores" / f"{sha256(digest.encode()).hexdigest()}.arrow"
        table = _map(path, digest)
        if table is None:
            where = subset_folder(folder, subset)
            _refuse_damage(folder, where, manifest)
            lay_out(where, path, digest)
            table = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        return cls(folder, subset, manifest, table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def ordered(self) -> bool:
        """Whether it matters which molecule of a record comes first."""
        return read_yaml(self.folder / "dataset.yaml", Dataset).ordered

    def molecule_batches(self, batch_size: int) -> Iterator[MoleculeBatch]:
        """Every different molecule once, in the numbering of ``atom_index.index``."""
        distinct = self.atom_index.distinct
        for start in range(0, len(distinct.starts), batch_size):
            stop = min(start + batch_size, len(distinct.starts))
            yield MoleculeBatch(**distinct.gather(np.arange(start, stop), forces=False))

    @property
    def dataset_id(self) -> str:
        """Name of the dataset, ``-partial`` behind it where records are missing."""
        return self.manifest.dataset_id

    @property
    def digest(self) -> str:
        """Content digest of the records."""
        return self.manifest.part(self.subset).digest

    @property
    def ids(self) -> pa.Array:
        """The source's own record ids, in source order."""
        return self.column("id")

    @cached_property
    def atom_index(self) -> AtomIndex:
        """Where the atoms of each record lie."""
        if "a_smiles" not in self.table.schema.names:
            return AtomIndex.of_records(self.table)
        columns = ["smiles", "atomic_numbers", "positions", "bonds"]
        molecules = pq.read_table(self.subset_folder / "molecules.parquet", columns=columns).combine_chunks()
        return AtomIndex.of_pairs(self.table, molecules.to_batches()[0])

    @property
    def sizes(self) -> np.ndarray:
        """Atoms of each record, [n] int64."""
        sizes: np.ndarray = self.atom_index.sizes.sum(axis=1)
        return sizes

    @property
    def molecules_per_record(self) -> int:
        """P, 2 for pairs and for a ligand in two structures."""
        return self.atom_index.molecules_per_record

    def column(self, name: str) -> pa.Array:
        """One column in source order.

        Raises:
            UserError: If there is none of that name.
        """
        if name not in self.table.schema.names:
            raise UserError(
                f"{self.subset_folder}: no column '{name}'; columns: {', '.join(self.table.schema.names)}"
            )
        return self.table.column(name)

    def target(self, name: str) -> np.ndarray:
        """Labels in the dataset's unit, NaN where missing: [n] float64, or spectra [n, points] float32."""
        if name not in self._targets:
            column = self.column(name)
            if pa.types.is_fixed_size_list(column.type):
                values = column.values.to_numpy(zero_copy_only=False).reshape(len(column), -1)
                known = np.asarray(column.is_valid())
                self._targets[name] = values if known.all() else np.where(known[:, None], values, np.nan)
            else:
                self._targets[name] = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
        return self._targets[name]

    def rows(self, scheme: str, split: str) -> np.ndarray:
        """Rows of one split, ascending, [m] int64.

        Raises:
            UserError: If the build lacks the scheme, or the scheme the split.
        """
        path = self.subset_folder / "splits" / f"{scheme}.parquet"
        if not path.is_file():
            built = sorted(p.stem for p in path.parent.glob("*.parquet"))
            raise UserError(
                f"{self.dataset_id}: no split scheme '{scheme}' in this build; it has: {', '.join(built)}"
            )
        labels = pq.read_table(path, columns=["split"]).column("split")
        found = np.flatnonzero(pc.equal(labels, split).to_numpy(zero_copy_only=False))
        if found.size == 0:
            known = ", ".join(sorted(pc.unique(labels).to_pylist()))
            raise UserError(f"{self.dataset_id}@{scheme}: no split '{split}'; it has: {known}")
        return found

    def batch(self, rows: Rows, targets: Sequence[str] = (), forces: bool = False) -> MoleculeBatch:
        """Gather records into one batch.

        Args:
            rows: Row numbers, [B], in the order wanted.
            targets: Columns to carry along as float64.
            forces: Whether to carry the forces.
        """
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        atoms = self.atom_index
        if forces and atoms.forces is None:
            raise UserError(f"{self.dataset_id}: records carry no forces")
        return MoleculeBatch(
            **atoms.gather(rows, forces=forces),
            targets={name: torch.from_numpy(self.target(name)[rows]) for name in targets},
            rows=torch.from_numpy(rows),
        )


def lay_out(folder: Path, path: Path, digest: str) -> None:
    """Write the records below ``folder`` to ``path`` as one Arrow record batch in source order.

    Columns are gathered one after the other and parked on disk until the batch is written from their mapped
    pages, so that memory holds one column at a time and never the dataset.
    """
    cells = sorted((folder / "cells").glob("*.parquet"))
    schemes = sorted((folder / "splits").glob("*.parquet"))
    if not cells or not schemes:
        raise UserError(f"{folder}: no cells or no splits: the build is damaged; see `molbench data verify`")
    order = pq.read_table(schemes[0], columns=["id"]).column("id").combine_chunks()
    take = pc.index_in(order, value_set=_column(cells, "id"))
    if take.null_count or len(pc.unique(take)) != sum(pq.read_metadata(cell).num_rows for cell in cells):
        raise UserError(f"{folder}: ids of cells and splits disagree: damaged; see `molbench data verify`")
    schema = pq.read_schema(cells[0]).with_metadata({b"digest": digest.encode()})
    with replace_file(path) as temporary, TemporaryDirectory(dir=path.parent, prefix=".store.") as parking:
        columns = [
            _park(_column(cells, name).take(take), Path(parking) / str(i))
            for i, name in enumerate(schema.names)
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        with pa.ipc.new_file(str(temporary), schema) as writer:
            writer.write_batch(batch)


def _column(cells: list[Path], name: str) -> pa.Array:
    return pa.concat_arrays(
        [
            chunk
            for cell in cells
            for chunk in pq.read_table(cell, columns=[name], partitioning=None).column(0).chunks
        ]
    )


def _park(column: pa.Array, path: Path) -> pa.Array:
    batch = pa.record_batch([column], names=["column"])
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0).column(0)


def _refuse_damage(folder: Path, subset: Path, manifest: Manifest) -> None:
    """Parquet readers do not notice a flipped bit: compare every file with the manifest before it is used."""
    for path in sorted(
        file for kind in ("cells/*", "splits/*", "molecules") for file in subset.glob(f"{kind}.parquet")
    ):
        if file_entry(path) != manifest.files.get(path.relative_to(folder).as_posix()):
            raise UserError(f"{path}: damaged, it is not the file that was built; build or fetch it again")


def _map(path: Path, digest: str) -> pa.RecordBatch | None:
    """The mapped record batch, or None where the file is absent or made from other records."""
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    if (reader.schema.metadata or {}).get(b"digest") != digest.encode():
        return None
    return reader.get_batch(0)
