"""The split schemes of one part of a dataset: drawn, checked against their declaration, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.build.splits import assign
from molbench.data.build.splits.expand import expand
from molbench.data.folder.digest import assignment_digest
from molbench.data.folder.manifest import Count, SchemeEntry
from molbench.errors import UserError
from molbench.spec.splits import SPLITS, Splits

Labels = dict[str, np.ndarray]
"""Scheme to the split of each record."""


def named_columns(splits: Splits, schema: pa.Schema) -> list[str]:
    """Columns that a parameter of a scheme names."""
    values = [value for scheme in splits.schemes.values() for value in scheme.parameters.values()]
    return [name for name in schema.names if name in values]


def draw_schemes(
    splits: Splits,
    subset: str | None,
    keys: pa.Table,
    partial: bool,
    *,
    files: Mapping[str, Path],
    folder: Path,
) -> tuple[Labels, dict[str, str]]:
    """Labels of every scheme that can be drawn, and why the others cannot.

    Args:
        splits: Declared schemes.
        subset: Part of the dataset, or None.
        keys: What schemes look at of each record.
        partial: Whether records are known to be missing, so that a scheme may be left out.
        files: Raw files by source key.
        folder: Where the dataset is declared.

    Raises:
        UserError: If a scheme of another part cannot be drawn.
    """
    labels, left_out = {}, {}
    for name, scheme in expand(splits.schemes).items():
        if not scheme.applies_to(subset):
            continue
        if scheme.complete and partial:
            left_out[name] = "defined on the complete dataset only"
            continue
        try:
            labels[name] = assign(scheme, keys, files=files, partial=partial, folder=folder)
        except UserError as error:
            if not partial and not scheme.optional:
                raise UserError(f"split scheme '{name}': {error}") from error
            left_out[name] = str(error)
    return labels, left_out


class Content(NamedTuple):
    """The records that a scheme uses.

    Attributes:
        digest: See :mod:`~molbench.data.folder.scheme_digest`.
        geometry: Whether it covers positions, bonds and SMILES.
        complete: Whether they are all that the scheme has.
    """

    digest: str
    geometry: bool
    complete: bool


def contents_of(
    splits: Splits, subset: str | None, digests: Mapping[str, str], count: Count
) -> dict[str, Content]:
    """What each scheme uses: all that it has in a complete part, or where it has the declared digest.

    Args:
        splits: Declared schemes.
        subset: Part of the dataset, or None.
        digests: Digest of the records that each scheme uses.
        count: Whether the part is complete.
    """
    schemes = expand(splits.schemes)
    return {
        name: Content(
            digest,
            schemes[name].geometry,
            complete=count == "complete" or digest == schemes[name].content_of(subset),
        )
        for name, digest in digests.items()
    }


def write_schemes(
    folder: Path,
    ids: pa.ChunkedArray,
    labels: Labels,
    cell_folders: Mapping[str, Sequence[str]],
    contents: Mapping[str, Content],
) -> dict[str, SchemeEntry]:
    """Write one Parquet file a scheme.

    Args:
        folder: Folder to make.
        ids: Of the records, [n].
        labels: Of the schemes.
        cell_folders: Folder of cells to the schemes that they divide.
        contents: The records that each uses.

    Returns:
        What the manifest says of each scheme.
    """
    folder.mkdir(parents=True)
    lying = {name: cells for cells, schemes in cell_folders.items() for name in schemes}
    entries = {}
    for name, column in labels.items():
        table = pa.table({"id": ids, "split": pa.array(column, pa.string())})
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=9)
        values, counts = np.unique(column, return_counts=True)
        count_of = dict(zip(values.tolist(), counts.tolist(), strict=True))
        entries[name] = SchemeEntry(
            digest=assignment_digest(ids.to_pylist(), column.tolist()),
            content=contents[name].digest,
            geometry=contents[name].geometry,
            complete=contents[name].complete,
            counts={label: count_of[label] for label in (*SPLITS, "unused") if label in count_of},
            cells=lying[name],
        )
    return entries


def check_digests(where: str, splits: Splits, subset: str | None, entries: Mapping[str, SchemeEntry]) -> None:
    """Compare the schemes of a complete part with their declared digests.

    Raises:
        UserError: If one is another.
    """
    schemes = expand(splits.schemes)
    for name, entry in entries.items():
        scheme = schemes[name]
        pairs = ((entry.digest, scheme.digest_of(subset)), (entry.content, scheme.content_of(subset)))
        for actual, declared in pairs:
            if declared is not None and actual != declared:
                raise UserError(
                    f"{where}: split scheme '{name}' came out as {actual}, splits.yaml declares "
                    f"{declared}: the records or their order are not those it was made for"
                )
