"""Files in the layouts of QM9S, made up by the tests: no number in them is from the collection."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from molbench.data.build.parsers.qm9s import ATOM_TENSORS, GRIDS, SECOND_RANK, TENSORS, THIRD_RANK

#: SMILES and atomic numbers of the molecules that are made up, in the order in which they are used.
MOLECULES = [
    ("C", [6, 1, 1, 1, 1]),
    ("N", [7, 1, 1, 1]),
    ("O", [8, 1, 1]),
    ("C#C", [6, 6, 1, 1]),
    ("C#N", [6, 7, 1]),
    ("C=O", [6, 8, 1, 1]),
    ("CC", [6, 6, 1, 1, 1, 1, 1, 1]),
    ("CO", [6, 8, 1, 1, 1, 1]),
]


def molecule(number: int, qm9_number: int | None = None) -> dict[str, Any]:
    """Made-up values of every quantity of molecule ``number``, tensors in full."""
    rng = np.random.default_rng(number)
    smiles, numbers = MOLECULES[(number - 1) % len(MOLECULES)]
    n = len(numbers)
    second, third = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 3, 3))
    axes = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    return {
        "number": number,
        "qm9_number": number + 2 if qm9_number is None else qm9_number,
        "smiles": smiles,
        "numbers": numbers,
        "energy": float(rng.normal() * 1000),
        "charges": rng.normal(size=n),
        "positions": rng.normal(size=(n, 3)),
        "dipole": rng.normal(size=3),
        "quadrupole": second[0] + second[0].T,
        "octupole": sum(third[0].transpose(axis) for axis in axes),
        "polarizability": second[1] + second[1].T,
        "hyperpolarizability": sum(third[1].transpose(axis) for axis in axes),
        "excitation_energies": np.sort(rng.uniform(3, 12, size=10)),
        "transition_dipoles": rng.normal(size=(10, 3)),
        "dipole_derivatives": rng.normal(size=(n, 3, 3)),
        "polarizability_derivatives": rng.normal(size=(n, 3, 6)),
        "hessian": rng.normal(size=(3 * n, 3 * n)),
    }


def packed(values: dict[str, Any], name: str) -> np.ndarray:
    """A quantity of a molecule in the components of the readme."""
    tensor = np.asarray(values[name])
    places = {(3, 3): SECOND_RANK, (3, 3, 3): THIRD_RANK}.get(tensor.shape)
    return tensor.ravel() if places is None else tensor[places]


def table(values: dict[str, Any]) -> str:
    """One file of ``qm9s_csv.zip``: line and column numbers around the rows of the readme, filled up."""
    n = len(values["numbers"])
    rows: list[Sequence[Any]] = [
        [values["number"], values["qm9_number"], values["smiles"], n],
        [values["energy"]],
        values["charges"],
        *(packed(values, name) for name in TENSORS),
    ]
    rows += [[z, *xyz] for z, xyz in zip(values["numbers"], values["positions"], strict=True)]
    rows += [row for name in ATOM_TENSORS for row in np.reshape(values[name], (n, -1))]
    rows += list(values["hessian"])
    width = max(map(len, rows))
    lines = [",".join(["", *map(str, range(width))])]
    for at, row in enumerate(rows):
        cells = [repr(float(cell)) if isinstance(cell, float) else str(cell) for cell in row]
        lines.append(",".join([str(at), *cells, *[""] * (width - len(cells))]))
    return "\n".join(lines) + "\n"


def archive(path: Path, tables: dict[str, str | bytes]) -> Path:
    """``qm9s_csv.zip`` with the given files."""
    path.write_bytes(zipped({f"qm9s_csv/{name}": text for name, text in tables.items()}))
    return path


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip archive as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name, text)
    return buffer.getvalue()


def spectrum(number: int, name: str) -> np.ndarray:
    """A made-up spectrum of molecule ``number``."""
    rng = np.random.default_rng([number, *name.encode()])
    return np.round(rng.exponential(size=GRIDS[name].points), 6)


def broadened(name: str, numbers: Sequence[int], end: str = "\n") -> str:
    """A table of spectra: a line of grid points, then an index from 0 and a spectrum a line."""
    grid = GRIDS[name]
    header = ",".join(["", *(repr(round(point, 6)) for point in grid.values())])
    rows = [
        ",".join([str(index), *map(repr, spectrum(number, name).tolist())])
        for index, number in enumerate(numbers)
    ]
    return end.join([header, *rows, ""])


def write(folder: Path, count: int) -> list[Path]:
    """Archive and three tables of molecules 1 to ``count``."""
    numbers = range(1, count + 1)
    paths = [archive(folder / "qm9s_csv.zip", {f"{i:06d}.csv": table(molecule(i)) for i in numbers})]
    for name in GRIDS:
        paths.append(folder / f"{name}_boraden.csv")
        paths[-1].write_text(broadened(name, numbers))
    return paths
