"""A small valid input of every parser of molecules and trajectories, in each container that it reads."""

import io
import lzma
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from molbench.data.build.parsers.qm9 import PROPERTIES
from tests.fuzz.mutation import Files, Sample


def samples() -> list[Sample]:
    """One sample for each parser and each container that it reads."""
    unsuitable = b"\n# Index  GDB17  B3LYP  Corina  D_IJ\n====\n 3  C  C  [C]  1.5\n====\n"
    sdf = b"".join(molblock(i) for i in range(1, 6))
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
        Sample("md17-npz", trajectory("z", "R", "E", "F"), {"molecule": "water"}, in_npz),
        Sample(
            "rmd17-npz",
            trajectory("nuclear_charges", "coords", "energies", "forces"),
            {"molecule": "water", "labels": "revised"},
            in_npz,
        ),
        Sample("records", {"records.parquet": _parquet()}, {"columns": ["smiles", "forces", "energy"]}),
    ]


def molblock(i: int) -> bytes:
    """Water in a block of version 2000."""
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


def trajectory(numbers: str, positions: str, energies: str, forces: str) -> Files:
    """Arrays of seven frames of water under these names."""
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


def in_npz(files: Files) -> Files:
    """Arrays as one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return {"trajectory.npz": buffer.getvalue()}
