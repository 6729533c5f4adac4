"""First pass of a build: raw files, parsed in parallel into Arrow files of records in source order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from molbench.atomic import replace_file
from molbench.chem.inchikeys import inchikey
from molbench.data.build.parsers import Shard, build_parser
from molbench.data.build.soundness import sound_records
from molbench.data.folder.manifest import FailureEntry
from molbench.data.records import IDENTITY_KEYS
from molbench.errors import UserError, quoted
from molbench.executors import EXECUTORS
from molbench.executors.base import Listener, Unit
from molbench.progress import ProgressCallback

_FAILURES_LISTED = 100


def built_schema(parsed: pa.Schema) -> pa.Schema:
    """Columns of a built record: the parser's, and an identity key behind each SMILES."""
    for smiles, key in IDENTITY_KEYS.items():
        if smiles in parsed.names and key not in parsed.names:
            parsed = parsed.insert(parsed.get_field_index(smiles) + 1, pa.field(key, pa.string()))
    return parsed


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
                    yield pa.Table.from_batches([batch])


def parse(
    shards: Sequence[Shard],
    *,
    folder: Path,
    max_failures: int,
    num_proc: int,
    executor: str,
    progress: ProgressCallback | None,
) -> Parsed:
    """Run a parser over its shards.

    Args:
        shards: The work; all of one parser.
        folder: Empty folder that receives the files.
        max_failures: Records that may fail.
        num_proc: Number of processes. One that is lost costs its shard once more.
        executor: Where they are; one process of this machine is this one.
        progress: Told how many records have been read.

    Raises:
        UserError: If a raw file is wrong as a whole, or the process of a shard is lost twice.
    """
    counts: dict[str, int] = {}

    def listen(key: str, message: Mapping[str, Any]) -> None:
        counts[key] = message["records"]
        if progress is not None:
            progress("records", sum(counts.values()), None)

    files = [folder / f"{number:06d}.arrow" for number in range(len(shards))]
    groups = [
        [Unit(file.name, f"{__name__}:write_shard", _as_arguments(shard, file, max_failures))]
        for shard, file in zip(shards, files, strict=True)
    ]
    if executor == "local" and min(num_proc, len(shards)) == 1:
        executor = "inline"
    with closing(EXECUTORS[executor](workers=num_proc, retries=1).run(groups, listen)) as run:
        for done in run:
            if done.error is not None:
                raise UserError(done.error)
            listen(done.key, {"records": done.value})
    failures = [
        FailureEntry.model_validate_json(line)
        for file in files
        for line in _failures(file).read_text(encoding="utf-8").splitlines()
    ]
    return Parsed(built_schema(shards[0].parser.schema()), files, failures)


def write_shard(arguments: Mapping[str, Any], listen: Listener) -> int:
    """Parse a shard into a file of records, with identity keys and every record checked; a unit of work.

    Its failures lie beside the file. It stops early when far more records fail than ``max_failures``: it is
    then not the file that was declared.

    Returns:
        Number of records.
    """
    parser = build_parser(arguments["parser"], arguments["options"])
    raw = {key: Path(path) for key, path in arguments["raw"].items()}
    shard = Shard(parser, raw, arguments["start"], arguments["stop"], arguments["offsets"])
    schema, file = built_schema(parser.schema()), Path(arguments["file"])
    patience = arguments["max_failures"] + _FAILURES_LISTED
    done = failed = 0
    with (
        _failures(file).open("w", encoding="utf-8") as report,
        replace_file(file) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_stream(sink, schema) as writer,
    ):
        for chunk in map(sound_records, shard.read()):
            for failure in chunk.failures:
                report.write(json.dumps(asdict(failure)) + "\n")
                failed += 1
                if failed > patience:
                    raise UserError(
                        f"more than {patience:,} records failed, {arguments['max_failures']:,} may, "
                        f"the last of them {quoted(failure.id)}, {failure.where}: {failure.reason}; "
                        "how many may is said by max_failures in dataset.yaml, --max-failures of an import"
                    )
            done += len(chunk.table)
            listen({"records": done})
            if len(chunk.table):
                writer.write_table(_identified(chunk.table, schema))
    return done


def _as_arguments(shard: Shard, file: Path, max_failures: int) -> dict[str, Any]:
    """A shard in plain words, as :func:`write_shard` takes it."""
    return {
        "parser": shard.parser.name,
        "options": asdict(shard.parser),
        "raw": {key: str(path.absolute()) for key, path in shard.files.items()},
        "start": shard.start,
        "stop": shard.stop,
        "offsets": dict(shard.offsets),
        "file": str(file.absolute()),
        "max_failures": max_failures,
    }


def _failures(file: Path) -> Path:
    return file.with_suffix(".jsonl")


def _identified(table: pa.Table, schema: pa.Schema) -> pa.Table:
    for smiles, key in IDENTITY_KEYS.items():
        if key in schema.names and key not in table.column_names:
            keys = [inchikey(text) for text in table.column(smiles).to_pylist()]
            table = table.append_column(key, pa.array(keys, pa.string()))
    return table.select(schema.names).cast(schema)
