"""A dataset whose subsets come in different layouts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import PARSERS, Chunk, Parser, Shard
from molbench.errors import UserError


class ByLayout:
    """Hands over to the parser that the option ``layout`` names, with all other options."""

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Columns of the other parser."""
        parser, rest = _chosen(options)
        return parser.schema(rest)

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Shards of the other parser, which reads them itself."""
        parser, rest = _chosen(options)
        return parser.shards(files, rest, count)

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read a shard of the other parser."""
        return PARSERS[shard.parser].read(shard)


def _chosen(options: Mapping[str, Any]) -> tuple[Parser, dict[str, Any]]:
    rest = dict(options)
    layout = rest.pop("layout", None)
    if not isinstance(layout, str):
        raise UserError("parser 'by-layout' needs the option 'layout', the name of a parser")
    return PARSERS[layout], rest


BY_LAYOUT = ByLayout()
