"""Building one part of a dataset: the whole of it, or one subset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.build.keys import key_table, repeated
from molbench.data.build.parsers import build_parser
from molbench.data.build.records import Progress, RecordBuilder, built_schema, parse, read_records
from molbench.data.build.splits import assign
from molbench.data.build.splits.expand import expand
from molbench.data.folder.cells import CellSpool, cell_folders, cell_names
from molbench.data.folder.digest import ContentDigest, assignment_digest
from molbench.data.folder.manifest import FailureEntry, Part, SchemeEntry, SourceEntry, file_entry
from molbench.errors import UserError, quoted
from molbench.spec.dataset import Dataset
from molbench.spec.splits import SPLITS, Splits

_NAMED_FAILURES = 3
_SHARDS_PER_PROCESS = 4


def build_part(
    dataset: Dataset,
    splits: Splits,
    subset: str | None,
    files: Mapping[str, Path],
    *,
    lacking: Sequence[str],
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
        lacking: Declared sources that are not among them; without one the part is partial.
        scratch: Empty folder for intermediate files.
        target: Folder that receives ``cells/``, ``splits/`` and, for pairs, ``molecules.parquet``.
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
    options = dataset.subset_options(subset)
    parser = build_parser(dataset.subset_parser(subset), options)
    schema = built_schema(parser.schema())
    _check_columns(dataset, parser.name, schema)
    _check_units(dataset, parser.units(files), files)
    for name in ("side", "spool", "arrow"):
        (scratch / name).mkdir()
    shards = parser.shards(files, num_proc * _SHARDS_PER_PROCESS)
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
    keys = key_table(read_records(arrow), _named_columns(splits, schema))
    keep, repeats = repeated(keys.column("id"))
    failures += repeats
    if len(failures) > dataset.max_failures:
        raise UserError(
            f"{where}: {len(failures):,} records failed, {dataset.max_failures} may "
            f"(max_failures in dataset.yaml){_first(failures)}"
        )
    keys = keys.filter(pa.array(keep))
    partial = bool(lacking)
    partial |= _is_partial(where, len(keys), len(failures), dataset.subset_records(subset), allow_partial)
    labels, left_out = _assign(splits, subset, keys, files, partial)
    if not labels:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UserError(
            f"{where}: no split scheme can be drawn from {len(keys):,} records: {reasons}{_first(failures)}"
        )
    folders = cell_folders(labels)
    entries = _write_splits(target / "splits", keys.column("id"), labels, folders)
    _check_digests(where, splits, subset, entries, partial)

    def kept_records() -> Iterator[pa.Table]:
        start = 0
        for table in read_records(arrow):
            yield table.filter(pa.array(keep[start : start + len(table)]))
            start += len(table)

    digest = ContentDigest(schema)
    for table in kept_records():
        digest.update(table)
    for folder, schemes in folders.items():
        names = cell_names({name: labels[name] for name in schemes})
        _write_cells(
            kept_records(),
            names,
            schema,
            spool=scratch / "spool",
            target=target / folder,
            level=level,
            progress=progress,
        )
    molecules: dict[str, int] = {}
    if dataset.record == "pair":
        from molbench.data.build.molecules import FILENAME, write_molecules

        others = sorted(target.parent.glob(f"*/{FILENAME}")) if subset else []
        written = write_molecules(kept_records(), target / FILENAME, num_proc, progress, others)
        molecules = written.counts
    return Part(
        records=len(keys),
        digest=digest.hexdigest(),
        bytes=digest.size,
        partial=partial,
        schemes=entries,
        left_out=left_out,
        failures=failures,
        molecules=molecules,
        sources=sources,
    )


def _write_cells(
    records: Iterable[pa.Table],
    names: np.ndarray,
    schema: pa.Schema,
    *,
    spool: Path,
    target: Path,
    level: int,
    progress: Progress | None,
) -> None:
    sorter = CellSpool(spool, schema)
    done = 0
    for table in records:
        sorter.add(table, names[done : done + len(table)])
        done += len(table)
        if progress is not None:
            progress(target.name, done, names.size)
    sorter.write(target, level)


def _named_columns(splits: Splits, schema: pa.Schema) -> list[str]:
    """Columns that a parameter of a scheme names."""
    values = [value for scheme in splits.schemes.values() for value in scheme.parameters.values()]
    return [name for name in schema.names if name in values]


def _check_columns(dataset: Dataset, parser: str, schema: pa.Schema) -> None:
    declared = [*dataset.targets, *dataset.spectra, *(["forces"] if dataset.forces else [])]
    missing = [name for name in declared if name not in schema.names]
    # Subsets may have targets of their own, but one without any label is a mistake.
    if missing and not (dataset.subsets and len(missing) < len(declared)):
        raise UserError(
            f"{dataset.name}: dataset.yaml declares {', '.join(missing)}, but parser '{parser}' "
            f"yields the columns {', '.join(schema.names)}"
        )


def _check_units(dataset: Dataset, stated: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Refuse files whose own word on their units is not that of the declaration."""
    declared = {name: target.unit for name, target in dataset.targets.items()}
    if dataset.forces is not None:
        declared["forces"] = dataset.forces.unit
    for column, unit in stated.items():
        if declared.get(column, unit) != unit:
            names = ", ".join(path.name for path in files.values())
            raise UserError(
                f"{names}: the file says {unit}, {dataset.name} declares {declared[column]} ({column}): "
                "convert the numbers, or declare a dataset of its own"
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
    for name, scheme in expand(splits.schemes).items():
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
    folder: Path,
    ids: pa.ChunkedArray,
    labels: Mapping[str, np.ndarray],
    folders: Mapping[str, Sequence[str]],
) -> dict[str, SchemeEntry]:
    folder.mkdir(parents=True)
    lying = {name: cells for cells, schemes in folders.items() for name in schemes}
    entries = {}
    for name, column in labels.items():
        table = pa.table({"id": ids, "split": pa.array(column, pa.string())})
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd", compression_level=9)
        values, counts = np.unique(column, return_counts=True)
        found = dict(zip(values.tolist(), counts.tolist(), strict=True))
        entries[name] = SchemeEntry(
            digest=assignment_digest(ids.to_pylist(), column.tolist()),
            counts={label: found[label] for label in (*SPLITS, "unused") if label in found},
            cells=lying[name],
        )
    return entries


def _check_digests(
    where: str, splits: Splits, subset: str | None, entries: Mapping[str, SchemeEntry], partial: bool
) -> None:
    schemes = expand(splits.schemes)
    for name, entry in entries.items():
        declared = schemes[name].digest_of(subset)
        if declared is not None and not partial and entry.digest != declared:
            raise UserError(
                f"{where}: split scheme '{name}' came out as {entry.digest}, splits.yaml declares "
                f"{declared}: the records or their order are not those it was made for"
            )


def _first(failures: list[FailureEntry]) -> str:
    if not failures:
        return ""
    named = [
        f"{quoted(failure.id)}, {failure.where}: {failure.reason}" for failure in failures[:_NAMED_FAILURES]
    ]
    return f"; the first of {len(failures):,} that failed: " + "; ".join(named)
