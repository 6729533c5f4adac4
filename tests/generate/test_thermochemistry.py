import numpy as np
import pytest
from scipy import constants

from molbench.generate.thermochemistry import (
    BOLTZMANN,
    DALTON,
    TEMPERATURE,
    WAVENUMBER,
    ideal_gas,
    normal_modes,
)
from molbench.generate.xtb import ANGSTROM, HARTREE

JOULE_PER_MOL = HARTREE * constants.N_A
NITROGEN = np.array([14.0030740, 14.0030740]) * DALTON
WATER_MASSES = np.array([15.9949146, 1.0078250, 1.0078250]) * DALTON
WATER = np.array([[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]]) * ANGSTROM


def diatomic(force_constant):
    """Hessian of two atoms on the z axis joined by a spring."""
    hessian = np.zeros((6, 6))
    hessian[np.ix_([2, 5], [2, 5])] = force_constant * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return hessian


def random_hessian(atoms, seed=0):
    matrix = np.random.default_rng(seed).normal(size=(3 * atoms, 3 * atoms))
    return matrix @ matrix.T


def test_diatomic_frequency_is_that_of_the_reduced_mass():
    masses = np.array([1.0, 19.0]) * DALTON
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.7]])
    quanta, displacements = normal_modes(diatomic(0.6), masses, positions)
    assert quanta == pytest.approx([np.sqrt(0.6 * (1 / masses[0] + 1 / masses[1]))])
    # The centre of mass rests, and the lighter atom moves by one.
    assert abs(displacements[0, 0, 2]) == pytest.approx(1.0)
    assert masses @ displacements[0] == pytest.approx(np.zeros(3), abs=1e-9 * masses.sum())


def test_maximum_along_the_bond_is_an_imaginary_mode():
    quanta, _ = normal_modes(diatomic(-0.6), NITROGEN, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.1]]))
    assert quanta[0] < 0


def test_number_of_modes_of_linear_and_bent_molecules():
    linear = np.array([[0.0, 0.0, -2.2], [0.0, 0.0, 0.0], [0.0, 0.0, 2.2]])
    assert len(normal_modes(random_hessian(3), WATER_MASSES, linear)[0]) == 4
    assert len(normal_modes(random_hessian(3), WATER_MASSES, WATER)[0]) == 3


def test_frequencies_do_not_depend_on_orientation_or_place():
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    blocks = np.kron(np.eye(3), rotation)
    hessian = random_hessian(3)
    moved = normal_modes(blocks @ hessian @ blocks.T, WATER_MASSES, WATER @ rotation.T + 5.0)[0]
    assert moved == pytest.approx(normal_modes(hessian, WATER_MASSES, WATER)[0])


def test_rigid_motions_do_not_contaminate_the_vibrations():
    hessian = random_hessian(3)
    push = np.tile([0.0, 0.0, 1.0], 3) * np.repeat(WATER_MASSES, 3)
    contaminated = normal_modes(hessian + 1e-3 * np.outer(push, push), WATER_MASSES, WATER)[0]
    assert contaminated == pytest.approx(normal_modes(hessian, WATER_MASSES, WATER)[0])


def test_nitrogen_has_its_measured_entropy_and_heat_capacity():
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0977]]) * ANGSTROM
    gas = ideal_gas(np.array([2358.6 * WAVENUMBER]), NITROGEN, positions, symmetry_number=2)
    entropy = (gas.enthalpy - gas.free_energy) / TEMPERATURE * JOULE_PER_MOL
    # CODATA key value 191.609 J/(mol K) at 1 bar, taken to 1 atm.
    assert entropy == pytest.approx(191.609 - constants.R * np.log(1.01325), abs=0.05)
    assert gas.heat_capacity * JOULE_PER_MOL == pytest.approx(2.5 * constants.R, rel=1e-3)
    assert gas.zpve == pytest.approx(2358.6 * WAVENUMBER / 2)
    thermal = gas.internal_energy - gas.zpve
    assert thermal == pytest.approx(2.5 * BOLTZMANN * TEMPERATURE, rel=1e-3)
    assert gas.enthalpy - gas.internal_energy == pytest.approx(BOLTZMANN * TEMPERATURE)


def test_soft_oscillator_reaches_the_classical_heat_capacity():
    gas = ideal_gas(np.full(3, 0.01 * WAVENUMBER), WATER_MASSES, WATER, symmetry_number=2)
    assert gas.heat_capacity / BOLTZMANN == pytest.approx(1.5 + 1.5 + 3, rel=1e-6)


def test_equals_an_independent_implementation():
    thermo = pytest.importorskip("ase.thermochemistry")
    from ase import Atoms, units

    wavenumbers = np.array([1595.0, 3657.0, 3756.0])
    atoms = Atoms("OHH", WATER / ANGSTROM, masses=WATER_MASSES / DALTON)
    other = thermo.IdealGasThermo(
        vib_energies=wavenumbers * units.invcm, geometry="nonlinear", atoms=atoms, symmetrynumber=2, spin=0
    )
    gas = ideal_gas(wavenumbers * WAVENUMBER, WATER_MASSES, WATER, symmetry_number=2)
    assert gas.enthalpy * units.Hartree == pytest.approx(
        other.get_enthalpy(TEMPERATURE, verbose=False), rel=1e-5
    )
    free_energy = other.get_gibbs_energy(TEMPERATURE, 101_325, verbose=False)
    assert gas.free_energy * units.Hartree == pytest.approx(free_energy, abs=1e-5)


def test_saddle_point_has_no_thermochemistry():
    with pytest.raises(ValueError, match="minimum"):
        ideal_gas(np.array([-0.001, 0.01, 0.01]), WATER_MASSES, WATER, symmetry_number=2)
