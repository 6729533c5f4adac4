"""What the building of a dataset is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Le

from molbench.errors import UserError, meant
from molbench.spec.catalogue import DatasetEntry


@dataclass(frozen=True)
class BuildRequest:
    """A dataset, where its raw files come from, and where it is built.

    Attributes:
        entry: Dataset to build, see `molbench list datasets`; or a folder of its three declarations.
        output: Folder to make. Default: in $MOLBENCH_HOME, named as the dataset, with -partial behind it
            where records are missing.
        raw: Folder of raw files that are on disk already, or the one raw file under any name.
        offline: Never open a connection.
        subsets: Only these subsets. Default: all, of a folder of raw files those that are there.
        allow_partial: Build from fewer records than the complete dataset has, or without files that only
            split schemes read, as a dataset of its own.
        num_proc: Number of processes.
        executor: Where the raw files are parsed: local, ray or slurm, whose machines must see the same files.
        level: Zstandard level of the Parquet files.
    """

    entry: DatasetEntry
    _: KW_ONLY
    output: Path | None = None
    raw: Path | None = None
    offline: bool = False
    subsets: Sequence[str] = ()
    allow_partial: bool = False
    num_proc: Annotated[int, Ge(1)] = 1
    executor: str = "local"
    level: Annotated[int, Ge(1), Le(22)] = 9

    def __post_init__(self) -> None:
        if self.raw is not None and not self.raw.exists():
            raise UserError(f"{self.raw}: no such file or folder of raw files")
        dataset = self.entry.dataset
        if unknown := [name for name in self.subsets if name not in dataset.subsets]:
            known, hint = ", ".join(dataset.subsets) or "none", meant(unknown[0], dataset.subsets)
            raise UserError(f"{dataset.name}: no subset '{unknown[0]}'{hint}; it has: {known}")
