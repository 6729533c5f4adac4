import pyarrow as pa
import pytest

pytest.importorskip("tblite")
pytest.importorskip("pyscf")

from molbench.generate import enumeration, minimum, molecules

RT = 298.15 * 3.166811563e-6  # Hartree


@pytest.mark.parametrize("smiles", ["O", "C", "N#N", "CC(C)=O"])
def test_targets_obey_their_definitions(smiles):
    """Acetone's first relaxation ends on a saddle point, so it takes the push along the imaginary mode."""
    record = molecules.molecule_record(smiles, seed=1)
    assert record["h298"] - record["u298"] == pytest.approx(RT, abs=2e-6)
    assert record["gap"] == pytest.approx(record["lumo"] - record["homo"], abs=1e-9)
    assert record["g298"] < record["u0"] < record["u298"] < record["h298"]
    assert min(record[name] for name in ("alpha", "r2", "zpve", "cv")) > 0


def test_water_and_methane_are_near_experiment():
    water, methane = (molecules.molecule_record(smiles, seed=1) for smiles in ("O", "C"))
    # Zero-point energies: Irikura, J. Phys. Chem. Ref. Data 36, 389 (2007), and 27.7 kcal/mol for methane.
    assert water["zpve"] == pytest.approx(0.02113, rel=0.06)
    assert methane["zpve"] == pytest.approx(0.0444, rel=0.06)
    assert water["mu"] == pytest.approx(1.855, rel=0.25)
    assert methane["mu"] == pytest.approx(0, abs=0.01)
    # Heat capacities at constant volume, experiment: C_p - R.
    assert water["cv"] == pytest.approx(8.03 - 1.987, abs=0.1)
    assert methane["cv"] == pytest.approx(8.54 - 1.987, abs=0.2)


def test_linear_molecule_has_five_rigid_modes():
    assert molecules.molecule_record("N#N", seed=1)["cv"] == pytest.approx(2.5 * 1.98720, abs=0.01)


def test_record_fits_the_schema_and_its_positions_are_as_labelled():
    outcome = molecules.compute_molecules([("xtb-000000", "O", 1)])
    table = pa.Table.from_pylist(outcome.rows, molecules.SCHEMA)
    assert table.num_rows == 1
    assert not outcome.rejections
    positions = outcome.rows[0]["positions"]
    assert all(abs(value - round(value, 4)) < 1e-6 for atom in positions for value in atom)


@pytest.mark.parametrize(
    ("smiles", "relaxed", "reason"),
    [
        ("O", lambda numbers, start: start * 3, "bonds changed"),
        ("O", lambda *_: None, "geometry not converged"),
    ],
)
def test_unfit_molecule_is_rejected_with_the_reason(monkeypatch, smiles, relaxed, reason):
    monkeypatch.setattr(molecules.geometry, "relax", relaxed)
    outcome = molecules.compute_molecules([("xtb-000000", smiles, 1)])
    assert [(item.id, item.reason) for item in outcome.rejections] == [("xtb-000000", reason)]
    assert outcome.rows == []


def test_saddle_point_is_rejected_where_no_push_is_left(monkeypatch):
    monkeypatch.setattr(minimum, "_RELAXATIONS", 1)
    outcome = molecules.compute_molecules([("xtb-000000", "CC(C)=O", 1)])
    assert [item.reason for item in outcome.rejections] == ["imaginary frequency"]


def test_plan_is_a_prefix_of_the_full_plan(monkeypatch):
    monkeypatch.setattr(enumeration, "QUOTA", {1: 4, 2: 14, 3: 30})
    whole = [entry for job in molecules.plan_molecules(0, None) for entry in job]
    part = [entry for job in molecules.plan_molecules(0, 25) for entry in job]
    assert part == whole[:25]
    assert whole[7][0] == "xtb-000007"
