"""The spectra of this repository, checked against physics and against a fresh calculation."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.generate import spectra
from molbench.spec.catalogue import Catalogue

CATALOGUE = Path(__file__).parents[2] / "datasets"


def committed(name):
    files = sorted((CATALOGUE / name / "cells").glob("*.parquet"))
    if not files:
        pytest.fail(f"{name} is embedded and must be in every checkout")
    return pa.concat_tables([pq.read_table(path) for path in files]).to_pylist()


@pytest.fixture(scope="module")
def rows():
    return committed("xtb-spectra")


def test_grids_and_units_are_declared_as_they_are_computed():
    declared = Catalogue.load().dataset("xtb-spectra").dataset
    assert {name: spectrum.grid for name, spectrum in declared.spectra.items()} == spectra.GRIDS
    assert f"{spectra.UV_WIDTH:g} eV" in declared.spectra["uv"].description
    for name in ("ir", "raman"):
        assert f"{spectra.VIBRATION_WIDTH:g} cm⁻¹" in declared.spectra[name].description


def test_curves_are_positive_and_smooth(rows):
    for name, grid in spectra.GRIDS.items():
        curves = np.array([row[name] for row in rows])
        assert curves.shape == (len(rows), grid.points)
        assert np.isfinite(curves).all()
        assert (curves >= 0).all()
        # Lines are three and five points wide, so that no point stands alone.
        assert (np.abs(np.diff(curves)).max(axis=1) < 0.5 * curves.max(axis=1)).all()


def test_area_below_the_uv_curve_is_less_than_the_valence_electrons(rows):
    """Thomas, Reiche and Kuhn: all oscillator strengths add up to the number of electrons; CIS in a small
    basis and a window of 15 eV see the softer part of it."""
    valence = {1: 1, 6: 4, 7: 5, 8: 6, 9: 7}
    for row in rows:
        area = sum(row["uv"]) * spectra.GRIDS["uv"].step
        assert 0 < area < 0.5 * sum(valence[number] for number in row["atomic_numbers"])


def test_bands_lie_where_their_bonds_vibrate(rows):
    """Stretches of bonds to hydrogen are strong in Raman, and nothing else has bands that high."""
    grid = np.array(spectra.GRIDS["raman"].values())
    hydrogen = (grid > 2700) & (grid < 3800)
    for row in rows:
        share = np.array(row["raman"])[hydrogen].sum() / np.sum(row["raman"])
        assert (share > 0.15) == (1 in row["atomic_numbers"])


def test_geometries_are_those_of_xtb_molecules(rows):
    others = {row["id"]: row for row in committed("xtb-molecules")}
    for row in rows:
        assert row["smiles"] == others[row["id"]]["smiles"]
        assert row["positions"] == others[row["id"]]["positions"]


def test_spectra_are_recomputed(rows):
    pytest.importorskip("tblite")
    pytest.importorskip("pyscf")
    pytest.importorskip("rdkit", "2026.9.1")  # earlier versions embed other conformers
    smallest = sorted(rows, key=lambda row: (len(row["atomic_numbers"]), row["id"]))
    for row in smallest[:12:4]:
        fresh = spectra.spectra_record(row["smiles"], int(row["id"].removeprefix("xtb-")))
        assert fresh["positions"] == pytest.approx(np.array(row["positions"]), abs=2e-3)
        for name in spectra.GRIDS:
            assert fresh[name] == pytest.approx(row[name], abs=0.02 * max(row[name])), name
