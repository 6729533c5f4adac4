"""The embedded datasets of this repository, checked against physics and against a fresh calculation."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.generate.thermochemistry import BOLTZMANN, TEMPERATURE
from molbench.generate.xtb import ANGSTROM, XtbMolecule

CATALOGUE = Path(__file__).parents[2] / "datasets"
KCAL = 627.509474  # kcal/mol per Hartree


def committed(name):
    files = sorted((CATALOGUE / name).glob("**/cells/*.parquet"))
    if not files:
        pytest.fail(f"{name} is embedded and must be in every checkout")
    return pa.concat_tables([pq.read_table(path) for path in files], promote_options="default").to_pylist()


@pytest.fixture(scope="module")
def molecules():
    return committed("xtb-molecules")


@pytest.fixture(scope="module")
def frames():
    return committed("xtb-dynamics")


def test_molecules_obey_the_definitions_of_their_targets(molecules):
    column = {
        name: np.array([row[name] for row in molecules])
        for name in molecules[0]
        if isinstance(molecules[0][name], float)
    }
    assert len(column) == 12
    assert all(np.isfinite(values).all() for values in column.values())
    assert column["h298"] - column["u298"] == pytest.approx(BOLTZMANN * TEMPERATURE, abs=2e-6)
    assert column["gap"] == pytest.approx(column["lumo"] - column["homo"], abs=1e-9)
    assert np.all(column["g298"] < column["u0"])
    assert np.all(column["u0"] < column["u298"])
    assert np.all(np.minimum.reduce([column[name] for name in ("alpha", "r2", "zpve", "cv", "gap")]) > 0)
    assert np.all(column["mu"] >= 0)


def test_molecules_are_recomputed(molecules):
    pytest.importorskip("tblite")
    for row in molecules[:: len(molecules) // 5]:
        point = XtbMolecule(
            np.array(row["atomic_numbers"]), np.array(row["positions"]) * ANGSTROM
        ).single_point()
        assert point.energy == pytest.approx(row["u0"] - row["zpve"], abs=5e-6)
        assert point.homo == pytest.approx(row["homo"], abs=5e-6)
        assert np.abs(point.gradient).max() < 5e-4


@pytest.mark.slow
def test_frames_are_recomputed(frames):
    pytest.importorskip("tblite")
    for row in {row["smiles"]: row for row in frames}.values():
        point = XtbMolecule(
            np.array(row["atomic_numbers"]), np.array(row["positions"]) * ANGSTROM
        ).single_point()
        assert point.energy * KCAL == pytest.approx(row["energy"], abs=1e-2)
        assert -point.gradient * KCAL * ANGSTROM == pytest.approx(np.array(row["forces"]), abs=1e-2)
