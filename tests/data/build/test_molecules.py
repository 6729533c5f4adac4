"""The table of molecules of a pair part."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molbench.chem.features import MASS_COLUMN, features, masses
from molbench.data.build import molecules
from molbench.data.build.molecules import (
    MOLECULES_FILE,
    SCHEMA,
    Molecules,
    describe_molecule,
    write_molecules,
)
from molbench.errors import UserError

SOLUTES = ["CCO", "c1ccccc1O", "C[C@H](N)C(=O)O", "[2H]C", "[Na+].[Cl-]", "C1#CC1", "not smiles", "CCO"]
SOLVENTS = ["O", "O", "CCO", "O", "CO", "O", "O", "C/C=C/C"]


def pairs(a: list[str] = SOLUTES, b: list[str] = SOLVENTS) -> pa.Table:
    return pa.table({"a_smiles": a, "b_smiles": b})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("part")
    write_molecules([pairs()], folder / MOLECULES_FILE)
    return folder


@pytest.fixture(scope="module")
def table(folder) -> Molecules:
    return Molecules.open(folder)


def test_each_molecule_is_there_once_and_failures_are_told(tmp_path) -> None:
    seen = []
    written = write_molecules(
        [pairs().slice(0, 3), pairs().slice(3)],
        tmp_path / MOLECULES_FILE,
        progress=lambda *step: seen.append(step),
    )
    smiles = pq.read_table(tmp_path / MOLECULES_FILE).column("smiles").to_pylist()
    assert sorted(smiles) == sorted({*SOLUTES, *SOLVENTS})
    assert sum(written.counts.values()) == len(smiles) and written.counts["failed"] == 2
    assert [(f.id, f.where) for f in written.failures] == [
        (name, f"{MOLECULES_FILE}, row {smiles.index(name)}") for name in ("C1#CC1", "not smiles")
    ]
    assert written.failures[1].reason == "RDKit cannot read the SMILES"
    assert seen[-1] == ("molecules", len(smiles), len(smiles))


@settings(deadline=None, max_examples=30)
@given(data=st.data(), kind=st.sampled_from(["interaction", "drug"]), hydrogens=st.booleans())
def test_a_batch_of_graphs_is_the_features_of_its_molecules(table, data, kind: str, hydrogens: bool) -> None:
    names = data.draw(st.lists(st.sampled_from([s for s in table.smiles if s != "not smiles"]), max_size=6))
    graphs = table.graphs(table.rows(names), kind, hydrogens=hydrogens)
    assert graphs.ptr[0] == 0 and graphs.ptr[-1] == len(graphs.atoms)
    done = 0
    for name, start, stop in zip(names, graphs.ptr[:-1], graphs.ptr[1:], strict=True):
        mol = Chem.MolFromSmiles(name)
        mol = Chem.AddHs(mol) if hydrogens else mol
        atoms, bonds = (part.astype(np.float32) for part in features(mol, kind))
        if kind == "drug":
            atoms[:, MASS_COLUMN] = 0.01 * masses(mol)
        assert np.allclose(graphs.atoms[start:stop], atoms, rtol=0, atol=1e-7)
        ends = [(b.GetBeginAtomIdx() + start, b.GetEndAtomIdx() + start) for b in mol.GetBonds()]
        here = slice(done, done + len(ends))
        assert graphs.bonds[here].tolist() == [list(pair) for pair in ends]
        assert np.array_equal(graphs.bond_features[here], bonds)
        done += len(ends)
    assert done == len(graphs.bonds)


def test_structures_have_hydrogens_and_are_empty_where_embedding_failed(table) -> None:
    names = ["C1#CC1", "O", "not smiles", "CCO"]
    structures = table.conformers(table.rows(names))
    assert np.diff(structures.ptr).tolist() == [0, 3, 0, 9]
    assert structures.atomic_numbers[:3].tolist() == [8, 1, 1] and structures.positions.shape == (12, 3)
    assert table.embedded[table.rows(names)].tolist() == [False, True, False, True]


def test_an_unreadable_molecule_is_an_empty_graph(table) -> None:
    graphs = table.graphs(table.rows(["not smiles", "O"]), "interaction")
    assert graphs.ptr.tolist() == [0, 0, 3] and graphs.bonds.tolist() == [[0, 1], [0, 2]]


@pytest.mark.slow
def test_two_processes_write_what_one_writes(folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(molecules, "_CHUNK", 2)
    write_molecules([pairs()], tmp_path / MOLECULES_FILE, num_proc=2)
    assert pq.read_table(tmp_path / MOLECULES_FILE).equals(pq.read_table(folder / MOLECULES_FILE))


def test_molecules_that_are_known_are_copied(folder, tmp_path, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(
        molecules, "describe_molecule", lambda name: asked.append(name) or describe_molecule(name)
    )
    target = tmp_path / MOLECULES_FILE
    written = write_molecules(
        [pairs(["CN", "CCO", "C1#CC1"], ["O", "CN", "O"])], target, reuse=[folder / MOLECULES_FILE]
    )
    assert asked == ["CN"] and written.counts == {"etkdg": 3, "failed": 1}
    both = (pq.read_table(path).to_pylist() for path in (target, folder / MOLECULES_FILE))
    new, old = ({row["smiles"]: row for row in rows} for rows in both)
    assert new["CCO"] == old["CCO"] and list(new) == ["CN", "CCO", "C1#CC1", "O"]


def test_what_is_wrong_is_a_user_error(folder, table, tmp_path) -> None:
    with pytest.raises(UserError, match=r"no molecule 'CCCC'"):
        table.rows(["CCCC"])
    with pytest.raises(UserError, match="build the dataset anew"):
        Molecules.open(tmp_path)
    (tmp_path / MOLECULES_FILE).write_bytes((folder / MOLECULES_FILE).read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be read"):
        Molecules.open(tmp_path)
    pq.write_table(SCHEMA.empty_table().drop_columns(["masses"]), tmp_path / MOLECULES_FILE)
    with pytest.raises(UserError, match="not the columns"):
        Molecules.open(tmp_path)


def test_a_failure_leaves_no_file(tmp_path, monkeypatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(molecules, "describe_molecule", broken)
    with pytest.raises(RuntimeError):
        write_molecules([pairs()], tmp_path / MOLECULES_FILE)
    assert list(tmp_path.iterdir()) == []
