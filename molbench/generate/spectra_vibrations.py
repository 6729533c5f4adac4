"""Infrared intensities and Raman activities in the double-harmonic approximation.

The derivatives of the dipole and of the polarizability with respect to the nuclei are derivatives of the
gradient with respect to a homogeneous electric field (Komornicki and McIver, J. Chem. Phys. 70, 2014, 1979),
so that a few gradients in fields serve a molecule of any size. Intensities and activities: Wilson, Decius and
Cross, Molecular Vibrations (1955), chapter 3; Porezag and Pederson, Phys. Rev. B 54, 7830 (1996).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from molbench.generate.thermochemistry import DALTON
from molbench.generate.xtb import ANGSTROM, METHOD, Array

#: Field of the differences (Hartree per elementary charge and Bohr).
_FIELD = 0.003

#: Self-consistency threshold relative to tblite's default of 1e-6 Hartree; second differences divide the
#: noise of the gradient by the square of the field.
_ACCURACY = 1e-3

#: km/mol for a squared dipole derivative of one e² per electron mass: N_A / (12 ε0 c²).
_INTENSITY = (
    constants.N_A * constants.e**2 / (12 * constants.epsilon_0 * constants.c**2 * constants.m_e)
) / constants.kilo

#: Å⁴/amu for a squared polarizability derivative of one Bohr⁴ per electron mass.
_ACTIVITY = DALTON / ANGSTROM**4


def field_derivatives(numbers: NDArray[np.integer[Any]], positions: Array) -> tuple[Array, Array]:
    """How dipole and polarizability of GFN2-xTB change with the nuclei.

    Args:
        numbers: atomic numbers, shape (atoms,).
        positions: shape (atoms, 3) (Bohr).

    Returns:
        Derivatives of the dipole, shape (atoms, 3, 3) (e), and of the static polarizability, shape
        (atoms, 3, 3, 3) (Bohr²), both with the direction of the nucleus before those of the tensor.

    Raises:
        RuntimeError: where the self-consistent field does not converge.
    """
    axes = _FIELD * np.eye(3)
    rest = _gradient(numbers, positions, np.zeros(3))
    forward = [_gradient(numbers, positions, axis) for axis in axes]
    backward = [_gradient(numbers, positions, -axis) for axis in axes]
    dipole = np.stack([back - fore for fore, back in zip(forward, backward, strict=True)], -1) / (2 * _FIELD)
    polarizability = np.empty((*positions.shape, 3, 3))
    for i in range(3):
        polarizability[..., i, i] = 2 * rest - forward[i] - backward[i]
        for j in range(i):
            both = _gradient(numbers, positions, axes[i] + axes[j])
            neither = _gradient(numbers, positions, -axes[i] - axes[j])
            crossed = (forward[i] + backward[i] + forward[j] + backward[j] - both - neither - 2 * rest) / 2
            polarizability[..., i, j] = polarizability[..., j, i] = crossed
    return dipole, polarizability / _FIELD**2


def _gradient(numbers: NDArray[np.integer[Any]], positions: Array, field: Array) -> Array:
    from tblite.interface import Calculator

    calculator = Calculator(METHOD, numbers, positions)
    calculator.set("verbosity", 0)
    calculator.set("accuracy", _ACCURACY)
    calculator.add("electric-field", field.tolist())
    return np.asarray(calculator.singlepoint().get("gradient"))


def normal_coordinates(displacements: Array, masses: Array) -> Array:
    """Displacements of the atoms for one unit of each normal coordinate.

    Args:
        displacements: shape (modes, atoms, 3), of any length.
        masses: shape (atoms,) (electron masses).

    Returns:
        Shape (modes, atoms, 3), 1 / √(electron mass).
    """
    norms = np.sqrt((masses[:, None] * displacements**2).sum(axis=(1, 2)))
    return np.asarray(displacements / norms[:, None, None])


def infrared_intensities(dipole: Array, coordinates: Array) -> Array:
    """Integrated absorption of the fundamental of every mode.

    Args:
        dipole: derivatives of the dipole, shape (atoms, 3, 3) (e).
        coordinates: from `normal_coordinates`.

    Returns:
        Shape (modes,) (km/mol).
    """
    along = np.einsum("max,axi->mi", coordinates, dipole)
    return np.asarray(_INTENSITY * (along**2).sum(axis=1))


def raman_activities(polarizability: Array, coordinates: Array) -> Array:
    """Raman scattering activity 45 a'² + 7 γ'² of every mode.

    Args:
        polarizability: derivatives of the polarizability, shape (atoms, 3, 3, 3) (Bohr²).
        coordinates: from `normal_coordinates`.

    Returns:
        Shape (modes,) (Å⁴/amu).
    """
    along = np.einsum("max,axij->mij", coordinates, polarizability)
    mean = np.trace(along, axis1=1, axis2=2) / 3
    # γ² in a form that holds for any orientation: 3/2 of the squared norm of the traceless part.
    anisotropy = 1.5 * ((along**2).sum(axis=(1, 2)) - 3 * mean**2)
    return np.asarray(_ACTIVITY * (45 * mean**2 + 7 * anisotropy))
