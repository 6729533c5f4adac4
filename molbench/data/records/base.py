"""What a kind of record says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import pyarrow as pa

if TYPE_CHECKING:  # tables are built and compared without torch
    from molbench.data.records.atom_index import AtomIndex


class RecordKind(ABC):
    """A kind of record: its columns, its molecules, and what makes two records the same. It has no state.

    Attributes:
        name: As in ``dataset.yaml``.
        required: Columns that every record has.
        smiles: Columns that name its molecules, each with the column of InChIKeys that the builder puts
            beside it, or None.
        molecule_table: Whether records name molecules that lie in ``molecules.parquet`` once each, with a
            conformer and 2-D graphs.
        may_be_ordered: Whether there can be two molecules whose order matters.
        inputs: What encoders made for such records read; see :class:`~molbench.backbones.base.Backbone`.
        whole: Level of overlap at which whole records are compared, and the identity that does it; empty
            where a record is its molecule.
    """

    name: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ("id", "atomic_numbers", "positions")
    smiles: ClassVar[Mapping[str, str | None]]
    molecule_table: ClassVar[bool] = False
    may_be_ordered: ClassVar[bool] = True
    inputs: ClassVar[Literal["molecules", "pairs"]] = "molecules"
    whole: ClassVar[tuple[str, str]] = ("", "")

    @property
    def single(self) -> bool:
        """Whether a record is its molecule, and no more."""
        return not any(self.whole)

    @abstractmethod
    def atom_index(self, records: pa.RecordBatch, folder: Path) -> AtomIndex:
        """Where the atoms of records lie, and so how many molecules each has.

        Args:
            records: All records of a subset.
            folder: Where the subset lies.
        """
