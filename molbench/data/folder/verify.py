"""Is a built dataset what its manifest says?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from molbench.data.folder.cells import cell_names
from molbench.data.folder.count import count_of, what_is_missing
from molbench.data.folder.digest import ContentDigest, assignment_digest
from molbench.data.folder.hub import config_name
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest, Part, combined_digest, file_entries, file_entry
from molbench.data.folder.scheme_digest import record_digests, scheme_digest, scored_columns, spelled
from molbench.errors import UserError
from molbench.progress import ProgressCallback
from molbench.spec.dataset import Dataset
from molbench.spec.document import read_yaml
from molbench.spec.splits import Splits

_BATCH = 4096


def verify_dataset(folder: Path, progress: ProgressCallback | None = None) -> Manifest:
    """Check every file, every id, every split and the content digest of a built folder.

    Args:
        folder: The built folder.
        progress: Told how many files have been read.

    Returns:
        The manifest, which is then known to be true.

    Raises:
        UserError: Naming every file that is missing, damaged or foreign; or if the files are those of the
            manifest but contradict each other, what is wrong with them.
    """
    manifest = Manifest.read(folder)
    problems = list(file_problems(folder, manifest, manifest.files, progress))
    expected = set(manifest.files)
    problems += [
        f"{name}: does not belong to the build" for name in sorted(set(_data_files(folder)) - expected)
    ]
    if not problems:
        dataset = read_yaml(folder / "dataset.yaml", Dataset)
        splits = read_yaml(folder / "splits.yaml", Splits)
        for subset, part in manifest.by_subset.items():
            problems += _part_problems(subset_folder(folder, subset), part, dataset)
            problems += _incomplete(subset, part, dataset, splits)
        if manifest.subsets and combined_digest(manifest.subsets) != manifest.digest:
            problems.append("manifest.json: digest is not that of the subsets")
    if problems:
        raise UserError(
            f"{folder}: damaged; build or fetch it again:\n" + "\n".join(f"  {p}" for p in problems)
        )
    return manifest


def file_problems(
    folder: Path,
    manifest: Manifest,
    names: Iterable[str],
    progress: ProgressCallback | None = None,
) -> Iterator[str]:
    """What is wrong with files, byte by byte."""
    names = list(names)
    for number, name in enumerate(names):
        path, entry = folder / name, manifest.files[name]
        if not path.is_file():
            yield f"{name}: missing"
        elif (size := path.stat().st_size) != entry.size:
            yield f"{name}: {size:,} bytes instead of {entry.size:,}"
        elif (actual := file_entry(path).sha256) != entry.sha256:
            yield f"{name}: SHA-256 is {actual}, should be {entry.sha256}"
        if progress is not None:
            progress("files", number + 1, len(names))


def _data_files(folder: Path) -> Iterator[str]:
    """Files that a glob of the card would read."""
    return (name for name in file_entries(folder) if name.endswith(".parquet"))


def _misplaced(folder: Path, order: pa.Array, labels: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Records that do not lie in the cell of their labels."""
    stored = {path.stem: pq.read_table(path, columns=["id"], partitioning=None) for path in _cells(folder)}
    ids = pa.concat_tables(stored.values()).column("id").combine_chunks()
    take = pc.index_in(order, value_set=ids)
    if take.null_count or len(ids) != len(order):
        yield f"{folder.name}: ids are not those of the splits"
        return
    lying = np.repeat(list(stored), [len(table) for table in stored.values()])[take.to_numpy()]
    if (wrong := np.flatnonzero(lying != cell_names(labels))).size:
        where, record = lying[wrong[0]], order[int(wrong[0])]
        yield f"{folder.name}/{where}.parquet: record {record} lies in the wrong cell"


def _incomplete(subset: str | None, part: Part, dataset: Dataset, splits: Splits) -> Iterator[str]:
    """Schemes that are called complete and are not."""
    count = count_of(dataset, subset, part.sources, part.records, len(part.failures))
    for name, scheme in part.schemes.items():
        declared = splits.schemes[name].content_of(subset) if name in splits.schemes else None
        if scheme.complete and count != "complete" and scheme.content != declared:
            reason = what_is_missing(dataset, subset, count, part.records)
            yield f"manifest.json: {config_name(subset, name)} is not complete: {reason}"


def _other_records(
    cells: list[Path], order: pa.Array, labels: Mapping[str, np.ndarray], part: Part, dataset: Dataset
) -> Iterator[str]:
    """Schemes that use other records than the manifest tells."""
    schema = pq.read_schema(cells[0])
    for geometry in sorted({part.schemes[name].geometry for name in labels}):
        columns = scored_columns(dataset, schema, geometry)
        digests, kinds = _record_digests(cells, order, columns), spelled(schema, columns)
        for name, column in labels.items():
            entry = part.schemes[name]
            if entry.geometry == geometry and scheme_digest(order, column, digests, kinds) != entry.content:
                yield f"splits/{name}.parquet: does not use the records that the manifest tells"


def _record_digests(cells: list[Path], order: pa.Array, columns: list[str]) -> np.ndarray:
    """Digest of each record, in the order of the ids, [n, 32]."""
    digests = np.empty((len(order), 32), dtype=np.uint8)
    for path in cells:
        stored = pq.read_table(path, columns=["id"], partitioning=None).column("id").combine_chunks()
        places, start = pc.index_in(stored, value_set=order).to_numpy(), 0
        for batch in pq.ParquetFile(path).iter_batches(_BATCH, columns=["id", *columns]):
            stop = start + len(batch)
            digests[places[start:stop]] = record_digests(pa.Table.from_batches([batch]), columns)
            start = stop
    return digests


def _cells(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _part_problems(folder: Path, part: Part, dataset: Dataset) -> Iterator[str]:
    """Contradictions between cells, splits and manifest; memory holds one column at a time."""
    cells = _cells(folder / "cells")
    schemas = {path.name: pq.read_schema(path).remove_metadata() for path in cells}
    schema = schemas[cells[0].name]
    if differing := [name for name, other in schemas.items() if not other.equals(schema)]:
        yield f"cells/{differing[0]}: columns differ from those of cells/{cells[0].name}"
        return
    records = pa.dataset.dataset([str(path) for path in cells], schema=schema, format="parquet")
    stored = records.to_table(columns=["id"]).column("id").combine_chunks()
    if len(stored) != part.records:
        yield f"cells: {len(stored):,} records, the manifest counts {part.records:,}"
    if pc.count_distinct(stored).as_py() != len(stored):
        yield "cells: an id stands twice"
        return
    splits = {name: pq.read_table(folder / "splits" / f"{name}.parquet") for name in part.schemes}
    order = next(iter(splits.values())).column("id").combine_chunks()
    take = pc.index_in(order, value_set=stored)
    if take.null_count or len(order) != len(stored):
        yield "splits: ids are not those of the cells"
        return
    labels = {}
    for name, table in splits.items():
        if not table.column("id").combine_chunks().equals(order):
            yield f"splits/{name}.parquet: ids are not in source order"
            continue
        labels[name] = table.column("split").to_numpy()
        entry = part.schemes[name]
        values, counts = np.unique(labels[name], return_counts=True)
        if dict(zip(values.tolist(), counts.tolist(), strict=True)) != entry.counts:
            yield f"splits/{name}.parquet: counts are not those of the manifest"
        if assignment_digest(order.to_pylist(), labels[name].tolist()) != entry.digest:
            yield f"splits/{name}.parquet: digest is not that of the manifest"
    if len(labels) == len(splits):
        yield from _other_records(cells, order, labels, part, dataset)
        for name, schemes in part.cell_folders.items():
            yield from _misplaced(folder / name, order, {scheme: labels[scheme] for scheme in schemes})
    digest = ContentDigest(schema)
    for name in schema.names:
        column = records.to_table(columns=[name]).column(name).combine_chunks()
        digest.update(pa.table({name: column.take(take)}))
    if digest.hexdigest() != part.digest:
        yield "cells: content digest is not that of the manifest"
