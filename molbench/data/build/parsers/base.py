"""What a parser is: raw files in, chunks of records out, nothing dropped in silence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from molbench.errors import UserError

CHUNK_RECORDS = 2000


@dataclass(frozen=True)
class Failure:
    """One record that could not be read.

    Attributes:
        id: The record's id as far as it is known.
        where: File and place in it.
        reason: What is wrong with it.
    """

    id: str
    where: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """At most ``CHUNK_RECORDS`` records in source order, and the records among them that failed.

    Attributes:
        table: The records. The builder checks that numbers are finite and structures those of molecules.
        failures: What could not be read.
        places: File and place in it of each record, for what that check finds; empty where not told.
    """

    table: pa.Table
    failures: tuple[Failure, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shard:
    """A share of the work that one process does; it can be pickled.

    Attributes:
        parser: What reads it.
        files: Raw files by source key.
        start: First byte, frame or row group of the share, as the parser counts.
        stop: The one after the last.
        offsets: First byte of the share in each of several files, for a parser that reads them in step.
    """

    parser: Parser
    files: Mapping[str, Path]
    start: int
    stop: int
    offsets: Mapping[str, int] = field(default_factory=dict)

    def read(self) -> Iterator[Chunk]:
        """Stream the records, in bounded memory."""
        return self.parser.read(self)


@dataclass(frozen=True)
class Parser(ABC):
    """Reads one published layout; its fields are the options of ``dataset.yaml``.

    A file that is wrong as a whole raises ``UserError``; a bad record becomes a ``Failure`` and the others
    are read. Shards in order give the records in the order of the source, so that split schemes defined on
    that order can be drawn.

    Class attributes:
        name: As in ``dataset.yaml``.
    """

    name: ClassVar[str]

    @classmethod
    def small(cls) -> tuple[dict[str, Any], dict[str, bytes]] | None:
        """Options and files of a tiny source, for tests that hold every parser to the same laws.

        None where ``tests/fuzz`` has sources of it already.
        """
        return None

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Columns of the tables it yields."""

    @abstractmethod
    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:
        """Where the source is cut, as the parser counts, to give about ``count`` shards.

        Args:
            files: Raw files by source key.
            count: Number of shards wanted.

        Returns:
            Ascending, the beginning and the end among them; ``[0, 1]`` where only one process can read it.

        Raises:
            UserError: If something is found wrong that can be checked before any record is read.
        """

    @abstractmethod
    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the records of one shard, in bounded memory."""

    def units(self, files: Mapping[str, Path]) -> dict[str, str]:  # noqa: ARG002
        """Units that the files themselves state, by column; most state none.

        Raises:
            UserError: If they state one that is unknown or cannot be read.
        """
        return {}

    def shards(self, files: Mapping[str, Path], count: int) -> list[Shard]:
        """Cut the work into about ``count`` shards; see :meth:`bounds`."""
        return [Shard(self, files, start, stop) for start, stop in pairwise(self.bounds(files, count))]


def even_bounds(total: int, count: int) -> list[int]:
    """``0`` to ``total`` in at most ``count`` steps of nearly equal length, none of them empty."""
    count = max(1, min(count, total))
    return [total * i // count for i in range(count + 1)]


def only_file(files: Mapping[str, Path], *, suffixes: tuple[str, ...], what: str) -> Path:
    """The one file whose name ends in one of ``suffixes``.

    Raises:
        UserError: If there is none, or more than one.
    """
    matches = [path for path in files.values() if path.name.lower().endswith(suffixes)]
    if len(matches) != 1:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        problem = "missing" if not matches else "ambiguous"
        raise UserError(f"{what} ({' or '.join(suffixes)}) is {problem}; given: {names}")
    return matches[0]
