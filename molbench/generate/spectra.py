"""xtb-spectra: UV-Vis, infrared and Raman spectra of small molecules at their GFN2-xTB minimum."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from rdkit import Chem

from molbench.generate import spectra_excitations, spectra_vibrations, thermochemistry, xtb
from molbench.generate.engine import RECORD_FIELDS, Generator, JobOutcome
from molbench.generate.minimum import compute_each, minimum_of
from molbench.generate.xtb import ANGSTROM, Array
from molbench.spec.spectra import Grid

GRIDS = {
    "uv": Grid(start=2.0, step=0.1, points=131, unit="eV"),
    "ir": Grid(start=500.0, step=10.0, points=351, unit="cm⁻¹"),
    "raman": Grid(start=500.0, step=10.0, points=351, unit="cm⁻¹"),
}

#: Full widths at half maximum: a Gaussian (eV), which falls off fast enough that no state beyond the window
#: matters, and a Lorentzian (cm⁻¹), the shape of a damped vibration.
UV_WIDTH = 0.5
VIBRATION_WIDTH = 30.0

#: Decimal places kept, in 1/eV, km/mol·cm and Å⁴/amu·cm: bands are of the order of 1.
DECIMALS = {"uv": 4, "ir": 4, "raman": 4}

#: Largest number of heavy atoms; one more and the excitations cost twice as much.
HEAVY_ATOMS = 5

#: Enumerated molecules of this size that are tried.
MOLECULES = 300

SCHEMA = pa.schema(
    [*RECORD_FIELDS, *(pa.field(name, pa.list_(pa.float32(), grid.points)) for name, grid in GRIDS.items())]
)

_LEVEL = f"{xtb.METHOD}; uv: {spectra_excitations.LEVEL} at the {xtb.METHOD} geometry"

_MOLECULES_PER_JOB = 10


def plan_spectra(seed: int, limit: int | None) -> list[list[tuple[str, str, int]]]:
    """Jobs of (id, SMILES, embedding seed) for the first ``limit`` molecules that are small enough.

    Ids and seeds are those of xtb-molecules, and with them the geometries.
    """
    from molbench.generate.enumeration import enumerate_molecules

    rows = [
        (f"xtb-{index:06d}", smiles, seed + index)
        for index, smiles in enumerate(enumerate_molecules(seed))
        if Chem.MolFromSmiles(smiles).GetNumHeavyAtoms() <= HEAVY_ATOMS
    ][:MOLECULES][:limit]
    return [rows[start : start + _MOLECULES_PER_JOB] for start in range(0, len(rows), _MOLECULES_PER_JOB)]


def compute_spectra(job: Sequence[tuple[str, str, int]]) -> JobOutcome:
    """Computes the records of one job; a molecule without a proper minimum is rejected with the reason."""
    return compute_each(job, spectra_record)


def spectra_record(smiles: str, seed: int) -> dict[str, Any]:
    """All columns but the id for one molecule.

    Raises:
        UnfitError: where no minimum with the graph of ``smiles`` is found.
        RuntimeError: where a self-consistent field does not converge.
    """
    _, numbers, masses, minimum = minimum_of(smiles, seed)
    positions = minimum.positions.astype(np.float64) * ANGSTROM

    coordinates = spectra_vibrations.normal_coordinates(minimum.displacements, masses)
    dipole, polarizability = spectra_vibrations.field_derivatives(numbers, positions)
    wavenumbers = minimum.quanta / thermochemistry.WAVENUMBER
    energies, strengths = spectra_excitations.excitations(numbers, positions, GRIDS["uv"].stop + 3 * UV_WIDTH)
    curves = {
        "uv": gaussians(energies, strengths, GRIDS["uv"], UV_WIDTH),
        "ir": lorentzians(
            wavenumbers,
            spectra_vibrations.infrared_intensities(dipole, coordinates),
            GRIDS["ir"],
            VIBRATION_WIDTH,
        ),
        "raman": lorentzians(
            wavenumbers,
            spectra_vibrations.raman_activities(polarizability, coordinates),
            GRIDS["raman"],
            VIBRATION_WIDTH,
        ),
    }
    return {
        "atomic_numbers": numbers.tolist(),
        "positions": minimum.positions.tolist(),
        "smiles": smiles,
        "level_of_theory": _LEVEL,
        **{name: np.round(curve, DECIMALS[name]).tolist() for name, curve in curves.items()},
    }


def lorentzians(centres: Array, areas: Array, grid: Grid, width: float) -> Array:
    """Sum of Lorentzian lines.

    Args:
        centres: shape (lines,), in the unit of the grid.
        areas: integral of each line, shape (lines,).
        grid: where the sum is sampled.
        width: full width at half maximum, in the unit of the grid.

    Returns:
        Shape (points,), in the unit of the areas per unit of the grid.
    """
    away = np.array(grid.values())[:, None] - centres
    return np.asarray(width / (2 * np.pi) / (away**2 + width**2 / 4) @ areas)


def gaussians(centres: Array, areas: Array, grid: Grid, width: float) -> Array:
    """Sum of Gaussian lines; arguments and result as for `lorentzians`."""
    sigma = width / np.sqrt(8 * np.log(2))
    away = (np.array(grid.values())[:, None] - centres) / sigma
    return np.asarray(np.exp(-(away**2) / 2) @ areas / (sigma * np.sqrt(2 * np.pi)))


GENERATOR = Generator("xtb-spectra", SCHEMA, plan_spectra, compute_spectra)
