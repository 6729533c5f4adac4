"""The training reader: whole batches sliced out of memory-mapped Arrow buffers.

A built dataset keeps its records in Parquet cells, one a combination of split labels. For training they are
laid once into a single Arrow IPC record batch in source order, kept under its content digest in
``$MOLBENCH_HOME/stores`` and rebuildable at any time; the dataset itself is never written to.
Its buffers are memory-mapped, so opening costs nothing and a batch is one vectorised gather a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest
from molbench.data.read.layout import checked_labels, laid_out, refuse_unequal, used_records_digest
from molbench.data.records import RECORD_KINDS
from molbench.data.records.atom_index import AtomIndex
from molbench.data.records.base import RecordKind
from molbench.errors import UserError, meant
from molbench.graph.molecules import MoleculeBatch
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

    Examples:
        >>> import molbench
        >>> entry = molbench.Catalogue.load().dataset("xtb-molecules")
        >>> store = molbench.Store.open(entry.folder)
        >>> batch = store.batch(store.rows("random", "test")[:8], targets=["gap"])
        >>> batch.num_graphs, batch.targets["gap"].shape
        (8, torch.Size([8]))
    """

    def __init__(self, folder: Path, subset: str | None, manifest: Manifest, table: pa.RecordBatch) -> None:
        self.folder = folder
        self.subset = subset
        self.manifest = manifest
        self.table = table
        self.subset_folder = subset_folder(folder, subset)
        self._targets: dict[str, np.ndarray] = {}
        self._checked: set[str] = set()

    @classmethod
    def open(cls, folder: str | Path, subset: str | None = None) -> Store:
        """Open a built dataset, laying out its record batch on first use.

        Raises:
            UserError: If the folder is not a built dataset, ``subset`` is missing or unknown, or the records
                are not those that its manifest tells.
        """
        folder = Path(folder)
        manifest = Manifest.read(folder)
        refuse_unequal(folder, manifest)
        table = laid_out(folder, subset, manifest)
        if table.num_rows != (count := manifest.part(subset).records):
            raise UserError(
                f"{folder}: {table.num_rows:,} records, its manifest counts {count:,}: damaged; build or "
                "fetch it again"
            )
        return cls(folder, subset, manifest, table)

    def __repr__(self) -> str:
        part = f"/{self.subset}" if self.subset else ""
        return f"<Store: {self.dataset_id}{part}, {len(self):,} records>"

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def dataset(self) -> Dataset:
        """The declaration."""
        return read_yaml(self.folder / "dataset.yaml", Dataset)

    @cached_property
    def record(self) -> RecordKind:
        """What a record is.

        Raises:
            UserError: If there are no columns of such records.
        """
        kind = RECORD_KINDS[self.dataset.record]
        if missing := [name for name in kind.required if name not in self.table.schema.names]:
            raise UserError(
                f"{self.subset_folder}: dataset.yaml says that a record is a {kind.name}, and there is no "
                f"column {', '.join(missing)}: damaged; see `molbench data verify`"
            )
        return kind

    @property
    def ordered(self) -> bool:
        """Whether it matters which molecule of a record comes first."""
        return self.dataset.ordered

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
        return self.record.atom_index(self.table, self.subset_folder)

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
            UserError: If the build lacks the scheme, the scheme the split, or its file is another.
        """
        path = self.subset_folder / "splits" / f"{scheme}.parquet"
        built = sorted(self.manifest.part(self.subset).schemes)
        if scheme not in built or not path.is_file():
            raise UserError(
                f"{self.dataset_id}: no split scheme '{scheme}' in this build{meant(scheme, built)}; it has: "
                f"{', '.join(built)}"
            )
        labels = self._labels(scheme, path)
        rows = np.flatnonzero(pc.equal(labels, split).to_numpy(zero_copy_only=False))
        if rows.size == 0:
            known = sorted(pc.unique(labels).to_pylist())
            hint = meant(split, known)
            raise UserError(
                f"{self.dataset_id}@{scheme}: no split '{split}'{hint}; it has: {', '.join(known)}"
            )
        return rows

    def _labels(self, scheme: str, path: Path) -> pa.ChunkedArray:
        """Split of each record, once both are known to be those that the manifest tells."""
        entry = self.manifest.part(self.subset).schemes[scheme]
        labels = checked_labels(path, entry.digest)
        if scheme not in self._checked:
            splits = np.array(labels.to_pylist())  # their own `to_numpy` imports pandas
            content = used_records_digest(self.table, self.dataset, self.digest, splits, entry.geometry)
            if content != entry.content:
                raise UserError(
                    f"{path}: the records that it uses are not those that the manifest tells; "
                    "build or fetch the dataset again"
                )
            self._checked.add(scheme)
        return labels

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
