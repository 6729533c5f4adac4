from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

pytest.importorskip("tblite")
pytest.importorskip("ase")

from molbench.generate import dimers
from molbench.generate.dimers import LIGANDS, MARGIN, PARTNERS, interaction_energy, monomer
from molbench.generate.placement import radii

FOLDER = Path(__file__).parents[2] / "datasets" / "xtb-dimers"
ACETIC_ACID = (3, PARTNERS.index("CC(=O)O"), "CC(=O)O", (LIGANDS.index("O"), LIGANDS.index("C=O")))


@pytest.fixture(scope="module")
def water():
    return monomer("O", 0)


@pytest.fixture(scope="module")
def rows():
    return dimers.compute_dimers(ACETIC_ACID).rows


def hydrogen_bond(water, distance):
    """Two waters: a hydrogen of the second points at the oxygen of the first, planes at right angles (Å)."""
    centred = water.positions - water.positions[0]
    bisector = centred[1] + centred[2]
    acceptor = centred @ Rotation.align_vectors([[-1.0, 0, 0]], [bisector])[0].as_matrix().T
    donor = centred @ Rotation.align_vectors([[-1.0, 0, 0]], [centred[1]])[0].as_matrix().T
    normal = np.cross(donor[1], donor[2])
    donor = donor @ Rotation.align_vectors([[-1.0, 0, 0], [0, 0, 1.0]], [donor[1], normal])[0].as_matrix().T
    return np.concatenate([acceptor, donor + np.array([distance, 0, 0])])


def test_the_water_dimer_is_bound_by_about_five_kcal(water):
    """Complete-basis CCSD(T): -5.02 kcal/mol (Jurecka et al., Phys. Chem. Chem. Phys. 8, 1985, 2006)."""
    energies = [
        interaction_energy(water, water, hydrogen_bond(water, r)) for r in (2.4, 2.7, 2.9, 3.2, 4.0, 6.0)
    ]
    assert min(energies) == pytest.approx(-5.02, abs=1.0)
    assert np.argmin(energies) in {1, 2, 3}
    assert energies[0] > min(energies) + 1 and min(energies) < energies[4] < energies[5] < 0


def test_far_apart_there_is_no_interaction(water):
    ammonia = monomer("N", 0)
    for distance, tolerance in ((15.0, 0.05), (60.0, 2e-3)):
        far = np.concatenate([water.positions, ammonia.positions + np.array([distance, 0, 0])])
        assert interaction_energy(water, ammonia, far) == pytest.approx(0, abs=tolerance)


def test_rigid_motion_and_order_do_not_matter(water):
    formaldehyde = monomer("C=O", 0)
    placed = dimers.placement(water, formaldehyde, 2, np.random.default_rng(1))
    positions = placed.positions.astype(float)
    turned = positions @ Rotation.random(rng=np.random.default_rng(2)).as_matrix() + [3.0, -1.0, 8.0]
    assert interaction_energy(water, formaldehyde, turned) == pytest.approx(placed.energy, abs=2e-3)
    swapped = np.concatenate([positions[3:], positions[:3]])
    assert interaction_energy(formaldehyde, water, swapped) == pytest.approx(placed.energy, abs=2e-3)


def test_more_draws_bind_no_weaker(water):
    def drawn(count):
        return dimers.placement(water, water, count, np.random.default_rng(5)).energy

    assert drawn(8) <= drawn(3) <= drawn(1) < dimers._CLASH


def test_records_fit_the_schema_and_their_energies_their_positions(rows):
    table = pa.Table.from_pylist(rows, dimers.SCHEMA)
    assert table.num_rows == len(rows) and len(set(table["id"].to_pylist())) == len(rows)
    partner = monomer("CC(=O)O", 3)
    for row in [row for row in rows if row["subset"] == "interaction"][::4]:
        assert row["is_ligand"] == [False] * 8 + [True] * (len(row["is_ligand"]) - 8)
        ligand = monomer(row["ligand_smiles"], 3)
        actual = interaction_energy(partner, ligand, np.array(row["positions"]))
        assert actual == pytest.approx(row["interaction_energy"], abs=2e-3)


def test_preferred_is_the_lower_in_energy_by_the_margin(rows):
    partner = monomer("CC(=O)O", 3)
    pairs = [row for row in rows if row["subset"] == "preference"]
    assert len(pairs) >= 2 and {row["preferred"] for row in pairs} == {0.0, 1.0}
    for row in pairs:
        ligand = monomer(row["ligand_smiles"], 3)
        positions, structure = np.array(row["positions"]), np.array(row["structure"])
        first, second = (interaction_energy(partner, ligand, positions[structure == part]) for part in (0, 1))
        assert first - second == pytest.approx(row["energy_difference"], abs=3e-3)
        assert abs(row["energy_difference"]) >= MARGIN
        assert row["preferred"] == float(row["energy_difference"] < 0)


def test_the_same_job_gives_the_same_rows(rows):
    dimers.monomer.cache_clear()
    assert dimers.compute_dimers(ACETIC_ACID).rows == rows


def test_a_partner_without_a_conformer_is_rejected_and_others_are_not(monkeypatch):
    dimers.monomer.cache_clear()
    embed = dimers.geometry.lowest_conformer
    monkeypatch.setattr(
        dimers.geometry,
        "lowest_conformer",
        lambda smiles, seed: None if smiles == "C" else embed(smiles, seed),
    )
    refused, made = (dimers.compute_dimers((0, 7, smiles, (LIGANDS.index("O"),))) for smiles in ("C", "CC"))
    assert not refused.rows and [entry.id for entry in refused.rejections] == ["partner-007"]
    assert made.rows and not made.rejections


def test_partners_and_ligands_are_distinct_neutral_closed_shell_molecules():
    molecules = [Chem.MolFromSmiles(smiles) for smiles in (*dimers.partners(0), *LIGANDS)]
    assert len({Chem.MolToSmiles(molecule) for molecule in molecules}) == len(molecules) > 200
    for molecule in molecules:
        assert Chem.GetFormalCharge(molecule) == 0
        assert all(atom.GetNumRadicalElectrons() == 0 for atom in molecule.GetAtoms())


@pytest.mark.slow
def test_the_plan_of_few_is_the_start_of_the_whole():
    whole = dimers.plan_dimers(0, None)
    assert [smiles for _, _, smiles, _ in whole] == dimers.partners(0) and dimers.plan_dimers(0, 5) == whole[
        :5
    ]
    assert {len(ligands) for *_, ligands in whole} == {6} and dimers.plan_dimers(1, 5) != whole[:5]


@pytest.fixture(scope="module")
def committed():
    tables = {}
    for subset in ("interaction", "preference"):
        files = sorted(FOLDER.glob(f"{subset}/cells/*.parquet"))
        if not files:
            pytest.fail("xtb-dimers is embedded and must be in every checkout")
        tables[subset] = pa.concat_tables([pq.read_table(path) for path in files]).to_pylist()
    return tables


@pytest.mark.slow
def test_committed_energies_are_recomputed(committed):
    rows = committed["interaction"]
    assert len(rows) == 7560
    for row in rows[:: len(rows) // 6]:
        partner, ligand = monomer(row["group"], 0), monomer(row["ligand_smiles"], 0)
        actual = interaction_energy(partner, ligand, np.array(row["positions"]))
        assert actual == pytest.approx(row["interaction_energy"], abs=5e-3)


def test_committed_contacts_and_labels_are_as_the_card_says(committed):
    for row in committed["interaction"][::50]:
        positions, side = np.array(row["positions"]), np.array(row["is_ligand"])
        size = radii(np.array(row["atomic_numbers"]))
        apart = np.linalg.norm(positions[~side][:, None] - positions[side][None], axis=-1)
        assert 0.649 < (apart / (size[~side][:, None] + size[side])).min() < 1.301
    energies = np.array([row["interaction_energy"] for row in committed["interaction"]])
    assert energies.max() < 5 and energies.min() < -5 and (energies < 0).mean() > 0.8
    labels = np.array([row["preferred"] for row in committed["preference"]])
    differences = np.array([row["energy_difference"] for row in committed["preference"]])
    assert len(labels) == 3300 and abs(labels.mean() - 0.5) < 0.02
    assert np.array_equal(labels, differences < 0) and np.abs(differences).min() >= MARGIN
