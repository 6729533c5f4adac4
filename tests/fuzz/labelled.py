"""A small valid input of every parser of users' own files with labels."""

import json
import sqlite3
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz import molecules
from tests.fuzz.checks import check_molecules, check_pairs
from tests.fuzz.mutation import Sample

NUMBERS = np.array([8, 1, 1])
TARGET = {"gap": "gap (eV)"}


def samples() -> list[Sample]:
    """One sample for each parser, three for tables: of molecules, the same as SMILES, and of pairs."""
    sample = partial(Sample, check=partial(check_molecules, labels_may_be_null=True))
    rows = [
        "name,smiles,gap (eV)",
        *(f"m{i},{smiles},{i}.5" for i, smiles in enumerate(["O", "C", "N", "F"])),
    ]
    pairs = [
        "solute\tsolvent\tgap (eV)",
        *(f"{smiles}\tO\t-{i}.5" for i, smiles in enumerate(["CO", "CC", "CN"])),
    ]
    sdf = b"".join(molecules.molblock(i).replace(b"$$$$", b"> <gap (eV)>\n1.5\n\n$$$$") for i in range(5))
    return [
        sample("labelled-table", {"mine.csv": _lines(rows)}, {"targets": TARGET, "id": "name"}),
        Sample(
            "labelled-table",
            {"mine.tsv": _lines(pairs)},
            {"targets": TARGET, "smiles": ["solute", "solvent"]},
            check=partial(check_pairs, labels_may_be_null=True),
        ),
        sample(
            "labelled-table",
            {"mine.smi": _lines([line.replace(",", "\t") for line in rows])},
            {"targets": TARGET, "id": "name"},
        ),
        sample("labelled-sdf", {"mine.sdf": sdf}, {"targets": TARGET}),
        sample(
            "labelled-xyz",
            {"mine.extxyz": b"".join(_frame(i) for i in range(5))},
            {"targets": {"energy": "energy"}, "forces": "forces"},
        ),
        sample("ase-db", {"mine.db": _database()}, {"targets": {"energy": "energy", "gap": "gap"}}),
        sample(
            "labelled-npz",
            molecules.trajectory("z", "R", "E", "F"),
            {"targets": {"energy": "E"}, "forces": "F"},
            molecules.in_npz,
        ),
    ]


def _lines(rows: list[str]) -> bytes:
    return ("\n".join(rows) + "\n").encode()


def _frame(i: int) -> bytes:
    atoms = "".join(f"{s} {x} 0.5 {i}.25 0.1 -0.2 1e-3\n" for s, x in [("O", 0.0), ("H", 0.9), ("H", -0.3)])
    return f'3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-{i}.5 pbc="F F F"\n{atoms}'.encode()


def _database() -> bytes:
    """Three waters in the columns of ASE's databases that are read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.db"
        database = sqlite3.connect(path)
        database.execute(
            "CREATE TABLE systems (id INTEGER PRIMARY KEY, numbers BLOB, positions BLOB, pbc INTEGER, "
            "energy REAL, key_value_pairs TEXT, data BLOB)"
        )
        for i in range(3):
            positions = np.array([[0.0, 0, i], [0.9, 0, 0.1], [-0.3, 0.9, 0]])
            row = NUMBERS.astype("<i4").tobytes(), positions.astype("<f8").tobytes(), 0, -0.5 * i
            database.execute(
                "INSERT INTO systems VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps({"gap": i + 0.5}), "{}"),
            )
        database.commit()
        database.close()
        return path.read_bytes()
