"""Energies and forces of an ASE calculator in the unit of a dataset."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import numpy as np

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.external.molecules import StoreMolecules
from molbench.evaluation.external.reference import reference_molecules
from molbench.evaluation.external.standalone import Molecule
from molbench.evaluation.kinds.forces import force_unit
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.tested import TestRecords
from molbench.spec.units import factor

#: Molecules whose energies say what a calculator computes.
_TRIED = 4


def is_calculator(model: Any) -> bool:
    """Whether something is an ASE calculator; ASE is not imported to find out."""
    return any(kind.__module__.startswith("ase.calculators") for kind in type(model).__mro__)


def calculator_digest(calculator: Any, name: str) -> str:
    """SHA-256 of its class, its settings, and its energies and forces of four small molecules.

    Raises:
        UserError: If it fails for one of them.
    """
    kind = type(calculator)
    settings = json.dumps(getattr(calculator, "parameters", {}), sort_keys=True, default=repr)
    hasher = sha256(f"{kind.__module__}.{kind.__qualname__} {settings}\n".encode())
    for molecule in reference_molecules()[:_TRIED]:
        energy, forces = single_point(calculator, name, molecule)
        hasher.update(
            f"{energy:.6f} {np.array2string(forces + 0.0, precision=4, suppress_small=True)}\n".encode()
        )
    return hasher.hexdigest()


def calculate(calculator: Any, name: str, tested: TestRecords, store: Store) -> Predictions:
    """Energies and forces of the test records of a task, as they are: no energy is shifted.

    Raises:
        NotApplicableError: If the calculator does not support one of them.
        UserError: If it fails.
    """
    molecules, unit = StoreMolecules(store), force_unit(tested.task)
    rows = {name: row for row, name in enumerate(store.ids.to_pylist())}
    energies, forces = [], []
    for identifier in tested.row_of:
        energy, force = single_point(calculator, name, molecules[rows[identifier]])
        energies.append(energy)
        forces.append(force.ravel())
    if tested.forces is None:
        raise ValueError(f"{tested.task.id} has no forces")
    components = (np.concatenate(forces) * factor("eV/Å", unit)).astype(np.float32)
    return Predictions(
        list(tested.row_of),
        tested.target,
        np.array(energies) * factor("eV", tested.task.unit),
        tested.task.unit,
        ForcePredictions(tested.forces.target, components, tested.forces.offsets, unit),
        tested.clusters,
    )


def single_point(calculator: Any, name: str, molecule: Molecule) -> tuple[float, np.ndarray]:
    """Energy in eV, and forces in eV/Å, [N, 3].

    Charge and multiplicity are handed over as ``info["charge"]`` and ``info["spin"]``, and as initial charges
    and magnetic moments: what knows them reads one or the other.

    Raises:
        NotApplicableError: If the calculator does not know an element.
        UserError: If it fails, or gives what is not finite.
    """
    from ase import Atoms

    size = molecule.atomic_numbers.size
    atoms = Atoms(numbers=molecule.atomic_numbers, positions=molecule.positions)
    atoms.info |= {"charge": molecule.charge, "spin": molecule.multiplicity}
    if molecule.charge:
        atoms.set_initial_charges([molecule.charge, *[0] * (size - 1)])
    if molecule.multiplicity > 1:
        atoms.set_initial_magnetic_moments([molecule.multiplicity - 1, *[0] * (size - 1)])
    atoms.calc = calculator
    try:
        energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces(), dtype=np.float64)
    except (KeyError, NotImplementedError) as error:
        told = f"calculator '{name}' does not do '{molecule.id}': {type(error).__name__}: {error}"
        raise NotApplicableError(told) from error
    except Exception as error:
        raise UserError(
            f"calculator '{name}' fails on '{molecule.id}': {type(error).__name__}: {error}"
        ) from error
    if forces.shape != (size, 3) or not np.isfinite(forces).all() or not np.isfinite(energy):
        raise UserError(f"calculator '{name}' gives no finite energy and forces for '{molecule.id}'")
    return energy, forces
