"""xtb-molecules: small organic molecules at their GFN2-xTB minimum, with twelve targets named as in QM9."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import constants

from molbench.generate import density, geometry, thermochemistry, xtb
from molbench.generate.engine import RECORD_FIELDS, Generator, JobOutcome
from molbench.generate.minimum import compute_each, minimum_of
from molbench.generate.xtb import ANGSTROM, Array

#: Decimal places kept of every target, in its own unit: coarser than the noise of finite differences and of
#: the self-consistent field, so that a repeated run gives the same bytes.
DECIMALS = {
    "mu": 4,  # Debye
    "alpha": 3,  # Bohr³
    "homo": 6,  # Hartree
    "lumo": 6,
    "gap": 6,
    "r2": 3,  # Bohr²
    "zpve": 6,  # Hartree
    "u0": 6,
    "u298": 6,
    "h298": 6,
    "g298": 6,
    "cv": 3,  # cal/(mol K)
}

SCHEMA = pa.schema([*RECORD_FIELDS, *(pa.field(name, pa.float64()) for name in DECIMALS)])

_LEVEL = f"{xtb.METHOD}; r2: {density.LEVEL} at the {xtb.METHOD} geometry"

_MOLECULES_PER_JOB = 20

_DEBYE = constants.e * xtb.BOHR * constants.c * 1e21  # Debye per elementary charge and Bohr
_CALORIE = xtb.HARTREE * constants.N_A / constants.calorie  # cal/mol per Hartree


def plan_molecules(seed: int, limit: int | None) -> list[list[tuple[str, str, int]]]:
    """Jobs of (id, SMILES, embedding seed) for the first ``limit`` enumerated molecules."""
    from molbench.generate.enumeration import enumerate_molecules

    molecules = enumerate_molecules(seed)[:limit]
    rows = [(f"xtb-{index:06d}", smiles, seed + index) for index, smiles in enumerate(molecules)]
    return [rows[start : start + _MOLECULES_PER_JOB] for start in range(0, len(rows), _MOLECULES_PER_JOB)]


def compute_molecules(job: Sequence[tuple[str, str, int]]) -> JobOutcome:
    """Computes the records of one job; a molecule without a proper minimum is rejected with the reason."""
    return compute_each(job, molecule_record)


def molecule_record(smiles: str, seed: int) -> dict[str, Any]:
    """All columns but the id for one molecule.

    Raises:
        UnfitError: where no minimum with the graph of ``smiles`` is found.
        RuntimeError: where a self-consistent field does not converge.
    """
    mol, numbers, masses, (stored, quanta, _) = minimum_of(smiles, seed)
    angstrom = stored.astype(np.float64)
    symmetry_number = geometry.symmetry_number(mol, angstrom)
    targets = _properties(numbers, masses, angstrom, quanta, symmetry_number)
    return {
        "atomic_numbers": numbers.tolist(),
        "positions": stored.tolist(),
        "smiles": smiles,
        "level_of_theory": _LEVEL,
        **{name: round(targets[name], decimals) for name, decimals in DECIMALS.items()},
    }


def _properties(
    numbers: NDArray[np.integer[Any]], masses: Array, angstrom: Array, quanta: Array, symmetry_number: int
) -> dict[str, float]:
    """The twelve targets at a minimum, in the units of `DECIMALS`."""
    positions = angstrom * ANGSTROM
    molecule = xtb.XtbMolecule(numbers, positions)
    electronic = molecule.single_point()
    gas = thermochemistry.ideal_gas(quanta, masses, positions, symmetry_number)
    homo, lumo = round(electronic.homo, DECIMALS["homo"]), round(electronic.lumo, DECIMALS["lumo"])
    return {
        "mu": float(np.linalg.norm(electronic.dipole)) * _DEBYE,
        "alpha": float(np.trace(molecule.polarizability())) / 3,
        "homo": homo,
        "lumo": lumo,
        "gap": lumo - homo,
        "r2": density.electronic_spatial_extent(numbers, positions),
        "zpve": gas.zpve,
        "u0": electronic.energy + gas.zpve,
        "u298": electronic.energy + gas.internal_energy,
        "h298": electronic.energy + gas.enthalpy,
        "g298": electronic.energy + gas.free_energy,
        "cv": gas.heat_capacity * _CALORIE,
    }


GENERATOR = Generator("xtb-molecules", SCHEMA, plan_molecules, compute_molecules)
