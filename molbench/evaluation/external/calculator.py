"""Energies and forces of an ASE calculator in the unit of a dataset."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.candidates.base import NotApplicableError
from molbench.evaluation.external.molecules import StoreMolecules
from molbench.evaluation.external.process import ProcessEncoder
from molbench.evaluation.external.reference import reference_molecules
from molbench.evaluation.external.standalone import Molecule, UnsupportedError, calculator_settings
from molbench.evaluation.external.standalone import single_point as evaluated
from molbench.evaluation.kinds.forces import force_unit
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.tested import TestRecords
from molbench.spec.units import factor

#: Molecules whose energies say what a calculator computes.
_TRIED = 4


def calculator_digest(calculator: Any, name: str) -> str:
    """SHA-256 of its class, its settings, and its energies and forces of four small molecules.

    Raises:
        UserError: If it fails for one of them.
    """
    settings = (
        calculator.settings if isinstance(calculator, ProcessEncoder) else calculator_settings(calculator)
    )
    hasher = sha256(f"{settings}\n".encode())
    for molecule in reference_molecules()[:_TRIED]:
        energy, forces = checked_single_point(calculator, name, molecule)
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
        energy, force = checked_single_point(calculator, name, molecules[rows[identifier]])
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


def checked_single_point(calculator: Any, name: str, molecule: Molecule) -> tuple[float, np.ndarray]:
    """Energy in eV, and forces in eV/Å, [N, 3].

    Raises:
        NotApplicableError: If the calculator does not know an element.
        UserError: If it fails, or gives what is not finite.
    """
    try:
        if isinstance(calculator, ProcessEncoder):
            (numbers,) = calculator.encode([molecule])
        else:
            numbers = evaluated(calculator, molecule)
    except (UnsupportedError, NotApplicableError) as error:
        raise NotApplicableError(f"calculator '{name}' does not do '{molecule.id}': {error}") from error
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"calculator '{name}' fails on '{molecule.id}': {type(error).__name__}: {error}"
        ) from error
    size = molecule.atomic_numbers.size
    if numbers.shape != (1 + 3 * size,) or not np.isfinite(numbers).all():
        raise UserError(f"calculator '{name}' gives no finite energy and forces for '{molecule.id}'")
    return float(numbers[0]), numbers[1:].reshape(size, 3)
