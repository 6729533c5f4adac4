"""GFN2-xTB by tblite, in atomic units.

Method: Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 15, 1652 (2019).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import constants

Array = NDArray[np.float64]

HARTREE = constants.value("Hartree energy")  # J
BOHR = constants.value("Bohr radius")  # m
ANGSTROM = constants.angstrom / BOHR  # Bohr

METHOD = "GFN2-xTB"

#: Self-consistency threshold relative to tblite's default of 1e-6 Hartree: finite differences need a tight
#: one (tightening it tenfold further moves water's polarisability by 0.01 %).
_ACCURACY = 0.1

#: Displacement of the central differences of the gradient (Bohr).
_STEP = 0.005

#: Field of the central differences of the dipole (Hartree per elementary charge and Bohr).
_FIELD = 0.001


@dataclass(frozen=True)
class SinglePoint:
    """Result of one calculation.

    Attributes:
        energy: total energy (Hartree).
        gradient: energy gradient, shape (atoms, 3) (Hartree/Bohr).
        dipole: dipole moment, shape (3,) (e Bohr).
        homo: energy of the highest occupied orbital (Hartree).
        lumo: energy of the lowest empty orbital (Hartree); infinite where the minimal basis has none.
    """

    energy: float
    gradient: Array
    dipole: Array
    homo: float
    lumo: float


class XtbMolecule:
    """A neutral closed-shell molecule whose GFN2-xTB properties can be asked for.

    Args:
        numbers: atomic numbers, shape (atoms,).
        positions: reference geometry, shape (atoms, 3) (Bohr).

    Raises:
        RuntimeError: from any method, where the self-consistent field does not converge.
    """

    def __init__(self, numbers: NDArray[np.integer[Any]], positions: Array) -> None:
        self._numbers = numbers
        self._positions = positions
        self._calculator = self._new_calculator()

    def _new_calculator(self) -> Any:
        from tblite.interface import Calculator

        calculator = Calculator(METHOD, self._numbers, self._positions)
        calculator.set("verbosity", 0)
        calculator.set("accuracy", _ACCURACY)
        return calculator

    def single_point(self, positions: Array | None = None) -> SinglePoint:
        """Energy, gradient, dipole and frontier orbitals.

        Args:
            positions: shape (atoms, 3) (Bohr); the reference geometry by default.
        """
        self._calculator.update(self._positions if positions is None else positions)
        result = self._calculator.singlepoint()
        orbitals = result.get("orbital-energies")
        occupied = result.get("orbital-occupations") > 1.0
        empty = orbitals[~occupied]
        return SinglePoint(
            energy=float(result.get("energy")),
            gradient=result.get("gradient"),
            dipole=result.get("dipole"),
            homo=float(orbitals[occupied].max()),
            lumo=float(empty.min()) if len(empty) else float("inf"),
        )

    def hessian(self) -> Array:
        """Second derivatives of the energy, shape (3 atoms, 3 atoms) (Hartree/Bohr²).

        Central differences of the analytical gradient, symmetrised.
        """
        size = self._positions.size
        hessian = np.empty((size, size))
        for row in range(size):
            step = np.zeros(size)
            step[row] = _STEP
            forward = self.single_point(self._positions + step.reshape(-1, 3)).gradient
            backward = self.single_point(self._positions - step.reshape(-1, 3)).gradient
            hessian[row] = ((forward - backward) / (2 * _STEP)).ravel()
        return (hessian + hessian.T) / 2

    def polarizability(self) -> Array:
        """Static dipole polarisability, shape (3, 3) (Bohr³).

        Central differences of the self-consistent dipole in homogeneous electric fields, symmetrised. The
        geometry stays fixed, so the tensor is the electronic one; the minimal basis makes it too small, most
        of all perpendicular to a plane of atoms.
        """
        tensor = np.empty((3, 3))
        for axis in range(3):
            field = [0.0, 0.0, 0.0]
            dipoles = []
            for sign in (1, -1):
                field[axis] = sign * _FIELD
                calculator = self._new_calculator()
                # The interface takes a plain list of floats and refuses an array.
                calculator.add("electric-field", list(field))
                dipoles.append(calculator.singlepoint().get("dipole"))
            tensor[axis] = (dipoles[0] - dipoles[1]) / (2 * _FIELD)
        return (tensor + tensor.T) / 2
