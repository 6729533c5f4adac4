"""Published lists of drug interactions: pairs that interact, and as many drawn ones that are not known to."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers.base import Chunk, Parser, Shard
from molbench.data.build.parsers.cells import number
from molbench.data.build.parsers.collector import Collector
from molbench.data.build.parsers.columns import record_schema
from molbench.data.build.parsers.drug_pairs import Drug, DrugPairs, draw_negatives
from molbench.errors import UserError

TARGET = "interaction"


@dataclass(frozen=True)
class InteractionParser(Parser):
    """Interactions that one process reads, since negatives depend on all positives.

    Attributes:
        seed: Seed of the draw of negatives.
    """

    seed: int

    @abstractmethod
    def tables(self, files: Mapping[str, Path]) -> list[Path]:
        """The files that state interactions.

        Raises:
            UserError: If a file that is needed is missing.
        """

    @abstractmethod
    def rows(self, files: Mapping[str, Path]) -> Iterator[tuple[str, str, Any]]:
        """Name, place and content of everything in them that may state an interaction."""

    @abstractmethod
    def interaction(self, row: Any) -> tuple[Drug, Drug] | None:
        """The two drugs of what :meth:`rows` gave, None where they do not interact or one is not known.

        Raises:
            ValueError: If something is wrong with it.
        """

    def schema(self) -> pa.Schema:
        """Both drugs, whether the pair was drawn, how many rows state it, and the label."""
        return record_schema("a_smiles", "b_smiles", "drawn", "source_rows", TARGET)

    def bounds(self, files: Mapping[str, Path], count: int) -> list[int]:  # noqa: ARG002
        """All files as one."""
        self.tables(files)
        return [0, 1]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Read all files; then all positive pairs in alphabetical order, and as many drawn negatives."""
        pairs, chunk = DrugPairs(), Collector(self.schema())
        for identifier, where, row in self.rows(shard.files):
            with chunk.record(identifier, where):
                if drugs := self.interaction(row):
                    pairs.add(*drugs)
            yield from chunk.when_full()
        source = ", ".join(str(path) for path in self.tables(shard.files))
        if not pairs.rows:
            raise UserError(f"{source}: no interacting pair")
        positives = sorted(pairs.rows)
        try:
            negatives = draw_negatives(positives, self.seed)
        except ValueError as error:
            raise UserError(f"{source}: {error}") from error
        for drawn, these in ((False, positives), (True, negatives)):
            for a, b in these:
                values = {"drawn": drawn, "source_rows": pairs.rows.get((a, b), 0), TARGET: float(not drawn)}
                smiles = {"a_smiles": pairs.smiles[a], "b_smiles": pairs.smiles[b]}
                chunk.add(f"{a}|{b}", source, **smiles, **values)
                yield from chunk.when_full()
        yield chunk.take()


def is_interaction(label: str) -> bool:
    """Whether a cell says that two drugs interact.

    Raises:
        ValueError: If it is neither 0 nor 1.
    """
    value = number(label)
    if value not in {0, 1}:
        raise ValueError(f"label is 0 or 1, not {value:g}")
    return value == 1
