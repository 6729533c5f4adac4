"""Hydration free energies of FreeSolv's own ``database.txt``.

Mobley and Guthrie, FreeSolv, J. Comput.-Aided Mol. Des. 28, 711 (2014).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Shard, check_options, even_bounds, make_shards, only_file
from molbench.data.build.parsers.pairs import PairChunk, number, pair_schema, printable, require_smiles
from molbench.data.build.parsers.text import read_line
from molbench.errors import UserError

_WATER = "O"


class FreeSolv:
    """One record a compound, the solvent is water; fields are separated by semicolons, ``#`` is a comment.

    The id is the compound's, ``mobley_…``; the value is the experimental one, the fourth field.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Both molecules and the free energy."""
        check_options("freesolv", options, {})
        return pair_schema("dg_solv")

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """One shard: the file is small."""
        self.schema(options)
        _file(files)
        return make_shards("freesolv", files, options, even_bounds(1, count))

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the compounds."""
        path = _file(shard.paths)
        chunk = PairChunk(self.schema(shard.options))
        line = compounds = 0
        with path.open("rb") as file:
            while raw := read_line(file, path):
                line += 1
                text = raw.decode("utf-8-sig", "surrogateescape").strip()
                if not text or text.startswith("#"):
                    continue
                compounds += 1
                fields = [field.strip() for field in text.split(";")]
                try:
                    if len(fields) < 9:
                        raise ValueError(f"{len(fields)} fields, there should be nine and a note")
                    if not fields[0] or not fields[0].isascii():
                        raise ValueError(f"not a compound id: {printable(fields[0])!r}")
                    require_smiles(fields[1], "solute")
                    value = number(fields[3])
                except ValueError as error:
                    chunk.fail(fields[0], f"{path.name}, line {line:,}", error)
                else:
                    chunk.add(fields[0], fields[1], _WATER, dg_solv=value)
                if chunk.full:
                    yield chunk.take()
        if not compounds:
            raise UserError(f"{path}: no compounds: not FreeSolv's database.txt")
        yield chunk.take()


def _file(files: Mapping[str, Path]) -> Path:
    return only_file(files, ("database.txt",), "FreeSolv's database.txt")


FREESOLV = FreeSolv()
