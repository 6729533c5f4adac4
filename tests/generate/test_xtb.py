import numpy as np
import pytest

pytest.importorskip("tblite")

from molbench.generate.xtb import ANGSTROM, XtbMolecule

NUMBERS = np.array([8, 1, 1])
POSITIONS = np.array([[0.02, 0.0, 0.1173], [0.0, 0.7772, -0.4692], [0.0, -0.7572, -0.4292]]) * ANGSTROM
NITROGEN = np.array([[0.0, 0.0, -0.55], [0.0, 0.0, 0.55]]) * ANGSTROM


def test_gradient_is_the_derivative_of_the_energy():
    molecule = XtbMolecule(NUMBERS, POSITIONS)
    gradient = molecule.single_point().gradient
    numerical = np.empty_like(gradient)
    for index in np.ndindex(gradient.shape):
        step = np.zeros_like(POSITIONS)
        step[index] = 1e-3
        forward, backward = (molecule.single_point(POSITIONS + sign * step).energy for sign in (1, -1))
        numerical[index] = (forward - backward) / 2e-3
    assert gradient == pytest.approx(numerical, abs=1e-6)


def test_hessian_is_symmetric_and_free_of_translations():
    hessian = XtbMolecule(NUMBERS, POSITIONS).hessian()
    assert np.array_equal(hessian, hessian.T)
    translations = np.tile(np.eye(3), (3, 1))
    assert hessian @ translations == pytest.approx(np.zeros((9, 3)), abs=1e-5)


def test_dipole_of_water_points_from_oxygen_to_the_hydrogens():
    point = XtbMolecule(NUMBERS, POSITIONS).single_point()
    assert point.dipole[2] < 0
    assert point.homo < 0 < point.lumo


def test_polarizability_of_a_linear_molecule_is_axial_and_positive():
    tensor = XtbMolecule(np.array([7, 7]), NITROGEN).polarizability()
    assert tensor[0, 0] == pytest.approx(tensor[1, 1], abs=1e-6)
    assert tensor[2, 2] > tensor[0, 0] > 0
    assert tensor - np.diag(np.diag(tensor)) == pytest.approx(np.zeros((3, 3)), abs=1e-6)
