from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

pytest.importorskip("tblite")

from molbench.generate import GENERATORS, enumeration, solvation


def test_solvents_are_canonical_and_distinct():
    """The same spelling as that of the solutes, so that a molecule has one row in the table of molecules."""
    assert all(Chem.CanonSmiles(smiles) == smiles for smiles in solvation.SOLVENTS.values())
    assert len(set(solvation.SOLVENTS.values())) == len(solvation.SOLVENTS) == 24


def test_plan_is_a_prefix_and_starts_with_the_solvents(monkeypatch):
    monkeypatch.setattr(enumeration, "QUOTA", {1: 4, 2: 14, 3: 30})
    whole = [entry for job in solvation.plan_solvation(0, None) for entry in job]
    part = [entry for job in solvation.plan_solvation(0, 30) for entry in job]
    assert part == whole[:30]
    assert [smiles for _, smiles, _ in whole[:24]] == list(solvation.SOLVENTS.values())
    assert len({smiles for _, smiles, _ in whole}) == len(whole) > 60


def test_free_energies_are_near_experiment():
    """At 1 mol/L in both phases; experiment: -5.1, -0.9 and -4.1 kcal/mol."""
    methanol, benzene, hexane = (
        {row["id"]: row for row in solvation.solute_records("x", smiles, 1)}
        for smiles in ("CO", "c1ccccc1", "CCCCCC")
    )
    assert methanol["x/water"]["dg_solv"] == pytest.approx(-5.1, abs=1)
    assert benzene["x/water"]["dg_solv"] == pytest.approx(-0.9, abs=1)
    assert hexane["x/hexane"]["dg_solv"] == pytest.approx(-4.1, abs=1)
    assert methanol["x/water"]["dmu"] > methanol["x/hexane"]["dmu"] > 0
    assert hexane["x/hexane"]["dmu"] == pytest.approx(0, abs=0.05)


def test_committed_pairs_are_recomputed():
    pytest.importorskip("rdkit", "2026.9.1")  # earlier versions embed other conformers
    folder = Path(__file__).parents[2] / "datasets" / "xtb-solvation"
    tables = [pq.read_table(path) for path in sorted(folder.glob("cells/*.parquet"))]
    committed = {row["id"]: row for row in pa.concat_tables(tables).to_pylist()}
    assert len(committed) == 183 * 24
    for name, smiles, seed in (("solute-004", "c1ccccc1", 4), ("solute-023", "O", 23)):
        for row in solvation.solute_records(name, smiles, seed):
            stored = committed[row["id"]]
            assert (stored["a_smiles"], stored["b_smiles"]) == (row["a_smiles"], row["b_smiles"])
            assert stored["dg_solv"] == pytest.approx(row["dg_solv"], abs=5e-3)
            assert stored["dmu"] == pytest.approx(row["dmu"], abs=5e-3)


def test_records_fit_the_schema_and_repeat():
    job = [("solute-000", "CO", 1)]
    first, second = solvation.compute_solvation(job), solvation.compute_solvation(job)
    assert first == second and len(first.rows) == 24 and not first.rejections
    table = pa.Table.from_pylist(first.rows, solvation.SCHEMA)
    assert table.column("id")[0].as_py() == "solute-000/acetone"
    assert GENERATORS["xtb-solvation"].schema == solvation.SCHEMA


@pytest.mark.parametrize(
    ("relaxed", "reason"),
    [(lambda numbers, start: start * 3, "bonds changed"), (lambda *_: None, "geometry not converged")],
)
def test_unfit_solute_is_rejected_with_the_reason(monkeypatch, relaxed, reason):
    monkeypatch.setattr(solvation.geometry, "relax", relaxed)
    outcome = solvation.compute_solvation([("solute-000", "O", 1)])
    assert [(item.id, item.reason) for item in outcome.rejections] == [("solute-000", reason)]
    assert outcome.rows == []


def test_field_that_does_not_converge_is_rejected(monkeypatch):
    def diverge(*_):
        raise RuntimeError

    monkeypatch.setattr(solvation, "_single_point", diverge)
    outcome = solvation.compute_solvation([("solute-000", "O", 1)])
    assert [item.reason for item in outcome.rejections] == ["self-consistent field not converged"]
