import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("tblite")
pytest.importorskip("ase")

from molbench.generate import dynamics
from molbench.generate.xtb import ANGSTROM, METHOD

KCAL = 627.509474  # kcal/mol per Hartree


@pytest.fixture(scope="module")
def rows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamics, "_EQUILIBRATION_STEPS", 40)
        return dynamics.compute_trajectory(("ethanol", 5, 3)).rows


def energy(numbers, positions):
    """Energy (kcal/mol) from the library itself, at positions in Å."""
    from tblite.interface import Calculator

    calculator = Calculator(METHOD, np.array(numbers), positions * ANGSTROM)
    calculator.set("verbosity", 0)
    calculator.set("accuracy", 0.01)
    return calculator.singlepoint().get("energy") * KCAL


def test_frames_are_in_time_order_and_fit_the_schema(rows):
    assert pa.Table.from_pylist(rows, dynamics.SCHEMA).num_rows == 3
    assert [row["id"] for row in rows] == ["ethanol-00000", "ethanol-00001", "ethanol-00002"]
    assert [row["time_fs"] for row in rows] == [10.0, 20.0, 30.0]


def test_labels_belong_to_the_stored_positions(rows):
    row = rows[1]
    positions = np.array(row["positions"])
    assert row["energy"] == pytest.approx(energy(row["atomic_numbers"], positions), abs=1e-3)
    forces = np.array(row["forces"])
    step = 1e-3
    for atom, axis in [(0, 0), (2, 1), (7, 2)]:
        shift = np.zeros_like(positions)
        shift[atom, axis] = step
        difference = energy(row["atomic_numbers"], positions + shift) - energy(
            row["atomic_numbers"], positions - shift
        )
        assert forces[atom, axis] == pytest.approx(-difference / (2 * step), abs=0.02)


def test_forces_do_not_move_the_centre_of_mass(rows):
    for row in rows:
        assert np.sum(row["forces"], axis=0) == pytest.approx(np.zeros(3), abs=2e-3)


def test_plan_has_one_trajectory_per_molecule():
    assert [name for name, _, _ in dynamics.plan_trajectories(0, None)] == list(dynamics.MOLECULES)
    assert {frames for _, _, frames in dynamics.plan_trajectories(0, 40)} == {40}
