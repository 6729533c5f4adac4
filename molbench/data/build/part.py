"""Building one part of a dataset, the whole of it or one subset: from raw files to cells and splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from molbench.data.build.keys import key_table, repeated_ids
from molbench.data.build.parsers import build_parser
from molbench.data.build.raw import RawPart
from molbench.data.build.records import Parsed, built_schema, parse
from molbench.data.build.schemes import (
    Content,
    Labels,
    check_digests,
    contents_of,
    draw_schemes,
    named_columns,
    write_schemes,
)
from molbench.data.build.splits.expand import expand
from molbench.data.folder.cells import CellSpool, cell_folders, cell_names
from molbench.data.folder.count import count_of, what_is_missing
from molbench.data.folder.digest import ContentDigest
from molbench.data.folder.manifest import Count, FailureEntry, Part, SourceEntry, file_entry
from molbench.data.folder.scheme_digest import record_digests, scheme_digest, scored_columns, spelled
from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError, quoted
from molbench.progress import ProgressCallback
from molbench.spec.build import BuildRequest
from molbench.spec.dataset import PARTIAL, Dataset

_NAMED_FAILURES = 3
_SHARDS_PER_PROCESS = 4


@dataclass(frozen=True)
class Kept:
    """The parsed records but for those whose id stands earlier already.

    Attributes:
        parsed: All of them.
        keep: Whether each is kept, [n] bool.
        keys: What split schemes look at of each that is.
    """

    parsed: Parsed
    keep: np.ndarray
    keys: pa.Table

    def tables(self) -> Iterator[pa.Table]:
        """Stream the records."""
        start = 0
        for table in self.parsed.tables():
            yield table.filter(pa.array(self.keep[start : start + len(table)]))
            start += len(table)


@dataclass(frozen=True)
class PartBuilder:
    """Builds one part.

    Attributes:
        request: What is built, and how.
        raw: The raw files of the part.
        scratch: Empty folder for intermediate files.
        target: Folder that receives ``cells/``, ``splits/`` and, for pairs, ``molecules.parquet``.
        progress: Told how far the work is.
    """

    request: BuildRequest
    raw: RawPart
    scratch: Path
    target: Path
    progress: ProgressCallback | None

    def build(self) -> Part:
        """Parse, draw the split schemes, and write.

        Raises:
            UserError: If the raw files are wrong, too many records fail, records are missing, or a split
                scheme comes out other than declared.
        """
        splits, subset = self.request.entry.splits, self.raw.subset
        sources = {
            key: SourceEntry(filename=path.name, **file_entry(path).model_dump())
            for key, path in sorted(self.raw.files.items())
        }
        kept, failures = self._keep(self._parse())
        count = count_of(self._dataset, subset, sources, len(kept.keys), len(failures))
        partial = count in {"short", "other"} or bool(self.raw.lacking)
        labels, left_out = draw_schemes(
            splits, subset, kept.keys, partial, files=self.raw.files, folder=self.request.entry.folder
        )
        if not labels:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise UserError(
                f"{self._where}: no split scheme can be drawn from {len(kept.keys):,} records: {reasons}"
                f"{_first(failures)}"
            )
        digest, digests = self._digests(kept, labels)
        contents = contents_of(splits, subset, digests, count)
        if not self.request.allow_partial:
            labels, left_out = self._only_complete(contents, labels, left_out, count)
        folders = cell_folders(labels)
        schemes = write_schemes(self.target / "splits", kept.keys.column("id"), labels, folders, contents)
        if not partial:
            check_digests(self._where, splits, subset, schemes)
        for folder, names in folders.items():
            self._write_cells(folder, kept, {name: labels[name] for name in names})
        return Part(
            records=len(kept.keys),
            digest=digest.hexdigest(),
            bytes=digest.size,
            count=count,
            partial=bool(self.raw.lacking) or not all(contents[name].complete for name in labels),
            schemes=schemes,
            left_out=left_out,
            failures=failures,
            molecules=self._write_molecules(kept),
            sources=sources,
        )

    @property
    def _dataset(self) -> Dataset:
        return self.request.entry.dataset

    @property
    def _where(self) -> str:
        """The part, for messages."""
        return "/".join(filter(None, (self._dataset.name, self.raw.subset)))

    def _parse(self) -> Parsed:
        dataset, subset = self._dataset, self.raw.subset
        parser = build_parser(dataset.subset_parser(subset), dataset.subset_options(subset))
        schema = built_schema(parser.schema())
        _check_columns(dataset, parser.name, schema)
        _check_units(dataset, parser.units(self.raw.files), self.raw.files)
        parsed = parse(
            parser.shards(self.raw.files, self.request.num_proc * _SHARDS_PER_PROCESS),
            folder=self.scratch,
            max_failures=dataset.max_failures,
            num_proc=self.request.num_proc,
            executor=self.request.executor,
            progress=self.progress,
        )
        if not any(map(len, parsed.tables())):
            raise UserError(f"{self._where}: no record could be read{_first(parsed.failures)}")
        return parsed

    def _keep(self, parsed: Parsed) -> tuple[Kept, list[FailureEntry]]:
        keys = key_table(parsed.tables(), named_columns(self.request.entry.splits, parsed.schema))
        keep, repeats = repeated_ids(keys.column("id"))
        failures = [*parsed.failures, *repeats]
        allowed = self._dataset.max_failures
        if len(failures) > allowed:
            raise UserError(
                f"{self._where}: {len(failures):,} records failed, {allowed} may "
                f"(max_failures in dataset.yaml, --max-failures of an import){_first(failures)}"
            )
        return Kept(parsed, keep, keys.filter(pa.array(keep))), failures

    def _digests(self, kept: Kept, labels: Labels) -> tuple[ContentDigest, dict[str, str]]:
        """Content digest of the records, and that of each scheme's."""
        schema, schemes = kept.parsed.schema, expand(self.request.entry.splits.schemes)
        digest, ids = ContentDigest(schema), kept.keys.column("id").combine_chunks()
        columns = {
            geometry: scored_columns(self._dataset, schema, geometry)
            for geometry in {schemes[name].geometry for name in labels}
        }
        records: dict[bool, list[np.ndarray]] = {geometry: [] for geometry in columns}
        for table in kept.tables():
            digest.update(table)
            for geometry, names in columns.items():
                records[geometry].append(record_digests(table, names))
        digests = {geometry: np.concatenate(pieces) for geometry, pieces in records.items()}
        kinds = {geometry: spelled(schema, names) for geometry, names in columns.items()}
        return digest, {
            name: scheme_digest(ids, column, digests[geometry], kinds[geometry])
            for name, column in labels.items()
            for geometry in (schemes[name].geometry,)
        }

    def _only_complete(
        self, contents: Mapping[str, Content], labels: Labels, left_out: Mapping[str, str], count: Count
    ) -> tuple[Labels, dict[str, str]]:
        """The schemes whose records are all there, and why the others are left out.

        Raises:
            UserError: If there is none.
        """
        complete = {name: column for name, column in labels.items() if contents[name].complete}
        records = len(next(iter(labels.values())))
        reason = what_is_missing(self._dataset, self.raw.subset, count, records)
        if not complete:
            others = "; or name other subsets with --subset" if self.raw.subset else ""
            raise UserError(
                f"{self._where}: {reason}; a build of them is a dataset of its own, "
                f"'{self._dataset.name}{PARTIAL}': ask for it with --allow-partial{others}"
            )
        return complete, {**left_out, **{name: reason for name in labels if name not in complete}}

    def _write_cells(self, folder: str, kept: Kept, labels: Labels) -> None:
        spool = self.scratch / "spool"
        spool.mkdir(exist_ok=True)
        sorter, names, done = CellSpool(spool, kept.parsed.schema), cell_names(labels), 0
        for table in kept.tables():
            sorter.add(table, names[done : done + len(table)])
            done += len(table)
            if self.progress is not None:
                self.progress(folder, done, names.size)
        sorter.write(self.target / folder, self.request.level)

    def _write_molecules(self, kept: Kept) -> Mapping[str, int]:
        """Write the molecules that records name; how many have a conformer by which means."""
        if not RECORD_KINDS[self._dataset.record].molecule_table:
            return {}
        from molbench.data.build.molecules import MOLECULES_FILE, write_molecules

        others = sorted(self.target.parent.glob(f"*/{MOLECULES_FILE}")) if self.raw.subset else []
        path = self.target / MOLECULES_FILE
        return write_molecules(kept.tables(), path, self.request.num_proc, self.progress, others).counts


def _check_columns(dataset: Dataset, parser: str, schema: pa.Schema) -> None:
    required = RECORD_KINDS[dataset.record].required
    if lacking := [name for name in required if name not in schema.names]:
        raise UserError(
            f"{dataset.name}: dataset.yaml says that a record is a {dataset.record}, which needs the column "
            f"{', '.join(lacking)}, but parser '{parser}' yields {', '.join(schema.names)}"
        )
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


def _first(failures: list[FailureEntry]) -> str:
    if not failures:
        return ""
    named = [
        f"{quoted(failure.id)}, {failure.where}: {failure.reason}" for failure in failures[:_NAMED_FAILURES]
    ]
    return f"; the first of {len(failures):,} that failed: " + "; ".join(named)
