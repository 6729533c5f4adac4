"""What the published layouts of QM9S share: its quantities, their components and the grids of its spectra.

QM9S: Zou et al., A deep learning model for predicting selected organic molecular spectra, Nat. Comput. Sci.
3, 957 (2023). Quantities, units and the order of components are those of the collection's ``readme.txt``.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from molbench.data.build.parsers.base import Chunk
from molbench.data.build.parsers.columns import MoleculeChunk, record_schema
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

#: A chunk is a few megabytes even where each record has 7,703 points.
_CHUNK = 250


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


class TensorChunk(MoleculeChunk):
    """Collects molecules whose columns hold tensors and spectra beside numbers.

    Args:
        schema: Columns; those of fixed-size lists, one a molecule or one an atom, are the tensors.
    """

    def __init__(self, schema: pa.Schema) -> None:
        tensors = [field for field in schema if field.name != "positions" and _components(field.type)]
        super().__init__(pa.schema([field for field in schema if field not in tensors]))
        self._all = schema
        self._tensors: dict[str, list[np.ndarray]] = {field.name: [] for field in tensors}

    @property
    def full(self) -> bool:
        """Whether the chunk should be yielded."""
        return len(self) >= _CHUNK

    def add_molecule(self, identifier: str, molecule: dict[str, Any], where: str) -> None:
        """Add one molecule.

        Args:
            identifier: Value of the column ``id``.
            molecule: ``numbers`` [N], ``positions`` [3 N] (Å) and the value of each other column; tensors of
                an atom as [N, components].
            where: File and place.
        """
        values = dict(molecule)
        with np.errstate(over="ignore"):
            tensors = {name: np.asarray(values.pop(name), dtype=np.float32) for name in self._tensors}
        self.add(identifier, values.pop("numbers"), values.pop("positions"), where, **values)
        for name, tensor in tensors.items():
            self._tensors[name].append(tensor)

    def take(self) -> Chunk:
        """The records collected so far; collecting starts anew."""
        atoms = [len(numbers) for numbers in self._columns["atomic_numbers"]]
        offsets = pa.array(np.cumsum([0, *atoms]), pa.int32())
        made = {}
        for name, tensors in self._tensors.items():
            kind = self._all.field(name).type
            flat = np.concatenate([np.empty(0, np.float32), *(tensor.ravel() for tensor in tensors)])
            fixed = pa.FixedSizeListArray.from_arrays(pa.array(flat), _components(kind))
            made[name] = pa.ListArray.from_arrays(offsets, fixed) if pa.types.is_list(kind) else fixed
        self._tensors = {name: [] for name in self._tensors}
        chunk = super().take()
        columns = [made[name] if name in made else chunk.table.column(name) for name in self._all.names]
        return replace(chunk, table=pa.Table.from_arrays(columns, schema=self._all))


def _components(kind: pa.DataType) -> int:
    """Length of the fixed-size list that a column or the entries of a column are; 0 for anything else."""
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return int(inner.list_size) if pa.types.is_fixed_size_list(inner) else 0
