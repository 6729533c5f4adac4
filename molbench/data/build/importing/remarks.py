"""What is worth knowing of a table that was imported, and is no fault of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.columns import read_columns
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.record_identity import COLUMNS, identity_keys
from molbench.spec.catalogue import DatasetEntry
from molbench.spec.dataset import Dataset


def remarks(folder: Path) -> list[str]:
    """Labels that records lack, and of a table what stands in it more than once, a line each.

    Args:
        folder: An imported dataset.
    """
    manifest = Manifest.read(folder)
    dataset = DatasetEntry(manifest.dataset_id, folder).dataset
    columns = [*COLUMNS[dataset.identity], *dataset.targets]
    table = read_columns(folder, manifest.part(None), columns)
    lines = [
        f"{name}: {missing:,} of {len(table):,} records have no value; they are left out of its task"
        for name in dataset.targets
        if (missing := table.column(name).null_count)
    ]
    # Conformations and frames of one molecule are what files of structures are there for.
    return lines + ([*_repeats(table, dataset)] if dataset.parser == "labelled-table" else [])


def _repeats(table: pa.Table, dataset: Dataset) -> Iterator[str]:
    keys = identity_keys(table, dataset.identity, ordered=dataset.ordered)
    codes = pc.dictionary_encode(keys).indices.fill_null(-1).to_numpy()
    known = codes >= 0
    counts = np.bincount(codes[known])
    if not (counts > 1).any():
        return
    what = "pairs" if dataset.identity == "pair" else "molecules"
    spreads = [
        f"{name} by up to {spread:.3g} {target.unit}".removesuffix(" 1")
        for name, target in dataset.targets.items()
        if (spread := _spread(codes, table.column(name)))
    ]
    differ = f", whose labels differ: {', '.join(spreads)}" if spreads else ""
    yield (
        f"{(counts > 1).sum():,} {what} are there more than once, stereochemistry aside: "
        f"{counts[counts > 1].sum():,} records{differ}"
    )


def _spread(codes: np.ndarray, column: pa.ChunkedArray) -> float:
    """Largest difference of the labels of one thing; 0 where there are no two."""
    values = column.to_numpy().astype(np.float64)
    there = (codes >= 0) & np.isfinite(values)
    highest = np.full(codes.max() + 1, -np.inf)
    lowest = -highest
    np.maximum.at(highest, codes[there], values[there])
    np.minimum.at(lowest, codes[there], values[there])
    known = np.isfinite(highest)
    return float((highest[known] - lowest[known]).max(initial=0.0))
