"""Parsers run over small synthetic files, and over real ones where there are any."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from molbench.data.build.parsers import Failure, build_parser
from molbench.data.build.soundness import sound_records


class Parsed(NamedTuple):
    """All records of a source and everything that failed."""

    table: pa.Table
    failures: list[Failure]


@pytest.fixture(scope="session")
def parse() -> Callable[..., Parsed]:
    """``parse(parser, files, options, shards)`` runs all shards in turn, and the check of every record."""

    def run(
        name: str,
        files: Mapping[str, Path] | list[Path],
        options: dict[str, Any] | None = None,
        shards: int = 1,
    ) -> Parsed:
        parser = build_parser(name, options)
        paths = files if isinstance(files, Mapping) else {path.name: path for path in files}
        chunks = [sound_records(chunk) for shard in parser.shards(paths, shards) for chunk in shard.read()]
        assert all(len(chunk.table) + len(chunk.failures) <= 2000 for chunk in chunks)
        table = pa.concat_tables([parser.schema().empty_table(), *(chunk.table for chunk in chunks)])
        table.validate(full=True)
        return Parsed(table.combine_chunks(), [failure for chunk in chunks for failure in chunk.failures])

    return run
