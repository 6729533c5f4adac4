"""The embedded datasets, as they are committed, through the library alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rdkit import Chem

from molbench.data import Store
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.spec.units import factor

ROOT = Path(__file__).parents[3]
NAMES = ["xtb-molecules", "xtb-dynamics", "xtb-dimers", "xtb-solvation", "xtb-spectra"]


@pytest.mark.parametrize("name", NAMES)
def test_committed_files_are_undamaged_and_small(name):
    manifest = verify_dataset(ROOT / "datasets" / name)
    assert manifest.dataset_id == name
    assert not manifest.partial
    assert sum(entry.size for entry in manifest.files.values()) < 3_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("xtb-molecules", "random"),
        ("xtb-dynamics", "ethanol@block"),
        ("xtb-dimers", "interaction@partner"),
        ("xtb-spectra", "random"),
    ],
)
def test_stock_library_from_a_clone_offline(name, config, tmp_path):
    code = f"""
import json
from datasets import load_dataset
rows = load_dataset("datasets/{name}", "{config}", split="train")
streamed = load_dataset("datasets/{name}", "{config}", split="train", streaming=True)
assert list(streamed) == rows.to_list()
print(json.dumps([len(rows), len(load_dataset("datasets/{name}", "{config}", split="test"))]))
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    )
    subset, _, scheme = config.rpartition("@")
    counts = Manifest.read(ROOT / "datasets" / name).by_subset[subset or None].schemes[scheme].counts
    assert json.loads(run.stdout.splitlines()[-1]) == [counts["train"], counts["test"]]


def test_molecules_obey_their_definitions():
    store = Store.open(ROOT / "datasets" / "xtb-molecules")
    value = {name: store.target(name) for name in ("homo", "lumo", "gap", "u0", "u298", "h298", "g298", "cv")}
    assert abs(value["lumo"] - value["homo"] - value["gap"]).max() < 1e-9
    kt = 8.31446261815324e-3 * 298.15 * factor("kJ/mol", "Hartree")
    assert abs(value["h298"] - value["u298"] - kt).max() < 2e-6  # stored to six decimals
    assert (value["g298"] < value["u0"]).all()
    assert (value["u298"] > value["u0"]).all()
    assert (value["cv"] > 2.5 * 1.987).all()  # translation and at least two rotations
    assert (
        (store.target("zpve") > 0).all()
        and (store.target("alpha") > 0).all()
        and (store.target("mu") >= 0).all()
    )


def test_molecules_are_distinct_neutral_and_small():
    store = Store.open(ROOT / "datasets" / "xtb-molecules")
    smiles = store.column("smiles").to_pylist()
    keys = store.column("inchikey").to_pylist()
    assert None not in keys and len(set(smiles)) == len(store)
    for text, numbers in zip(smiles, store.column("atomic_numbers").to_pylist(), strict=True):
        molecule = Chem.AddHs(Chem.MolFromSmiles(text))
        assert Chem.GetFormalCharge(molecule) == 0
        assert sorted(atom.GetAtomicNum() for atom in molecule.GetAtoms()) == sorted(numbers)
        assert set(numbers) <= {1, 6, 7, 8, 9} and sum(number > 1 for number in numbers) <= 7


@pytest.mark.slow
def test_forces_of_the_trajectories_add_up_to_nothing():
    for subset in Manifest.read(ROOT / "datasets" / "xtb-dynamics").subsets:
        store = Store.open(ROOT / "datasets" / "xtb-dynamics", subset)
        batch = store.batch(range(len(store)), forces=True)
        net = batch.forces.new_zeros(batch.num_graphs, 3).index_add(0, batch.molecule, batch.forces)
        assert net.abs().max() < 0.01  # kcal/mol/Å; forces are stored to four decimals
        assert store.column("frame").to_pylist() == list(range(len(store)))
