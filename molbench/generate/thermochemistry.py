"""Vibrations and ideal-gas thermochemistry: rigid rotor, harmonic oscillator, singlet ground state.

Equations: McQuarrie and Simon, Molecular Thermodynamics (1999), chapter 4. Everything is in atomic units
(Hartree, Bohr, electron mass) but for the temperature and the pressure.
"""

from dataclasses import dataclass

import numpy as np
from scipy import constants

from molbench.generate.xtb import BOHR, HARTREE, Array

TEMPERATURE = 298.15  # K
PRESSURE = 101_325.0  # Pa

DALTON = constants.value("atomic mass constant") / constants.m_e  # electron masses
BOLTZMANN = constants.k / HARTREE  # Hartree/K
WAVENUMBER = 100 * constants.h * constants.c / HARTREE  # Hartree per cm⁻¹

#: Pressure of one atmosphere in Hartree/Bohr³.
_PRESSURE = PRESSURE * BOHR**3 / HARTREE

#: Norm below which an (orthonormalised) rotation of a linear molecule about its axis counts as no motion.
_LINEAR = 1e-3


def normal_modes(hessian: Array, masses: Array, positions: Array) -> tuple[Array, Array]:
    """Harmonic vibrations, with translations and rotations projected out.

    Args:
        hessian: second derivatives of the energy, shape (3 atoms, 3 atoms) (Hartree/Bohr²).
        masses: shape (atoms,) (electron masses).
        positions: shape (atoms, 3) (Bohr).

    Returns:
        Ascending vibrational quanta, shape (modes,) (Hartree), an imaginary frequency as a negative number;
        and the displacements of the atoms along each mode, shape (modes, atoms, 3), the largest of each mode
        of unit length. There are 3 atoms - 6 modes, or 3 atoms - 5 for a linear molecule.
    """
    root = np.repeat(np.sqrt(masses), 3)
    rigid = _rigid_motions(masses, positions)
    # The null space of the rigid motions holds exactly the internal ones.
    internal = np.linalg.svd(rigid)[2][len(rigid) :]
    curvature, vectors = np.linalg.eigh(internal @ (hessian / np.outer(root, root)) @ internal.T)
    displacements = ((vectors.T @ internal) / root).reshape(len(curvature), -1, 3)
    displacements /= np.linalg.norm(displacements, axis=2).max(axis=1)[:, None, None]
    return np.sign(curvature) * np.sqrt(np.abs(curvature)), displacements


def _rigid_motions(masses: Array, positions: Array) -> Array:
    """Orthonormal mass-weighted translations and rotations, shape (6 or 5, 3 atoms)."""
    centred = positions - np.average(positions, axis=0, weights=masses)
    axes = np.eye(3)
    translations = [np.tile(axis, (len(masses), 1)) for axis in axes]
    rotations = [np.cross(axis, centred) for axis in axes]
    motions = np.array([(np.sqrt(masses)[:, None] * motion).ravel() for motion in translations + rotations])
    # Rotations are scaled to the size of the molecule, so that one threshold tells whether one is missing.
    motions[3:] /= np.sqrt((masses[:, None] * centred**2).sum())
    motions[:3] /= np.sqrt(masses.sum())
    _, norms, basis = np.linalg.svd(motions, full_matrices=False)
    return np.asarray(basis[norms > _LINEAR])


@dataclass(frozen=True)
class Thermochemistry:
    """Ideal-gas functions of one molecule at 298.15 K and 1 atm.

    Attributes:
        zpve: zero-point vibrational energy (Hartree).
        internal_energy: thermal internal energy above the electronic energy, zpve included (Hartree).
        enthalpy: ``internal_energy`` + k T (Hartree).
        free_energy: ``enthalpy`` - T S (Hartree).
        heat_capacity: at constant volume (Hartree/K).
    """

    zpve: float
    internal_energy: float
    enthalpy: float
    free_energy: float
    heat_capacity: float


def ideal_gas(quanta: Array, masses: Array, positions: Array, symmetry_number: int) -> Thermochemistry:
    """Rigid-rotor harmonic-oscillator functions of an ideal gas of singlet molecules.

    Args:
        quanta: positive vibrational quanta, shape (modes,) (Hartree).
        masses: shape (atoms,) (electron masses), two atoms or more.
        positions: shape (atoms, 3) (Bohr).
        symmetry_number: number of rotations that leave the molecule unchanged.

    Raises:
        ValueError: if a quantum is not positive.
    """
    if np.any(quanta <= 0):
        raise ValueError("thermochemistry needs a minimum: a vibrational quantum is not positive")
    kT = BOLTZMANN * TEMPERATURE
    x = quanta / kT
    occupation = 1 / np.expm1(x)
    zpve = float(quanta.sum() / 2)

    # Translation (Sackur-Tetrode, hbar = 1).
    volume = kT / _PRESSURE
    entropy = 2.5 + np.log(volume * (masses.sum() * kT / (2 * np.pi)) ** 1.5)
    energy, capacity = 1.5 * kT, 1.5

    # Rotation: classical, with the principal moments of inertia.
    centred = positions - np.average(positions, axis=0, weights=masses)
    inertia = np.eye(3) * (masses[:, None] * centred**2).sum() - (masses[:, None] * centred).T @ centred
    moments = np.linalg.eigvalsh(inertia)
    if moments[0] < _LINEAR**2 * moments[-1]:
        entropy += 1 + np.log(2 * moments[-1] * kT / symmetry_number)
        energy, capacity = energy + kT, capacity + 1
    else:
        entropy += 1.5 + np.log(np.sqrt(np.pi * np.prod(2 * moments * kT)) / symmetry_number)
        energy, capacity = energy + 1.5 * kT, capacity + 1.5

    # Vibration.
    energy += zpve + float((quanta * occupation).sum())
    entropy += float((x * occupation - np.log(-np.expm1(-x))).sum())
    capacity += float((x**2 * occupation * (occupation + 1)).sum())

    enthalpy = energy + kT
    return Thermochemistry(
        zpve=zpve,
        internal_energy=energy,
        enthalpy=enthalpy,
        free_energy=enthalpy - kT * float(entropy),
        heat_capacity=BOLTZMANN * capacity,
    )
