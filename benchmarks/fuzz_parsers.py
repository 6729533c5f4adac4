"""Mutates the input of every parser: nothing but records, counted failures and UserErrors may come out.

Run ``python benchmarks/fuzz_parsers.py --rounds 10000``; the same seed gives the same mutations.
"""

import argparse
import io
import lzma
import random
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from molbench.data.build.parsers import PARSERS
from molbench.data.build.parsers.qm9 import PROPERTIES
from molbench.data.build.soundness import sound_records
from molbench.errors import UserError

Files = dict[str, bytes]

_TOKENS = [
    b"nan",
    b"inf",
    b"-1e400",
    b"1e39",
    b"",
    b" ",
    b"Xx",
    b"0",
    b"-1",
    b"999",
    b"1_0",
    b"1.2*^-6",
    b"\xff\xfe",
]
_TOKENS += ["١".encode(), b"\x00", b"1" * 400, b"gdb_2", b"$$$$\n", b"M  END\n", b"V3000", b",", b'"', b"\t"]


@dataclass
class Outcome:
    """What came of one mutation."""

    records: int = 0
    failures: int = 0
    error: str = ""
    refused: bool = False


@dataclass
class Sample:
    """A small valid input; ``inner`` takes containers apart and ``outer`` puts them together again."""

    parser: str
    files: Files
    options: dict[str, Any] = field(default_factory=dict)
    outer: Callable[[Files], Files] = lambda files: files


def samples() -> list[Sample]:
    """One sample for each parser and each container that it reads."""
    unsuitable = b"\n# Index  GDB17  B3LYP  Corina  D_IJ\n====\n 3  C  C  [C]  1.5\n====\n"
    sdf = b"".join(_molblock(i) for i in range(1, 6))
    return [
        Sample("qm9-sdf", {"gdb9.sdf": sdf, "gdb9.sdf.csv": _table(5), "uncharacterized.txt": unsuitable}),
        Sample(
            "qm9-xyz",
            {f"dsgdb9nsd_{i:06d}.xyz": _dsgdb9nsd(i) for i in range(1, 5)}
            | {"uncharacterized.txt": unsuitable},
            outer=_in_tar,
        ),
        Sample("xyz", {"a.xyz": b"".join(_frame(i) for i in range(5))}),
        Sample("xyz", {"a.xyz": b"".join(_frame(i) for i in range(5))}, outer=_in_xz),
        Sample("md17-npz", _trajectory("z", "R", "E", "F"), {"molecule": "water"}, _in_npz),
        Sample(
            "rmd17-npz",
            _trajectory("nuclear_charges", "coords", "energies", "forces"),
            {"molecule": "water", "labels": "revised"},
            _in_npz,
        ),
        Sample("records", {"records.parquet": _parquet()}, {"columns": ["smiles", "forces", "energy"]}),
    ]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to four random edits."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        at, span = rng.randrange(len(data) + 1), rng.choice([1, 1, 4, 40, 400])
        lines = data.splitlines(keepends=True) or [b""]
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        edit = rng.randrange(11)
        if edit == 0:
            data = data[:at]
        elif edit == 1:
            data = data[:at] + data[at + span :]
        elif edit == 2:
            data = data[:at] + data[max(0, at - span) : at] + data[at:]
        elif edit == 3:
            data = data[:at] + rng.randbytes(span) + data[at + span :]
        elif edit == 4 and data:
            at = min(at, len(data) - 1)
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif edit in {5, 6}:
            tokens = lines[i].split(b" ")
            tokens[rng.randrange(len(tokens))] = rng.choice(_TOKENS)
            data = b"".join([*lines[:i], b" ".join(tokens), *lines[i + 1 :]])
        elif edit == 7:
            lines[i], lines[j] = lines[j], lines[i]
            data = b"".join(lines)
        elif edit == 8:
            data = b"".join([*lines[:i], lines[j], *lines[i:]])
        elif edit == 9:
            data = data.replace(b"\n", b"\r\n")
        else:
            data = data[:at] + rng.choice(_TOKENS) + data[at:]
    return data


def mutated(sample: Sample, rng: random.Random) -> Files:
    """The files of a sample with one of them mutated, inside its container or on the outside."""
    files = dict(sample.files)
    if rng.random() < 0.6:
        name = rng.choice(sorted(files))
        files[name] = mutate(files[name], rng)
        return sample.outer(files)
    files = sample.outer(files)
    name = rng.choice(sorted(files))
    return files | {name: mutate(files[name], rng)}


def run(sample: Sample, files: Mapping[str, bytes], folder: Path) -> Outcome:
    """Parse files and check what comes out; any exception but a UserError is kept as ``error``."""
    paths = {name: folder / name for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    return parse(sample, paths, _check)


def parse(sample: Sample, paths: Mapping[str, Path], check: Callable[[pa.Table, pa.Schema], None]) -> Outcome:
    """Parse files on disk; what ``check`` raises counts as an escape, as any other exception does."""
    outcome = Outcome()
    try:
        parser = PARSERS[sample.parser]
        schema = parser.schema(sample.options)
        for shard in parser.shards(paths, sample.options, 3):
            for chunk in map(sound_records, parser.read(shard)):
                check(chunk.table, schema)
                outcome.records += len(chunk.table)
                outcome.failures += len(chunk.failures)
                _promise(all(failure.reason and failure.where for failure in chunk.failures), "reasons")
    except UserError:
        outcome.refused = True
    except Exception:  # noqa: BLE001 - finding these is the purpose
        outcome.error = traceback.format_exc()
    return outcome


def _promise(kept: object, what: str) -> None:
    if not kept:
        raise RuntimeError(f"broken promise: {what}")


def _check(table: pa.Table, schema: pa.Schema) -> None:
    """Records keep the promises of the record columns."""
    _promise(table.schema == schema, "schema")
    table.validate(full=True)
    atoms = pc.list_value_length(table["atomic_numbers"]).to_numpy()
    _promise((atoms > 0).all(), "atoms")
    _promise((pc.list_value_length(table["positions"]).to_numpy() == atoms).all(), "one position an atom")
    numbers = pc.list_flatten(table["atomic_numbers"]).to_numpy()
    _promise(((numbers >= 1) & (numbers <= 118)).all(), "elements")
    coordinates = pc.list_flatten(pc.list_flatten(table["positions"])).to_numpy()
    _promise(np.isfinite(coordinates).all(), "finite positions")
    for item in schema:
        if pa.types.is_floating(item.type):
            _promise(np.isfinite(table[item.name].to_numpy()).all(), f"finite {item.name}")


def _molblock(i: int) -> bytes:
    atoms = "".join(
        f"{x:10.4f}{0.5:10.4f}{-x:10.4f} {s:<3} 0  0\n" for x, s in [(0.0, "O"), (0.9, "H"), (-0.3, "H")]
    )
    return f"gdb_{i}\n  made up\n\n  3  2  0  0  0  0            999 V2000\n{atoms}".encode() + (
        b"  1  2  1  0\n  1  3  1  0\nM  END\n$$$$\n"
    )


def _table(n: int) -> bytes:
    rows = [", ".join([f"gdb_{i}", *(f"{i}.{k}" for k in range(len(PROPERTIES)))]) for i in range(1, n + 1)]
    return "\n".join([", ".join(["mol_id", *PROPERTIES]), *rows, ""]).encode()


def _dsgdb9nsd(i: int) -> bytes:
    atoms = "".join(f"{s}\t{x}\t 0.5\t1.2*^-6\t-0.1\n" for x, s in [(0.0, "O"), (0.9, "H"), (-0.3, "H")])
    values = "\t".join(f"{i}.{k}" for k in range(len(PROPERTIES)))
    tail = "1600.1\t3700.2\t3800.3\nO\tO\t\nInChI=1S/H2O\tInChI=1S/H2O\n"
    return f"3\ngdb {i}\t{values}\t\n{atoms}{tail}".encode()


def _frame(i: int) -> bytes:
    return f"3\nmolecule-{i}\nO 0.0 0.0 {i}.5\nH 0.9 0.1 0.2\nH -0.3 0.9 1e-1\n".encode()


def _trajectory(numbers: str, positions: str, energies: str, forces: str) -> Files:
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        numbers: np.array([8, 1, 1], dtype=np.uint8),
        positions: np.asfortranarray(rng.normal(size=(7, 3, 3))),
        energies: rng.normal(size=(7, 1)),
        forces: rng.normal(size=(7, 3, 3)),
        "old_indices": np.arange(7) * 3,
        "name": np.array(b"water"),
    }
    files = {}
    for key, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array)
        files[f"{key}.npy"] = buffer.getvalue()
    return files


def _parquet() -> bytes:
    n = 6
    table = pa.table(
        {
            "id": [f"m{i}" for i in range(n)],
            "atomic_numbers": pa.array([[8, 1, 1]] * n, pa.list_(pa.uint8())),
            "positions": pa.array(
                [[[i, 0.1, 0.2] for i in range(3)]] * n, pa.list_(pa.list_(pa.float32(), 3))
            ),
            "forces": pa.array([[[0.0, 0.1, 0.2]] * 3] * n, pa.list_(pa.list_(pa.float32(), 3))),
            "smiles": ["O"] * n,
            "energy": [0.5] * n,
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=2, write_page_checksum=True)
    return buffer.getvalue()


def _in_tar(files: Files) -> Files:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, content in files.items():
            if name.endswith(".xyz"):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return {"dsgdb9nsd.xyz.tar.bz2": buffer.getvalue(), "uncharacterized.txt": files["uncharacterized.txt"]}


def _in_xz(files: Files) -> Files:
    return {f"{name}.xz": lzma.compress(content, preset=0) for name, content in files.items()}


def _in_npz(files: Files) -> Files:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"trajectory.npz": buffer.getvalue()}


def drive(
    description: str | None,
    chosen: Callable[[], Iterable[Sample]],
    one: Callable[[Sample, Files, Path], Outcome] = run,
) -> None:
    """Fuzz every sample as the command line says, and print what came out.

    Args:
        description: Of the script.
        chosen: Makes the samples.
        one: Runs one mutation.
    """
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--rounds", type=int, default=10_000, help="mutations of each sample")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--parser", help="only this one")
    options = arguments.parse_args()
    pa.set_cpu_count(1)
    for number, sample in enumerate(chosen()):
        if options.parser not in {None, sample.parser}:
            continue
        rng = random.Random(f"{options.seed}-{number}")  # noqa: S311 - repeatable, not secret
        started, counts = time.perf_counter(), Counter[str]()
        with tempfile.TemporaryDirectory() as name:
            for _ in range(options.rounds):
                outcome = one(sample, mutated(sample, rng), Path(name))
                if outcome.error:
                    last = outcome.error.strip().splitlines()[-1]
                    if counts[last] == 0:
                        print(outcome.error)
                    counts["ESCAPED"] += 1
                    counts[last] += 1
                elif outcome.refused:
                    counts["refused"] += 1
                else:
                    counts["with failures" if outcome.failures else "clean"] += 1
        seconds = time.perf_counter() - started
        what = f"{sample.parser} {dict(sample.options)}"
        print(f"{what}: {options.rounds:,} mutations in {seconds:.0f} s: {dict(counts)}", flush=True)


if __name__ == "__main__":
    drive(__doc__, samples)
