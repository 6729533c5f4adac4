import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("tblite")
pytest.importorskip("pyscf")

from scipy.spatial.transform import Rotation

from molbench.generate import enumeration, minimum, spectra
from molbench.generate import spectra_excitations as electrons
from molbench.generate import spectra_vibrations as vibrations
from molbench.generate.geometry import relax
from molbench.generate.thermochemistry import DALTON, WAVENUMBER, normal_modes
from molbench.generate.xtb import ANGSTROM, XtbMolecule

MASS = {1: 1.00782503, 6: 12.0, 7: 14.0030740, 8: 15.9949146}
STARTS = {
    "water": ([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]]),
    "nitrogen": ([7, 7], [[0, 0, 0.55], [0, 0, -0.55]]),
    "carbon dioxide": ([6, 8, 8], [[0, 0, 0], [0, 0, 1.16], [0, 0, -1.16]]),
}


class Vibrating:
    """A molecule at its minimum with its modes."""

    def __init__(self, name, rotation=None):
        numbers, start = STARTS[name]
        self.numbers = np.array(numbers)
        angstrom = relax(self.numbers, np.array(start, dtype=float))
        self.positions = angstrom * ANGSTROM
        if rotation is not None:
            self.positions = rotation.apply(self.positions)
        self.masses = DALTON * np.array([MASS[z] for z in numbers])
        hessian = XtbMolecule(self.numbers, self.positions).hessian()
        quanta, displacements = normal_modes(hessian, self.masses, self.positions)
        self.wavenumbers = quanta / WAVENUMBER
        self.coordinates = vibrations.normal_coordinates(displacements, self.masses)
        self.dipole, self.polarizability = vibrations.field_derivatives(self.numbers, self.positions)
        self.infrared = vibrations.infrared_intensities(self.dipole, self.coordinates)
        self.raman = vibrations.raman_activities(self.polarizability, self.coordinates)


@pytest.fixture(scope="module", params=STARTS)
def vibrating(request):
    return Vibrating(request.param)


@pytest.fixture(scope="module")
def water():
    return Vibrating("water")


def test_normal_coordinates_are_orthonormal_and_internal(vibrating):
    weighted = vibrating.coordinates * np.sqrt(vibrating.masses)[:, None]
    flat = weighted.reshape(len(weighted), -1)
    assert flat @ flat.T == pytest.approx(np.eye(len(flat)), abs=1e-10)
    momentum = np.einsum("a,max->mx", vibrating.masses, vibrating.coordinates)
    centred = vibrating.positions - np.average(vibrating.positions, axis=0, weights=vibrating.masses)
    spin = np.einsum("a,maxy->mxy", vibrating.masses, np.cross(centred, vibrating.coordinates)[..., None])
    assert momentum == pytest.approx(0, abs=1e-6)
    assert spin == pytest.approx(0, abs=1e-4)


def test_field_derivatives_are_those_of_dipole_and_polarizability(water):
    """The gradient in a field against the dipole and the polarizability at displaced nuclei."""
    step = 0.01
    for index in [(0, 2), (1, 1), (1, 2)]:
        shift = np.zeros_like(water.positions)
        shift[index] = step
        ahead, behind = (XtbMolecule(water.numbers, water.positions + sign * shift) for sign in (1, -1))
        dipole = (ahead.single_point().dipole - behind.single_point().dipole) / (2 * step)
        tensor = (ahead.polarizability() - behind.polarizability()) / (2 * step)
        assert water.dipole[index] == pytest.approx(dipole, abs=1e-3)
        assert water.polarizability[index] == pytest.approx(tensor, abs=0.05)


def test_derivatives_obey_the_sum_rules(vibrating):
    """Nothing changes when all nuclei move together, and dipole and polarizability turn with the molecule."""
    molecule = XtbMolecule(vibrating.numbers, vibrating.positions)
    assert vibrating.dipole.sum(axis=0) == pytest.approx(0, abs=1e-6)
    assert vibrating.polarizability.sum(axis=0) == pytest.approx(0, abs=1e-4)
    turn = np.cross(np.eye(3)[:, None], vibrating.positions)
    turned = np.einsum("rax,axi->ri", turn, vibrating.dipole)
    assert turned == pytest.approx(np.cross(np.eye(3), molecule.single_point().dipole), abs=1e-3)
    tensor = molecule.polarizability()
    generators = -np.array([np.cross(axis, np.eye(3)) for axis in np.eye(3)])
    turned = np.einsum("rax,axij->rij", turn, vibrating.polarizability)
    expected = generators @ tensor - tensor @ generators
    assert turned == pytest.approx(expected, abs=0.02)


def test_infrared_intensities_obey_crawfords_sum_rule(water):
    """Sum over modes = that over nuclei less what rotation carries (Crawford, J. Chem. Phys. 20, 977)."""
    centred = water.positions - np.average(water.positions, axis=0, weights=water.masses)
    inertia = np.eye(3) * (water.masses[:, None] * centred**2).sum() - np.einsum(
        "a,ax,ay->xy", water.masses, centred, centred
    )
    dipole = XtbMolecule(water.numbers, water.positions).single_point().dipole
    carried = np.cross(np.eye(3), dipole)
    rotation = np.trace(carried.T @ np.linalg.inv(inertia) @ carried)
    nuclei = (water.dipole**2).sum(axis=(1, 2)) @ (1 / water.masses)
    total = vibrations.infrared_intensities(water.dipole, water.coordinates).sum()
    assert total == pytest.approx(vibrations._INTENSITY * (nuclei - rotation), rel=1e-3)


def test_constants_of_the_units():
    # 42.2561 km/mol for one (D/Å)²/amu, and with 1 e = 4.80320 D/Å: 974.88 km/mol.
    intensity, activity = vibrations._INTENSITY / DALTON, vibrations._ACTIVITY
    assert intensity == pytest.approx(42.2561 * 4.80320**2, rel=1e-4)
    assert activity == pytest.approx(0.529177**4 * 1822.888, rel=1e-5)


def test_water_has_three_bands_that_are_all_active(water):
    # Experiment: 1595, 3657 and 3756 cm⁻¹; the bend absorbs more than the symmetric stretch.
    assert water.wavenumbers == pytest.approx([1595, 3657, 3756], rel=0.06)
    assert (water.infrared > 1).all()
    assert (water.raman > 0.5).all()
    assert water.infrared[0] > water.infrared[1]
    assert water.raman.argmax() == 1


def test_nitrogen_is_silent_in_the_infrared_and_active_in_raman():
    nitrogen = Vibrating("nitrogen")
    assert nitrogen.wavenumbers == pytest.approx([2330], rel=0.15)
    assert nitrogen.infrared == pytest.approx([0], abs=1e-6)
    assert nitrogen.raman[0] > 5


def test_modes_of_carbon_dioxide_exclude_one_another():
    """With a centre of inversion a mode is active in the infrared or in Raman, never in both."""
    dioxide = Vibrating("carbon dioxide")
    assert len(dioxide.wavenumbers) == 4
    bends, symmetric, antisymmetric = dioxide.wavenumbers[:2], dioxide.wavenumbers[2], dioxide.wavenumbers[3]
    assert bends == pytest.approx([667, 667], rel=0.12)
    assert bends[0] == pytest.approx(bends[1], abs=0.5)
    assert symmetric < antisymmetric
    assert dioxide.infrared[2] == pytest.approx(0, abs=0.01)
    assert dioxide.infrared[[0, 1, 3]].min() > 5
    assert dioxide.raman[[0, 1, 3]] == pytest.approx(0, abs=0.01)
    assert dioxide.raman[2] > 1


def test_vibrational_spectra_do_not_turn_with_the_molecule(water):
    turned = Vibrating("water", Rotation.from_rotvec([0.3, -1.1, 0.7]))
    assert turned.wavenumbers == pytest.approx(water.wavenumbers, abs=0.1)
    assert turned.infrared == pytest.approx(water.infrared, rel=2e-3, abs=0.02)
    assert turned.raman == pytest.approx(water.raman, rel=5e-3, abs=0.02)


def test_excitations_do_not_turn_with_the_molecule_and_are_not_negative(water):
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7])
    energies, strengths = electrons.excitations(water.numbers, water.positions, 30.0)
    turned = electrons.excitations(water.numbers, rotation.apply(water.positions), 30.0)
    assert turned[0] == pytest.approx(energies, abs=1e-6)
    assert turned[1] == pytest.approx(strengths, abs=1e-6)
    assert (strengths >= 0).all()
    assert (np.diff(energies) >= 0).all()
    assert 7.4 < energies[0] < 10  # experiment 7.4 eV; CIS in a valence basis is 1 to 2 eV above


def test_excitations_are_those_of_the_library(water):
    """The first states against PySCF's own iterative CIS."""
    from pyscf import gto, scf, tdscf

    molecule = gto.M(
        atom=list(zip(water.numbers.tolist(), water.positions.tolist(), strict=True)),
        unit="Bohr",
        basis="6-31g",
        verbose=0,
    )
    library = tdscf.TDA(scf.RHF(molecule).run())
    library.nstates = 4
    library.kernel()
    energies, strengths = electrons.excitations(water.numbers, water.positions, 20.0)
    assert energies[:4] == pytest.approx(library.e * electrons.EV, abs=1e-4)
    assert strengths[:4] == pytest.approx(library.oscillator_strength(), abs=1e-4)


@pytest.mark.parametrize("line", [spectra.lorentzians, spectra.gaussians])
def test_lines_keep_their_area_and_width(line):
    grid = spectra.Grid(start=-4000.0, step=0.5, points=16001, unit="cm⁻¹")
    curve = line(np.array([0.0]), np.array([3.0]), grid, 20.0)
    assert curve.sum() * grid.step == pytest.approx(3.0, rel=2e-3)
    above = np.array(grid.values())[curve >= curve.max() / 2 * (1 - 1e-9)]
    assert np.ptp(above) == pytest.approx(20.0, abs=0.5)
    assert line(np.empty(0), np.empty(0), grid, 20.0) == pytest.approx(0)


def test_record_fits_the_schema_and_its_curves_have_bands_where_the_modes_are():
    outcome = spectra.compute_spectra([("xtb-000000", "O", 1)])
    table = pa.Table.from_pylist(outcome.rows, spectra.SCHEMA)
    assert not outcome.rejections
    row = table.to_pylist()[0]
    grid = np.array(spectra.GRIDS["ir"].values())
    for name in ("ir", "raman"):
        curve = np.array(row[name])
        assert (curve >= 0).all()
        inner = curve[1:-1]
        tops = grid[1:-1][(inner > curve[:-2]) & (inner >= curve[2:]) & (inner > 0.02 * curve.max())]
        assert tops[0] == pytest.approx(1500, abs=120)
        assert tops[-1] == pytest.approx(3650, abs=120)
    assert sum(row["uv"]) > 0
    assert all(abs(value - round(value, 4)) < 1e-6 for value in row["uv"])


def test_molecule_without_a_minimum_is_rejected_with_the_reason(monkeypatch):
    monkeypatch.setattr(minimum.geometry, "relax", lambda *_: None)
    outcome = spectra.compute_spectra([("xtb-000000", "O", 1)])
    assert [(item.id, item.reason) for item in outcome.rejections] == [
        ("xtb-000000", "geometry not converged")
    ]


def test_plan_is_a_prefix_of_the_full_plan_and_keeps_the_ids_of_xtb_molecules(monkeypatch):
    from molbench.generate import molecules

    monkeypatch.setattr(enumeration, "QUOTA", {1: 4, 2: 14, 3: 30, 6: 5})
    whole = [entry for job in spectra.plan_spectra(0, None) for entry in job]
    assert [entry for job in spectra.plan_spectra(0, 25) for entry in job] == whole[:25]
    every = [entry for job in molecules.plan_molecules(0, None) for entry in job]
    assert set(whole) < set(every)
    assert len(whole) == len(every) - 5
