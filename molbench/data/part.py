"""Building one part of a dataset: the whole of it, or one subset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.cells import CellSpool, cell_names
from molbench.data.digest import ContentDigest
from molbench.data.keys import key_table, repeated
from molbench.data.manifest import FailureEntry, Part, SchemeEntry, SourceEntry, file_entry
from molbench.data.parsers.base import PARSERS
from molbench.data.records import Progress, RecordBuilder, built_schema, parse, read_records
from molbench.data.splits import assign, assignment_digest
from molbench.errors import UserError
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS, Splits

_NAMED_FAILURES = 5
_SHARDS_PER_PROCESS = 4


def build_part(
    dataset: Dataset,
    splits: Splits,
    subset: str | None,
    files: Mapping[str, Path],
    *,
    scratch: Path,
    target: Path,
    allow_partial: bool,
    num_proc: int,
    level: int,
    progress: Progress | None,
) -> Part:
    """Parse raw files and write the cells and splits of one part.

    Args:
        dataset: The declaration.
        splits: Its split schemes.
        subset: Which subset, or None.
        files: Raw files by source key.
        scratch: Empty folder for intermediate files.
        target: Folder that receives ``cells/`` and ``splits/``.
        allow_partial: Whether records may be missing.
        num_proc: Number of processes.
        level: Zstandard level of the cells.
        progress: Told how far the work is.

    Raises:
        UserError: If the raw files are wrong, too many records fail, records are missing, or a split scheme
            comes out other than declared.
    """
    sources = {
        key: SourceEntry(filename=path.name, **file_entry(path).model_dump())
        for key, path in sorted(files.items())
    }
    parser = PARSERS[dataset.parser]
    options = dataset.subset_options(subset)
    schema = built_schema(parser.schema(options))
    _check_columns(dataset, schema)
    for name in ("side", "spool", "arrow"):
        (scratch / name).mkdir()
    shards = parser.shards(files, options, num_proc * _SHARDS_PER_PROCESS)
    builder = RecordBuilder(
        shards=shards,
        schema=schema,
        side=scratch / "side",
        max_failures=dataset.max_failures,
        cache_dir=str(scratch / "arrow"),
        dataset_name=dataset.name.replace("-", "_"),
        hash=_input_digest(sources, options),
    )
    arrow, failures = parse(builder, num_proc=min(num_proc, len(shards)), progress=progress)
    where = f"{dataset.name}{'/' + subset if subset else ''}"
    if not any(len(table) for table in read_records(arrow, ["id"])):
        raise UserError(f"{where}: no record could be read{_first(failures)}")
    keys = key_table(read_records(arrow))
    keep, repeats = repeated(keys.column("id"))
    failures += repeats
    if len(failures) > dataset.max_failures:
        raise UserError(
            f"{where}: {len(failures):,} records failed, {dataset.max_failures} may "
            f"(max_failures in dataset.yaml){_first(failures)}"
        )
    keys = keys.filter(pa.array(keep))
    partial = _is_partial(where, len(keys), len(failures), dataset.subset_records(subset), allow_partial)
    labels, left_out = _assign(splits, subset, keys, files, partial)
    entries = _write_splits(target / "splits", keys.column("id"), labels)
    _check_digests(where, splits, subset, entries, partial)

    names = cell_names(labels)
    digest, spool = ContentDigest(schema), CellSpool(scratch / "spool", schema)
    start = done = 0
    for table in read_records(arrow):
        kept = table.filter(pa.array(keep[start : start + len(table)]))
        start += len(table)
        digest.update(kept)
        spool.add(kept, names[done : done + len(kept)])
        done += len(kept)
        if progress is not None:
            progress("cells", done, names.size)
    spool.write(target / "cells", level)
    return Part(
        records=names.size,
        digest=digest.hexdigest(),
        bytes=digest.size,
        partial=partial,
        schemes=entries,
        left_out=left_out,
        failures=failures,
        sources=sources,
    )


def _check_columns(dataset: Dataset, schema: pa.Schema) -> None:
    declared = [*dataset.targets, *(["forces"] if dataset.forces else [])]
    if missing := [name for name in declared if name not in schema.names]:
        raise UserError(
            f"{dataset.name}: dataset.yaml declares {', '.join(missing)}, but parser '{dataset.parser}' "
            f"yields the columns {', '.join(schema.names)}"
        )


def _input_digest(sources: Mapping[str, SourceEntry], options: Mapping[str, object]) -> str:
    content = {key: entry.sha256 for key, entry in sources.items()}
    return sha256(json.dumps([content, options], sort_keys=True, default=str).encode()).hexdigest()


def _is_partial(where: str, records: int, failed: int, complete: int | None, allow: bool) -> bool:
    if complete is None or records + failed == complete:
        return False
    if records + failed > complete:
        raise UserError(
            f"{where}: {records + failed:,} records, but dataset.yaml declares {complete:,}: other data"
        )
    if not allow:
        raise UserError(
            f"{where}: {records:,} of {complete:,} records are there; a build of fewer is a dataset of "
            f"its own, '{where.partition('/')[0]}-partial': ask for it with --allow-partial"
        )
    return True


def _assign(
    splits: Splits, subset: str | None, keys: pa.Table, files: Mapping[str, Path], partial: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Labels of every scheme that can be drawn, and why the others cannot."""
    labels, left_out = {}, {}
    for name, scheme in splits.schemes.items():
        if not scheme.applies_to(subset):
            continue
        if scheme.complete and partial:
            left_out[name] = "defined on the complete dataset only"
            continue
        try:
            labels[name] = assign(scheme, keys, files=files)
        except UserError as error:
            if not partial:
                raise UserError(f"split scheme '{name}': {error}") from error
            left_out[name] = str(error)
    return labels, left_out


def _write_splits(
    folder: Path, ids: pa.ChunkedArray, labels: Mapping[str, np.ndarray]
) -> dict[str, SchemeEntry]:
    folder.mkdir(parents=True)
    entries = {}
    for name, column in labels.items():
        table = pa.table({"id": ids, "split": pa.array(column, pa.string())})
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=9)
        values, counts = np.unique(column, return_counts=True)
        found = dict(zip(values.tolist(), counts.tolist(), strict=True))
        entries[name] = SchemeEntry(
            digest=assignment_digest(ids.to_pylist(), column.tolist()),
            counts={label: found[label] for label in (*SPLITS, "unused") if label in found},
        )
    return entries


def _check_digests(
    where: str, splits: Splits, subset: str | None, entries: Mapping[str, SchemeEntry], partial: bool
) -> None:
    for name, entry in entries.items():
        declared = splits.schemes[name].digest_of(subset)
        if declared is not None and not partial and entry.digest != declared:
            raise UserError(
                f"{where}: split scheme '{name}' came out as {entry.digest}, splits.yaml declares "
                f"{declared}: the records or their order are not those it was made for"
            )


def _first(failures: list[FailureEntry]) -> str:
    if not failures:
        return ""
    lines = [
        f"  {failure.id or '(no id)'}, {failure.where}: {failure.reason}"
        for failure in failures[:_NAMED_FAILURES]
    ]
    return "; the first:\n" + "\n".join(lines)
