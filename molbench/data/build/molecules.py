"""Makes ``molecules.parquet``: every molecule of a pair part once, with conformer and 2-D features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.atomic import replace_file, scratch_folder
from molbench.data.build.parsers.base import Failure
from molbench.data.records.molecule_table import MOLECULES_FILE, SCHEMA, Molecules
from molbench.errors import UserError
from molbench.executors import EXECUTORS
from molbench.executors.base import Listener, Unit

if TYPE_CHECKING:
    from molbench.progress import ProgressCallback

__all__ = ["MOLECULES_FILE", "SCHEMA", "Molecules", "Written", "describe_molecule", "write_molecules"]

_CHUNK = 64
_ROW_GROUP_CHUNKS = 16
_UNREADABLE = "failed: RDKit cannot read the SMILES"


@dataclass(frozen=True)
class Written:
    """What became of the molecules of a part.

    Attributes:
        counts: Molecules by outcome: ``etkdg``, ``random``, ``failed``.
        failures: Those without a conformer; their pairs stay, with an empty structure.
    """

    counts: dict[str, int]
    failures: tuple[Failure, ...]


def write_molecules(
    pairs: Iterable[pa.Table],
    target: Path,
    num_proc: int = 1,
    progress: ProgressCallback | None = None,
    reuse: Sequence[Path] = (),
) -> Written:
    """Write the table of all molecules that occur in pairs.

    Args:
        pairs: Records with ``a_smiles`` and ``b_smiles``; read once.
        target: File to make; appears whole or not at all.
        num_proc: Processes that embed and featurise.
        progress: Told how many molecules are done.
        reuse: Tables written by the same release, such as those of subsets built before; molecules found
            there are copied.
    """
    names = _unique(pairs)
    known = [pq.read_table(path, schema=SCHEMA) for path in reuse]
    old = pa.concat_tables([SCHEMA.empty_table(), *known]).combine_chunks()
    row_of = {name: row for row, name in enumerate(old.column("smiles").to_pylist())}
    new = _described([name for name in names if name not in row_of], num_proc, target)
    counts: Counter[str] = Counter()
    failures: list[Failure] = []
    done = 0
    with replace_file(target) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            copied = old.take(pa.array([row_of[name] for name in chunk if name in row_of], pa.int64()))
            fresh = pa.Table.from_pylist(
                list(islice(new, sum(name not in row_of for name in chunk))), schema=SCHEMA
            )
            table = _in_order(pa.concat_tables([copied, fresh]), chunk)
            for row, outcome in enumerate(table.column("embedding").to_pylist()):
                counts[outcome.partition(":")[0]] += 1
                if outcome.startswith("failed"):
                    location = f"{MOLECULES_FILE}, row {start + row:,}"
                    failures.append(Failure(chunk[row], location, outcome.removeprefix("failed: ")))
            waiting.append(table)
            if len(waiting) == _ROW_GROUP_CHUNKS:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting = []
            done += len(chunk)
            if progress is not None:
                progress("molecules", done, len(names))
        writer.write_table(pa.concat_tables([SCHEMA.empty_table(), *waiting]).combine_chunks())
    return Written(dict(counts), tuple(failures))


def describe_molecule(smiles: str) -> dict[str, Any]:
    """One row of the table: identity, conformer and features of a molecule."""
    from rdkit import Chem
    from rdkit.rdBase import BlockLogs

    from molbench.chem.conformers import embed_conformer
    from molbench.chem.features import Kind, features, masses
    from molbench.chem.inchikeys import inchikey

    with BlockLogs():
        skeleton = Chem.MolFromSmiles(smiles)
    if not skeleton:
        empty: dict[str, Any] = {field.name: [] for field in SCHEMA if pa.types.is_list(field.type)}
        return {"smiles": smiles, "inchikey": None, "embedding": _UNREADABLE, "skeleton_bonds": 0, **empty}
    mol = Chem.AddHs(skeleton)
    conformer = embed_conformer(mol)
    row: dict[str, Any] = {
        "smiles": smiles,
        "inchikey": inchikey(smiles),
        "embedding": conformer.outcome,
        "atomic_numbers": np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.uint8),
        "positions": list(conformer.positions),
        "bonds": [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()],
        "masses": masses(mol),
        "skeleton_bonds": skeleton.GetNumBonds(),
    }
    kinds: tuple[Kind, ...] = ("interaction", "drug")
    for kind in kinds:
        atoms, bonds = features(mol, kind)
        row[f"{kind}_atoms"] = list(np.packbits(atoms, axis=1))
        row[f"{kind}_bonds"] = list(np.packbits(bonds, axis=1))
        row[f"{kind}_skeleton"] = list(np.packbits(features(skeleton, kind)[0], axis=1))
    return row


def describe_chunk(arguments: Mapping[str, Any], listen: Listener) -> None:  # noqa: ARG001 - as units are called
    """Write the rows of some molecules to a file of their own; a unit of work."""
    table = pa.Table.from_pylist([describe_molecule(name) for name in arguments["names"]], schema=SCHEMA)
    pq.write_table(table, arguments["file"])


def _described(names: Sequence[str], num_proc: int, target: Path) -> Iterator[dict[str, Any]]:
    """Rows of ``names`` in order; those that are made before their turn wait in files beside ``target``.

    Raises:
        UserError: If the process of a chunk is lost twice.
    """
    if num_proc == 1 or len(names) <= _CHUNK:
        yield from map(describe_molecule, names)
        return
    with scratch_folder(target) as scratch:
        chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
        files = [scratch / f"{number}.parquet" for number in range(len(chunks))]
        groups = [
            [Unit(str(number), f"{__name__}:describe_chunk", {"names": chunk, "file": str(file)})]
            for number, (chunk, file) in enumerate(zip(chunks, files, strict=True))
        ]
        made: set[int] = set()
        turn = 0
        with closing(EXECUTORS["local"](workers=num_proc, retries=1).run(groups)) as run:
            for done in run:
                if done.error is not None:
                    first, last = (chunks[int(done.key)][end] for end in (0, -1))
                    raise UserError(f"molecules '{first}' to '{last}': {done.error}")
                made.add(int(done.key))
                while turn in made:
                    yield from pq.read_table(files[turn], schema=SCHEMA).to_pylist()
                    files[turn].unlink()
                    turn += 1


def _unique(pairs: Iterable[pa.Table]) -> list[str]:
    """SMILES of both columns, each once, in the order in which they first occur."""
    smiles: dict[str, None] = {}
    for table in pairs:
        for column in ("a_smiles", "b_smiles"):
            smiles |= dict.fromkeys(table.column(column).unique().to_pylist())
    return list(smiles)


def _in_order(table: pa.Table, names: Sequence[str]) -> pa.Table:
    row_of = {name: row for row, name in enumerate(table.column("smiles").to_pylist())}
    return table.take(pa.array([row_of[name] for name in names], pa.int64()))
