"""Built datasets as those of other libraries, and in the formats of other programs, hold the same records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch.utils.data import DataLoader
from torch_geometric.loader import DataLoader as PygLoader

import molbench
from molbench.data import Store, import_file, locate
from molbench.data.read.export import export
from molbench.errors import UserError

pytestmark = pytest.mark.slow


def test_a_split_for_torch_gives_the_batches_of_the_store() -> None:
    records = molbench.torch_dataset("xtb-molecules", split="test", scheme="size", targets="gap")
    store = Store.open(locate("xtb-molecules"))
    rows = store.rows("size", "test")
    assert len(records) == len(rows)
    batch = next(iter(DataLoader(records, batch_size=7, collate_fn=records.collate)))
    expected = store.batch(rows[:7], ["gap"])
    for name in ("atomic_numbers", "positions", "ptr", "rows"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name))
    torch.testing.assert_close(batch.targets["gap"], expected.targets["gap"])


def test_a_split_for_pytorch_geometric_is_an_in_memory_dataset() -> None:
    graphs = molbench.pyg_dataset("xtb-dynamics", None, subset="ethanol", targets=["energy"], forces=True)
    store = Store.open(locate("xtb-dynamics"), "ethanol")
    assert len(graphs) == len(store)
    third = store.batch([3], ["energy"], forces=True)
    torch.testing.assert_close(graphs[3].pos, third.positions)
    torch.testing.assert_close(graphs[3].force, third.forces)
    torch.testing.assert_close(graphs[3].energy, third.targets["energy"])
    batch = next(iter(PygLoader(graphs, batch_size=4)))
    assert batch.num_graphs == 4 and batch.z.shape[0] == 4 * len(graphs[0].z)
    assert len(graphs[10:20]) == 10


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match="two molecules"):
        molbench.pyg_dataset("xtb-solvation", None)
    with pytest.raises(UserError, match="no column 'gpa'"):
        molbench.torch_dataset("xtb-molecules", targets=["gpa"])[0]
    with pytest.raises(UserError, match=r"no split scheme 'sise' in this build .did you mean 'size'"):
        molbench.torch_dataset("xtb-molecules", scheme="sise")


@pytest.mark.parametrize("suffix", [".extxyz", ".sdf"])
def test_what_is_exported_is_imported_the_same(tmp_path: Path, suffix: str) -> None:
    store = Store.open(locate("xtb-molecules"))
    rows = store.rows("random", "test")[:60]
    path = tmp_path / f"back{suffix}"
    assert export(store, rows, path) == 60
    again = Store.open(
        import_file(path, targets=["gap:Hartree", "mu:D"], id="id", smiles=["smiles"][: suffix == ".extxyz"])
    )
    assert again.ids.to_pylist() == store.ids.take(rows).to_pylist()
    np.testing.assert_array_equal(again.target("gap"), store.target("gap")[rows])
    every = np.arange(60)
    torch.testing.assert_close(
        again.batch(every).positions,
        store.batch(rows).positions,
        atol=1e-4 if suffix == ".sdf" else 1e-6,
        rtol=0,
    )


def test_forces_survive_a_database_of_ase(tmp_path: Path) -> None:
    pytest.importorskip("ase")
    store = Store.open(locate("xtb-dynamics"), "ethanol")
    rows = np.arange(40)
    export(store, rows, tmp_path / "ethanol.db")
    again = Store.open(import_file(tmp_path / "ethanol.db", targets=["energy:eV"], forces="forces:eV/Å"))
    np.testing.assert_allclose(again.target("energy"), store.target("energy")[rows])
    np.testing.assert_allclose(again.batch(rows, forces=True).forces, store.batch(rows, forces=True).forces)


def test_bonds_of_an_sd_file_connect_the_atoms_that_are_near(tmp_path: Path) -> None:
    store = Store.open(locate("xtb-molecules"))
    rows = np.arange(200)
    export(store, rows, tmp_path / "bonds.sdf")
    read = list(Chem.SDMolSupplier(str(tmp_path / "bonds.sdf"), removeHs=False, sanitize=False))
    sizes = store.batch(rows).sizes.tolist()
    assert [molecule.GetNumAtoms() for molecule in read] == sizes
    assert all(len(Chem.GetMolFrags(molecule)) == 1 for molecule in read)
    smiles = store.column("smiles").to_pylist()
    carbon_only = [row for row in rows.tolist() if not set(smiles[row]) - set("C()=1#")]
    for row in carbon_only:
        molecule = Chem.RemoveHs(Chem.Mol(read[row]), sanitize=False)
        Chem.SanitizeMol(molecule)
        assert Chem.MolToSmiles(molecule, isomericSmiles=False) == Chem.CanonSmiles(smiles[row], useChiral=0)
    assert carbon_only


def test_an_export_that_cannot_be_leaves_nothing(tmp_path: Path) -> None:
    store = Store.open(locate("xtb-molecules"))
    with pytest.raises(UserError, match=r"must end in one of: \.extxyz"):
        export(store, np.arange(3), tmp_path / "x.mol2")
    with pytest.raises(UserError, match="two molecules"):
        export(Store.open(locate("xtb-solvation")), np.arange(3), tmp_path / "x.sdf")
    assert not [*tmp_path.iterdir()]
