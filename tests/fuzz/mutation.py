"""Mutates valid files; nothing but records, counted failures and UserErrors may come out of a parser."""

import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from molbench.data.build.parsers import build_parser
from molbench.data.build.soundness import sound_records
from molbench.errors import UserError
from tests.fuzz.checks import check_molecules

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


def write_files(files: Mapping[str, bytes], folder: Path) -> dict[str, Path]:
    """Lay files down and say where each is."""
    paths = {name: folder / name for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    return paths


@dataclass
class Outcome:
    """What came of one mutation: records and failures, or a refusal, or an exception that escaped."""

    records: int = 0
    failures: int = 0
    error: str = ""
    refused: bool = False


@dataclass
class Sample:
    """A small valid input of one parser.

    Attributes:
        parser: As registered.
        files: What is mutated.
        options: Of the parser.
        outer: Packs the files into the containers that the parser reads.
        check: Raises if a table breaks the promises of its columns.
        write: Lays the files down; the parser's sources by key.
    """

    parser: str
    files: Files
    options: dict[str, Any] = field(default_factory=dict)
    outer: Callable[[Files], Files] = lambda files: files
    check: Callable[[pa.Table, pa.Schema], None] = check_molecules
    write: Callable[[Files, Path], dict[str, Path]] = write_files


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


def run(sample: Sample, files: Files, folder: Path) -> Outcome:
    """Parse files and check what comes out; any exception but a UserError is kept as ``error``."""
    outcome = Outcome()
    try:
        paths = sample.write(files, folder)
        parser = build_parser(sample.parser, sample.options)
        schema = parser.schema()
        for shard in parser.shards(paths, 3):
            for chunk in map(sound_records, shard.read()):
                sample.check(chunk.table, schema)
                outcome.records += len(chunk.table)
                outcome.failures += len(chunk.failures)
                if not all(failure.reason and failure.where for failure in chunk.failures):
                    raise RuntimeError("a failure without its place or reason")
    except UserError:
        outcome.refused = True
    except Exception:  # noqa: BLE001 - finding these is the purpose
        outcome.error = traceback.format_exc()
    return outcome
