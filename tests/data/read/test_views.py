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


def test_no_target_takes_the_place_of_an_atom(tmp_path: Path) -> None:
    lines = [f"{'C' * n},{n},{n},{n}" for n in range(1, 21)]
    (tmp_path / "dipoles.csv").write_text("SMILES,x (D),z (D),y\n" + "\n".join(lines) + "\n")
    import_file(tmp_path / "dipoles.csv", targets=["x (D)", "z (D)", "y:1"], conformers=True)
    for name in ("x", "z"):
        with pytest.raises(UserError, match=f"--target NAME={name}"):
            molbench.pyg_dataset("dipoles", None, targets=[name])
    assert molbench.pyg_dataset("dipoles", None, targets=["y"])[2].y.tolist() == [3.0]


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


IONS = [
    "[S-2]",
    "[Mg+2]",
    "[13CH4]",
    "[2H]C([2H])O",
    "CC(=O)[O-]",
    "[NH4+]",
    r"F/C=C\F",
    "C[N+](=O)[O-]",
    "C[NH2+]CC(=O)[O-]",
    "[O-][n+]1ccccc1",
    "CN",
]


@pytest.mark.parametrize("suffix", [".SDF", ".extxyz"])
def test_charges_signs_and_names_come_back(tmp_path: Path, suffix: str) -> None:
    """Acetate stays acetate, and what stands in quotation marks stays what it is, for ASE too."""
    smiles = [*IONS, *("C" * n + "O" for n in range(1, 20))]
    lines = [f'"2"" \\ {i}",{text},{i}' for i, text in enumerate(smiles)]
    (tmp_path / "ions.csv").write_text("\n".join(["name,SMILES,gap (eV)", *lines]) + "\n")
    targets = {"targets": ["gap (eV)"], "id": "name"}
    store = Store.open(import_file(tmp_path / "ions.csv", conformers=True, **targets))
    path = tmp_path / f"back{suffix}"
    export(store, np.arange(len(store)), path)
    named = {"targets": ["gap:eV"], "id": "id", "smiles": ["smiles"][: suffix == ".extxyz"]}
    again = Store.open(import_file(path, **named))
    for column in ("id", "inchikey", "gap"):
        assert again.column(column).to_pylist() == store.column(column).to_pylist()
    if suffix == ".extxyz":
        infos = [frame.info for frame in pytest.importorskip("ase.io").read(path, ":")]
        assert [info["smiles"] for info in infos] == store.column("smiles").to_pylist()
        assert [info["id"] for info in infos] == store.ids.to_pylist()


def test_a_name_of_two_lines_is_for_tables(tmp_path: Path) -> None:
    lines = [f'"one\n{i}",{"C" * (i + 1)},{i}' for i in range(20)]
    (tmp_path / "lines.csv").write_text("\n".join(["name,SMILES,y", *lines]) + "\n")
    store = Store.open(import_file(tmp_path / "lines.csv", targets=["y:1"], id="name", conformers=True))
    for suffix in (".sdf", ".extxyz"):
        with pytest.raises(UserError, match=r"id has characters that no such file holds.*\.csv"):
            export(store, np.arange(3), tmp_path / f"x{suffix}")
    export(store, np.arange(3), tmp_path / "x.csv")
    assert [*tmp_path.glob("x.*")] == [tmp_path / "x.csv"]


def test_a_table_of_pairs_that_is_exported_is_imported_the_same(tmp_path: Path) -> None:
    store = Store.open(locate("xtb-solvation"))
    name = next(iter(store.dataset.targets))
    rows = np.arange(7, 87)
    path = tmp_path / "back.csv"
    assert export(store, rows, path) == 80
    unit = store.dataset.targets[name].unit
    again = Store.open(
        import_file(path, targets=[f"{name} ({unit})"], id="id", smiles=["a_smiles", "b_smiles"])
    )
    assert again.ids.to_pylist() == store.ids.take(rows).to_pylist()
    np.testing.assert_array_equal(again.target(name), store.target(name)[rows])


@pytest.mark.parametrize("suffix", [".db", ".extxyz"])
def test_energies_and_forces_in_other_units_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    ase_io = pytest.importorskip("ase.io")
    frames = "".join(
        f"2\nProperties=species:S:1:pos:R:3:forces:R:3 energy={-r}\nH 0 0 0 0 0 {r}\nH 0 0 {r} 0 0 {-r}\n"
        for r in np.linspace(0.7, 1.2, 40)
    )
    (tmp_path / "hydrogen.xyz").write_text(frames)
    units = {"targets": ["energy:Hartree:meV"], "forces": "forces:Hartree/a0:meV/Å"}
    store = Store.open(import_file(tmp_path / "hydrogen.xyz", **units))
    rows = np.arange(len(store))
    export(store, rows, path := tmp_path / f"back{suffix}")
    first = ase_io.read(path, 0) if suffix == ".db" else None
    if first is not None:
        assert first.get_potential_energy() == pytest.approx(-0.7 * 27.211386)
        assert first.get_forces()[0, 2] == pytest.approx(0.7 * 51.422067)
    again = Store.open(import_file(path, targets=["energy"], forces="forces"))
    to_energy, to_forces = (27.211386, 51.422067) if suffix == ".db" else (1, 1)
    assert again.dataset.targets["energy"].unit == ("eV" if suffix == ".db" else "Hartree")
    np.testing.assert_allclose(again.target("energy"), store.target("energy") * to_energy, rtol=1e-6)
    forces, before = (one.batch(rows, forces=True).forces for one in (again, store))
    np.testing.assert_allclose(forces, before * to_forces, rtol=1e-5, atol=1e-6)


def test_an_energy_that_somebody_stored_in_data_is_asked_for_its_unit(tmp_path: Path) -> None:
    ase, ase_db = pytest.importorskip("ase"), pytest.importorskip("ase.db")
    with ase_db.connect(str(tmp_path / "foreign.db")) as database:
        for r in np.linspace(0.7, 1.2, 40):
            database.write(ase.Atoms("H2", [(0, 0, 0), (0, 0, r)]), data={"energy": -r})
    with pytest.raises(UserError, match="in which unit is 'energy'"):
        import_file(tmp_path / "foreign.db", targets=["energy"])


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
    (mine := tmp_path / "mine.sdf").write_text("mine")
    with pytest.raises(UserError, match=r"mine\.sdf: is there already; choose another name or remove it"):
        export(store, np.arange(3), mine)
    assert mine.read_text() == "mine"
    with pytest.raises(UserError, match=r"which only a table \(\.csv\) holds"):
        export(Store.open(locate("xtb-solvation")), np.arange(3), tmp_path / "x.sdf")
    assert [*tmp_path.iterdir()] == [mine]
