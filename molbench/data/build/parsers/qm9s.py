"""What the published layouts of QM9S share: its quantities, their components and the grids of its spectra.

QM9S: Zou et al., A deep learning model for predicting selected organic molecular spectra, Nat. Comput. Sci.
3, 957 (2023). Quantities, units and the order of components are those of the collection's ``readme.txt``.
"""

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.columns import record_schema
from molbench.spec.spectra import Grid

GRIDS = {
    "uv": Grid(start=1.0, step=0.02, points=701, unit="eV"),
    "ir": Grid(start=500.0, step=1.0, points=3501, unit="cm⁻¹"),
    "raman": Grid(start=500.0, step=1.0, points=3501, unit="cm⁻¹"),
}

TENSORS = {
    "dipole": 3,  # Debye
    "quadrupole": 6,  # Debye Å
    "octupole": 10,  # Debye Å²
    "polarizability": 6,  # Bohr³
    "hyperpolarizability": 10,  # atomic units
    "excitation_energies": 10,  # eV
    "transition_dipoles": 30,  # Debye, x, y, z of each excitation
}
"""Components of each quantity of a molecule; symmetric tensors without what repeats itself."""

ATOM_TENSORS = {
    "dipole_derivatives": 9,  # Debye/Å
    "polarizability_derivatives": 18,  # Bohr³/Å
}
"""Components of each quantity of an atom, in the order of the source."""

#: Places of the independent components of a symmetric tensor, in the order of the readme:
#: xx, xy, yy, zx, zy, zz and xxx, xxy, yxy, yyy, xxz, yxz, yyz, zxz, zyz, zzz.
SECOND_RANK = tuple(np.array([[0, 0], [0, 1], [1, 1], [2, 0], [2, 1], [2, 2]]).T)
THIRD_RANK = tuple(
    np.array(
        [
            *([0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 0, 2]),
            *([1, 0, 2], [1, 1, 2], [2, 0, 2], [2, 1, 2], [2, 2, 2]),
        ]
    ).T
)

CHUNK_MOLECULES = 250
"""Records of a chunk, which is a few megabytes even where each has 7,703 points."""


def tensor_schema() -> pa.Schema:
    """Identity, structure, number in QM9, energy (eV), natural charges (e) and the tensors."""
    schema = record_schema("smiles", "energy")
    schema = schema.append(pa.field("qm9_number", pa.int64()))
    schema = schema.append(pa.field("charges", pa.list_(pa.float32())))
    for name, components in TENSORS.items():
        schema = schema.append(pa.field(name, pa.list_(pa.float32(), components)))
    for name, components in ATOM_TENSORS.items():
        schema = schema.append(pa.field(name, pa.list_(pa.list_(pa.float32(), components))))
    return schema


def with_spectra(schema: pa.Schema) -> pa.Schema:
    """A schema with a column for each spectrum at its end."""
    for name, grid in GRIDS.items():
        schema = schema.append(pa.field(name, pa.list_(pa.float32(), grid.points)))
    return schema
