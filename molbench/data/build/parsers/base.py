"""What a parser is: raw files in, chunks of records out, nothing dropped in silence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from molbench.errors import UserError
from molbench.registry import Registry

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
        parser: Name of the parser in ``PARSERS``.
        files: Source key and path of every raw file.
        options: Options of the parser.
        start: First byte, frame or row group of the share, as the parser counts.
        stop: The one after the last; None for all that follow.
    """

    parser: str
    files: tuple[tuple[str, str], ...]
    options: dict[str, Any]
    start: int
    stop: int | None

    @property
    def paths(self) -> dict[str, Path]:
        """Raw files by source key."""
        return {key: Path(path) for key, path in self.files}


class Parser(Protocol):
    """Reads one published layout.

    A file that is wrong as a whole raises ``UserError``; a bad record becomes a ``Failure`` and the others
    are read. Shards in order give the records in the order of the source, so that split schemes defined on
    that order can be drawn.
    """

    def schema(self, options: Mapping[str, Any]) -> pa.Schema:
        """Columns of the tables it yields."""
        ...

    def shards(self, files: Mapping[str, Path], options: Mapping[str, Any], count: int) -> list[Shard]:
        """Cut the work into about ``count`` shards; checks what can be checked before any record is read."""
        ...

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Stream the records of one shard, in bounded memory."""
        ...


_LISTED = {
    "qm9-sdf": "molbench.data.build.parsers.qm9_sdf:QM9_SDF",
    "qm9-xyz": "molbench.data.build.parsers.qm9_xyz:QM9_XYZ",
    "qm9s-broadened": "molbench.data.build.parsers.qm9s_broadened:QM9S_BROADENED",
    "qm9s-csv": "molbench.data.build.parsers.qm9s_csv:QM9S_CSV",
    "qm9s-pt": "molbench.data.build.parsers.qm9s_pt:QM9S_PT",
    "md17-npz": "molbench.data.build.parsers.frames:MD17",
    "rmd17-npz": "molbench.data.build.parsers.frames:RMD17",
    "xyz": "molbench.data.build.parsers.xyz:XYZ",
    "records": "molbench.data.build.parsers.records:RECORDS",
    "by-layout": "molbench.data.build.parsers.by_layout:BY_LAYOUT",
    "deep4chem": "molbench.data.build.parsers.deep4chem:DEEP4CHEM",
    "combisolv": "molbench.data.build.parsers.combisolv:COMBISOLV",
    "mnsol": "molbench.data.build.parsers.mnsol:MNSOL",
    "freesolv": "molbench.data.build.parsers.freesolv:FREESOLV",
    "miracle-ddi": "molbench.data.build.parsers.miracle_ddi:MIRACLE_DDI",
    "ddi-matrix": "molbench.data.build.parsers.ddi_matrix:DDI_MATRIX",
    "ddi-tsv": "molbench.data.build.parsers.ddi_tsv:DDI_TSV",
    "atom3d-lba": "molbench.data.build.parsers.atom3d_lba:ATOM3D_LBA",
    "atom3d-lep": "molbench.data.build.parsers.atom3d_lep:ATOM3D_LEP",
    "pdbbind": "molbench.data.build.parsers.pdbbind:PDBBIND",
    "lep-pdb": "molbench.data.build.parsers.lep_pdb:LEP_PDB",
    "geom-rdkit": "molbench.data.build.parsers.geom_rdkit:GEOM_RDKIT",
    "geom-msgpack": "molbench.data.build.parsers.geom_msgpack:GEOM_MSGPACK",
    "molecule3d-sdf": "molbench.data.build.parsers.molecule3d_sdf:MOLECULE3D_SDF",
    "molecule3d-parquet": "molbench.data.build.parsers.molecule3d_parquet:MOLECULE3D_PARQUET",
    "pcqm4mv2-sdf": "molbench.data.build.parsers.pcqm4mv2_sdf:PCQM4MV2_SDF",
    "pcqm4mv2-xyz": "molbench.data.build.parsers.pcqm4mv2_xyz:PCQM4MV2_XYZ",
}


class _Listed(Registry[Parser]):
    def _built_in(self) -> Iterator[tuple[str, str]]:
        yield from _LISTED.items()


PARSERS: Registry[Parser] = _Listed("parser", "molbench.data.build.parsers", "molbench.parsers")


def make_shards(
    parser: str, files: Mapping[str, Path], options: Mapping[str, Any], bounds: list[int]
) -> list[Shard]:
    """One shard for each pair of neighbouring bounds."""
    items = tuple((key, str(path)) for key, path in files.items())
    return [Shard(parser, items, dict(options), start, stop) for start, stop in pairwise(bounds)]


def even_bounds(total: int, count: int) -> list[int]:
    """``0`` to ``total`` in at most ``count`` steps of nearly equal length, none of them empty."""
    count = max(1, min(count, total))
    return [total * i // count for i in range(count + 1)]


def only_file(files: Mapping[str, Path], suffixes: tuple[str, ...], what: str) -> Path:
    """The one file whose name ends in one of ``suffixes``.

    Raises:
        UserError: If there is none, or more than one.
    """
    found = [path for path in files.values() if path.name.lower().endswith(suffixes)]
    if len(found) != 1:
        names = ", ".join(sorted(path.name for path in files.values())) or "no file"
        problem = "missing" if not found else "ambiguous"
        raise UserError(f"{what} ({' or '.join(suffixes)}) is {problem}; given: {names}")
    return found[0]


def check_options(
    parser: str, options: Mapping[str, Any], known: Mapping[str, type], required: tuple[str, ...] = ()
) -> None:
    """Refuse options that the parser does not have, of the wrong type, or left out though needed.

    Raises:
        UserError: Naming the option.
    """
    for name, value in options.items():
        if name not in known:
            raise UserError(f"parser '{parser}' has no option '{name}'; it has: {', '.join(known) or 'none'}")
        if not isinstance(value, known[name]):
            raise UserError(f"parser '{parser}': option '{name}' must be a {known[name].__name__}")
    if missing := [name for name in required if name not in options]:
        raise UserError(f"parser '{parser}' needs the option '{missing[0]}'")
