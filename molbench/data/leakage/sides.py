"""A training split that streams past, and a test split that is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.columns import part_columns, read_split, stream_columns
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, Part
from molbench.data.leakage.matrix import Side
from molbench.errors import UserError, meant
from molbench.spec.catalogue import DatasetEntry, TaskRef
from molbench.spec.dataset import Dataset

_ROWS = 16_384


class Split:
    """One split of a built dataset.

    Attributes:
        side: Its name and digests.
        dataset: The declaration.
        columns: Columns of its records.
        ids: Ids of its records; None where they are all.
    """

    def __init__(self, folder: Path, part: Part, side: Side, dataset: Dataset, ids: pa.Array | None) -> None:
        self.side = side
        self.dataset = dataset
        self.columns = part_columns(folder, part)
        self.ids = ids
        self._folder, self._part = folder, part

    def stream(self, columns: Sequence[str], rows: int = _ROWS) -> Iterator[pa.Table]:
        """Some columns of the records of the split, piece by piece."""
        start = 0
        for table in stream_columns(self._folder, self._part, columns or ["id"], rows):
            yield table if self._inside is None else table.filter(self._inside.slice(start, len(table)))
            start += len(table)

    @cached_property
    def _inside(self) -> pa.ChunkedArray | None:
        """Whether each record is in the split, in the order of the cells."""
        if self.ids is None:
            return None
        return pc.is_in(self.whole(["id"]).column("id"), self.ids)

    def whole(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of all records, inside the split or not, in the order of the cells."""
        return pa.concat_tables(stream_columns(self._folder, self._part, columns, _ROWS))


def corpus(folder: Path, subset: str | None, scheme: str | None) -> Split:
    """The training split of a built dataset.

    Args:
        folder: The built dataset.
        subset: Part of it, where it has parts.
        scheme: Split scheme; the first by default.

    Raises:
        UserError: If there is no such subset or scheme.
    """
    manifest = Manifest.read(folder)
    scheme = scheme or next(iter(manifest.part(subset).schemes))
    return _split(folder, subset, scheme, "train")


def all_records(folder: Path, subset: str | None) -> Split:
    """All records of a built dataset.

    Raises:
        UserError: If there is no such subset.
    """
    manifest = Manifest.read(folder)
    return _split(folder, subset, next(iter(manifest.part(subset).schemes)), None)


def tested(task: TaskRef) -> Split:
    """What a task tests on; all records where it is a cross-validation, since each is in test once.

    Raises:
        UserError: If the dataset is not built, or lacks the subset or scheme.
    """
    if task.folder is None:
        raise UserError(
            f"{task.id}: dataset '{task.entry.id}' is not built here; run "
            f"`molbench data build {task.entry.id}`"
        )
    if task.scheme.folds[0] and task.fold is None:
        return _split(task.folder, task.subset, task.scheme_name, None)
    return _split(task.folder, task.subset, task.split_name, "test")


def _split(folder: Path, subset: str | None, scheme: str, split: str | None) -> Split:
    """A split, or all records for None."""
    manifest = Manifest.read(folder)
    part = manifest.part(subset)
    where = subset_folder(folder, subset)
    ids = None
    records, digest = part.records, part.digest
    if split is not None:
        if scheme not in part.schemes:
            hint, known = meant(scheme, part.schemes), ", ".join(part.schemes)
            raise UserError(
                f"{manifest.dataset_id}: no split scheme '{scheme}' in this build{hint}; it has: {known}"
            )
        entry = part.schemes[scheme]
        records, digest = entry.counts.get(split, 0), entry.digest
        if records < part.records:
            table = read_split(where, scheme)
            ids = table.filter(pc.equal(table.column("split"), split)).column("id").combine_chunks()
    side = Side(
        dataset=manifest.dataset_id,
        subset=subset,
        scheme=scheme,
        digest=part.digest,
        split_digest=digest,
        records=records,
    )
    return Split(where, part, side, DatasetEntry(manifest.dataset_id, folder).dataset, ids)
