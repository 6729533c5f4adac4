"""First pass of a build: raw files, parsed in parallel into Arrow files of records in source order."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.ipc
from datasets.builder import Key
from datasets.exceptions import DatasetGenerationError

from molbench.chem.inchikeys import inchikey
from molbench.data.build.parsers.base import Shard
from molbench.data.build.soundness import sound_records
from molbench.data.folder.manifest import FailureEntry
from molbench.data.records import IDENTITY_KEYS
from molbench.errors import UserError, quoted
from molbench.executors.base import describe
from molbench.executors.parent import exit_with_parent
from molbench.progress import ProgressCallback

_FAILURES_LISTED = 100


def built_schema(parsed: pa.Schema) -> pa.Schema:
    """Columns of a built record: the parser's, and an identity key behind each SMILES."""
    for smiles, key in IDENTITY_KEYS.items():
        if smiles in parsed.names and key not in parsed.names:
            parsed = parsed.insert(parsed.get_field_index(smiles) + 1, pa.field(key, pa.string()))
    return parsed


class RecordBuilder(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """Hugging Face builder whose shards are those of a molbench parser.

    It gives the parallel writing; the project adds identity keys, the check of every record, and one failure
    list a shard below ``side``. A shard stops early when far more records fail than
    ``max_failures``: it is then not the file that was declared.
    """

    def __init__(
        self, *, shards: Sequence[Shard], schema: pa.Schema, side: Path, max_failures: int, **arguments: Any
    ) -> None:
        self._shards = list(enumerate(shards))
        self._schema = schema
        self._side = side
        self._patience = max_failures + _FAILURES_LISTED
        self._parent = os.getpid()
        super().__init__(**arguments)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=datasets.Features.from_arrow_schema(self._schema))

    def _split_generators(self, _: object) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(name="records", gen_kwargs={"shards": self._shards})]

    def _generate_tables(self, shards: list[tuple[int, Shard]]) -> Iterator[tuple[Key, pa.Table]]:
        if os.getpid() != self._parent:  # in a process that the library forked
            exit_with_parent()
        for index, shard in shards:
            done = failed = 0
            with (self._side / f"{index:06d}.jsonl").open("w", encoding="utf-8") as report:
                try:
                    for number, chunk in enumerate(map(sound_records, shard.read())):
                        for failure in chunk.failures:
                            report.write(json.dumps(asdict(failure)) + "\n")
                            failed += 1
                            if failed > self._patience:
                                raise UserError(
                                    f"more than {self._patience:,} records failed, the last of them "
                                    f"{quoted(failure.id)}, {failure.where}: {failure.reason}"
                                )
                        done += len(chunk.table)
                        (self._side / f"{index:06d}.count").write_text(str(done))
                        if len(chunk.table):
                            yield Key(index, number), _identified(chunk.table, self._schema)
                except UserError as error:
                    raise RefusedError(str(error)) from error


class RefusedError(DatasetGenerationError):  # type: ignore[misc]
    """A user error on its way out of a worker: the one kind that ``datasets`` lets pass unwrapped."""


@dataclass(frozen=True)
class Parsed:
    """What a parser made of the raw files.

    Attributes:
        schema: Columns.
        files: Arrow stream files in source order.
        failures: Records that could not be read, in source order.
    """

    schema: pa.Schema
    files: list[Path]
    failures: list[FailureEntry]

    def tables(self) -> Iterator[pa.Table]:
        """Stream the records, one record batch in memory at a time."""
        for path in self.files:
            with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch]).replace_schema_metadata()


def parse(
    shards: Sequence[Shard],
    schema: pa.Schema,
    *,
    folder: Path,
    max_failures: int,
    num_proc: int,
    progress: ProgressCallback | None,
) -> Parsed:
    """Run a parser over its shards.

    Args:
        shards: The work.
        schema: Columns of a built record.
        folder: Empty folder that receives the files.
        max_failures: Records that may fail.
        num_proc: Number of processes.
        progress: Told how many records have been read.

    Raises:
        UserError: If a raw file is wrong as a whole.
    """
    side = folder / "side"
    side.mkdir()
    builder = RecordBuilder(
        shards=shards, schema=schema, side=side, max_failures=max_failures, cache_dir=str(folder / "arrow")
    )
    with _silent(), _watch(side, progress):
        try:
            builder.download_and_prepare(num_proc=min(num_proc, len(shards)), verification_mode="no_checks")
        except RefusedError as error:
            raise UserError(str(error)) from error
        except (DatasetGenerationError, RuntimeError) as error:
            raise _cause(error) from error
    failures = [
        FailureEntry.model_validate_json(line)
        for path in sorted(side.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return Parsed(schema, sorted(Path(builder.cache_dir).glob("*.arrow")), failures)


def _cause(error: BaseException) -> Exception:
    """What stopped the library: a system error as it is, else in one line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            return cause
        cause = cause.__cause__ or cause.__context__
    if "abruptly died" in str(error):
        return UserError("a process of the build was lost; perhaps memory ran out: try a smaller --num-proc")
    return UserError(f"parsing ended with {describe(error)}")


def _identified(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for smiles, key in IDENTITY_KEYS.items():
        if key in schema.names and key not in table.column_names:
            keys = [inchikey(text) for text in table.column(smiles).to_pylist()]
            table = table.append_column(key, pa.array(keys, pa.string()))
    return table.select(schema.names).cast(schema)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the progress bars of ``datasets`` off the terminal."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


@contextmanager
def _watch(side: Path, progress: ProgressCallback | None) -> Iterator[None]:
    """Report the sum of the workers' record counts twice a second."""
    if progress is None:
        yield
        return
    stop = threading.Event()

    def report() -> None:
        finished = False
        while not finished:
            finished = stop.wait(0.5)
            counts = [path.read_text() or "0" for path in side.glob("*.count")]
            progress("records", sum(map(int, counts)), None)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
