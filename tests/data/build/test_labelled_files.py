"""Files of users' own with labels: what is in them comes out, and what is wrong is told by its line."""

import codecs
import gzip
import json
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molbench.data import Store, import_file
from molbench.data.audit.check import audit_folder
from molbench.data.build.importing.remarks import remarks
from molbench.data.folder.manifest import Manifest
from molbench.data.folder.verify import verify_dataset
from molbench.data.read.export import export
from molbench.errors import UserError
from molbench.evaluation.external.molecules import StoreMolecules
from molbench.spec.catalogue import Catalogue

ENDS = (
    "C",
    "N",
    "O",
    "F",
    "CC",
    "CO",
    "CN",
    "C=O",
    "C#N",
    "c1ccccc1",
    "C1CC1",
    "c1ccncc1",
    "C1CCCC1",
    "C1CCNC1",
    "c1cc[nH]c1",
)
SMILES = [f"{start}{end}" for start in ("C", "CC", "OC") for end in ENDS]
GAPS = [0.5 + 0.25 * i for i in range(len(SMILES))]


def rows(store: Store, column: str) -> list[object]:
    return list(store.table.column(column).to_pylist())


def table(path: Path, separator: str = ",", header: str = "SMILES,gap (eV),active") -> Path:
    lines = [header, *(f"{s},{gap},{int('N' in s)}" for s, gap in zip(SMILES, GAPS, strict=True))]
    path.write_text("\n".join(lines).replace(",", separator) + "\n", encoding="utf-8")
    return path


def sheet(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in [
        ("SMILES", "gap (eV)", "active"),
        *((s, g, int("N" in s)) for s, g in zip(SMILES, GAPS, strict=True)),
    ]:
        book.active.append(row)
    book.save(path)
    return path


def parquet(path: Path) -> Path:
    columns = {
        "SMILES": SMILES,
        "gap (eV)": GAPS,
        "active": ["N" in s for s in SMILES],
        "nested": [[1]] * len(SMILES),
    }
    pq.write_table(pa.table(columns), path)
    return path


def in_utf_16(path: Path) -> Path:
    """What a spreadsheet calls Unicode text."""
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    return path


TABLES = {
    "mine.csv": table,
    "mine.tsv": lambda path: table(path, "\t"),
    "semicolons.txt": lambda path: table(path, ";"),
    "slash.csv": lambda path: table(path, header="SMILES,gap / eV,active"),
    "wide.txt": lambda path: in_utf_16(table(path, "\t")),
    "mine.smi": lambda path: table(path, "\t"),
    "mine.xlsx": sheet,
    "mine.parquet": parquet,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_kind_gives_the_same_records(tmp_path: Path, name: str) -> None:
    path = TABLES[name](tmp_path / name)
    gap = "gap / eV" if name == "slash.csv" else "gap (eV)"
    folder = import_file(path, "mine", targets=[gap, "active:1"], conformers=True)
    verify_dataset(folder)
    store = Store.open(folder)
    assert rows(store, "smiles") == SMILES and rows(store, "gap") == GAPS
    entry = Catalogue.load().dataset("mine")
    assert entry.dataset.targets["gap"].unit == "eV"
    kinds = {name: task.kind for name, task in entry.tasks.tasks.items()}
    assert kinds == {"gap": "regression", "active": "classification"}
    atoms = Chem.AddHs(Chem.MolFromSmiles(SMILES[-1])).GetNumAtoms()
    assert len(rows(store, "atomic_numbers")[-1]) == len(rows(store, "positions")[-1]) == atoms  # type: ignore[arg-type]


def test_the_yaml_files_are_commented_and_build_the_same_again(tmp_path: Path) -> None:
    from molbench.data.build.builder import build

    path = table(tmp_path / "mine.csv")
    folder = import_file(
        path, targets=["band=gap (eV):eV:meV"], conformers=True, schemes=["random", "similarity"]
    )
    for name in ("dataset", "splits", "tasks"):
        assert (folder / f"{name}.yaml").read_text().startswith("# ")
    digest = Manifest.read(folder).digest
    entry = Catalogue.load().dataset("mine")
    assert entry.tasks.tasks["band"].unit == "meV" and [*entry.splits.schemes] == ["random", "similarity"]
    other = path.rename(tmp_path / "renamed by hand.csv")
    assert Manifest.read(build(entry, raw=other)).digest == digest


def test_no_molecule_lies_in_two_splits(tmp_path: Path) -> None:
    lines = [f"{s},{i}" for i, s in enumerate([*SMILES, "C[C@H](O)CN", "C[C@@H](O)CN", *SMILES])]
    (tmp_path / "twice.csv").write_text("smiles,y\n" + "\n".join(lines) + "\n")
    store = Store.open(import_file(tmp_path / "twice.csv", targets=["y:1"], conformers=True))
    groups = np.array(rows(store, "group"))
    for scheme in ("random", "similarity", "size"):
        splits = [set(groups[store.rows(scheme, split)]) for split in ("train", "validation", "test")]
        assert all(splits) and not (splits[0] & splits[1] or splits[0] & splits[2] or splits[1] & splits[2])


def test_pairs_need_no_flag_and_are_divided_by_molecules(tmp_path: Path) -> None:
    lines = [f"{a},{b},{len(a) - len(b)}" for a in SMILES[:12] for b in SMILES[12:20]]
    (tmp_path / "pairs.csv").write_text("solute,solvent,dG (kcal/mol)\n" + "\n".join(lines) + "\n")
    folder = import_file(
        tmp_path / "pairs.csv", smiles=["solute", "solvent"], targets=["dG (kcal/mol)::kJ/mol"]
    )
    verify_dataset(folder)
    store = Store.open(folder)
    assert rows(store, "a_smiles")[:2] == [SMILES[0]] * 2 and store.record.name == "pair"
    solutes = np.array(rows(store, "a_smiles"))
    assert not {*solutes[store.rows("molecule", "train")]} & {*solutes[store.rows("molecule", "test")]}
    entry = Catalogue.load().dataset("pairs")
    assert entry.tasks.tasks["dg"].unit == "kJ/mol" and entry.dataset.targets["dg"].unit == "kcal/mol"
    assert not remarks(folder)


def test_of_pairs_told_twice_no_split_has_one_on_both_sides_and_it_is_said(tmp_path: Path) -> None:
    pairs = [(a, b) for a in SMILES[:14] for b in SMILES[14:24]]
    lines = [f"{a};{b};−{i / 4}" for i, (a, b) in enumerate(pairs)]
    lines += [f"{b};{a};{-i / 4 - 0.5}" for i, (a, b) in enumerate(pairs[::4])]
    (tmp_path / "twice.csv").write_text("\ufeffsep=;\none;other;dG (kcal·mol⁻¹)\n" + "\n".join(lines) + "\n")
    smiles, targets = ["one", "other"], ["dG (kcal·mol⁻¹)"]
    folder = import_file(tmp_path / "twice.csv", smiles=smiles, targets=targets, ordered=False)
    assert rows(Store.open(folder), "dg")[:2] == [0.0, -0.25]
    (part,) = audit_folder(folder).parts
    assert {"random", "molecule"} <= part.schemes.keys()
    assert {scheme.verdict for scheme in part.schemes.values()} == {"disjoint"}
    assert remarks(folder) == [
        "37 pairs are there more than once, stereochemistry aside: 75 records, whose labels differ: "
        "dg by up to 25 kcal/mol"
    ]


def test_missing_labels_stay_missing_and_a_row_without_any_is_told(tmp_path: Path) -> None:
    lines = [f"{s},{i if i % 3 else ''},{i if i % 2 else 'NaN'}" for i, s in enumerate(SMILES)]
    (tmp_path / "holes.csv").write_text("smiles,a,b\n" + "\n".join(lines) + "\n")
    wanted = {"targets": ["a:1", "b:1"], "conformers": True}
    with pytest.raises(UserError, match=r"holes\.csv, line 2: no value of 'a' or 'b'"):
        import_file(tmp_path / "holes.csv", **wanted)
    folder = import_file(tmp_path / "holes.csv", **wanted, max_failures=len(SMILES))
    store = Store.open(folder)
    assert rows(store, "a")[:3] == [1.0, 2.0, None] and rows(store, "b")[:3] == [1.0, None, 3.0]
    missing = rows(store, "a").count(None)
    assert (
        remarks(folder)[0]
        == f"a: {missing} of {len(store)} records have no value; they are left out of its task"
    )
    assert len(Manifest.read(folder).part(None).failures) == len(SMILES) - len(store)


def test_a_percentage_of_a_spreadsheet_is_no_number_without_a_sign(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["SMILES", "share (%)"])
    for i, smiles in enumerate(SMILES):
        book.active.append([smiles, i / 100])
        book.active.cell(i + 2, 2).number_format = "0%"
    book.save(tmp_path / "shown.xlsx")
    with pytest.raises(UserError, match=r"not a number: '1%'; write the number alone, and % as its unit"):
        import_file(tmp_path / "shown.xlsx", targets=["share (%)"], conformers=True)


def test_a_table_that_is_no_utf_8_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes("SMILES,y (°C)\nC,1\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"old\.csv: .*not UTF-8; save the table as UTF-8"):
        import_file(tmp_path / "old.csv", targets=["y (°C)"], conformers=True)


def test_a_sign_within_quotation_marks_separates_nothing(tmp_path: Path) -> None:
    lines = [f"{smiles},{i}" for i, smiles in enumerate(SMILES)]
    (tmp_path / "quoted.csv").write_text("\n".join(['SMILES,"a;b;c (eV)"', *lines]) + "\n")
    store = Store.open(import_file(tmp_path / "quoted.csv", targets=["a;b;c (eV)"], conformers=True))
    assert rows(store, "a_b_c")[:3] == [0.0, 1.0, 2.0]


def test_a_few_pairs_that_are_repeated_often_can_be_divided(tmp_path: Path) -> None:
    pairs = [(a, b) for a in ("CCO", "CCC", "CCN", "CCF") for b in ("O", "CO", "CC#N")]
    lines = [f"{a},{b},{i}" for i in range(10) for a, b in pairs]
    (tmp_path / "often.csv").write_text("\n".join(["a,b,y (eV)", *lines]) + "\n")
    folder = import_file(tmp_path / "often.csv", smiles=["a", "b"], targets=["y (eV)"])
    assert Manifest.read(folder).part(None).schemes["random"].counts == {
        "train": 80,
        "validation": 20,
        "test": 20,
    }


BAD_ROWS = {
    "C(C,1": "RDKit cannot read the SMILES",
    "CCC*,1": "a dummy atom",
    "CCO,high": "'y': not a number: 'high'",
    'CCO,"1,5"': "not a number: '1,5'; decimals stand behind a point",
    ",3": "RDKit cannot read the SMILES",
    "CCO,inf": "not a finite number",
    "CCO,1,5": "3 cells under the 2 names of the header",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_is_told_by_its_line(tmp_path: Path, row: str) -> None:
    good = [f"{s},{i}" for i, s in enumerate(SMILES)]
    (tmp_path / "bad.csv").write_text("\n".join(["smiles,y", *good[:3], row, *good[3:]]) + "\n")
    with pytest.raises(UserError, match=r"bad\.csv, line 5") as caught:
        import_file(tmp_path / "bad.csv", targets=["y:1"], conformers=True)
    assert BAD_ROWS[row] in str(caught.value)


REQUESTS = [
    ({"targets": ["gpa:eV"], "conformers": True}, "did you mean 'gap (eV)'?"),
    ({"targets": ["active"], "conformers": True}, "in which unit"),
    ({"targets": ["active:"], "conformers": True}, "Write active:UNIT"),
    ({"targets": [":eV"], "conformers": True}, "write [NAME=]COLUMN[:UNIT[:UNIT OF SCORES]]"),
    ({"targets": ["active:kcla/mol"], "conformers": True}, "did you mean 'kcal/mol'?"),
    ({"targets": ["active:g/mol:eV"], "conformers": True}, "cannot be told in"),
    ({"targets": ["gap (eV):eV:K"], "conformers": True}, "cannot be told in"),
    ({"targets": ["gap (eV):meV"], "conformers": True}, "own name says eV; write gap (eV)::meV"),
    ({"targets": ["active:1"], "smiles": ["SMILES", "SMILES"]}, "--smiles SMILES: stands twice"),
    ({"targets": ["active:1"]}, "--conformers"),
    ({"targets": ["active:1"], "conformers": True, "smiles": ["smile"]}, "did you mean 'SMILES'?"),
    ({"targets": ["active:1"], "conformers": True, "schemes": ["scafold"]}, "did you mean 'scaffold'?"),
    ({"targets": ["active:1"], "conformers": True, "id": "name"}, "unknown column 'name'"),
    ({"targets": ["active:1", "active:1"], "conformers": True}, "is a label already"),
    ({"targets": ["active:1"], "conformers": True, "forces": "F"}, "unknown column of forces"),
]


@pytest.mark.parametrize(("wanted", "said"), REQUESTS, ids=[said for _, said in REQUESTS])
def test_a_request_that_cannot_be_is_refused_before_any_work(tmp_path: Path, wanted: dict, said: str) -> None:
    path = table(tmp_path / "mine.csv")
    with pytest.raises(UserError) as caught:
        import_file(path, "mine", **wanted)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert "mine" not in Catalogue.load().entries


def test_an_import_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv")
    wanted = {"targets": ["active:1"], "conformers": True, "schemes": ["random"]}
    folder = import_file(path, **wanted)
    (folder / "tasks.yaml").write_text((folder / "tasks.yaml").read_text() + "# by hand\n")
    with pytest.raises(UserError, match="--replace"):
        import_file(path, **wanted)
    for name in ("unlabelled.xyz", "unlabelled.extxyz"):
        extxyz(tmp_path / name)
    import_file(tmp_path / "unlabelled.xyz")
    with pytest.raises(UserError, match="--replace"):
        import_file(tmp_path / "unlabelled.extxyz")
    assert "# by hand" in (folder / "tasks.yaml").read_text()
    assert "# by hand" not in (import_file(path, **wanted, replace=True) / "tasks.yaml").read_text()


def blocks(v3000: bool, hydrogens: bool = True) -> str:
    pieces = []
    for i, smiles in enumerate(SMILES):
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
        molecule = molecule if hydrogens else Chem.RemoveHs(molecule)
        molecule.SetProp("_Name", f"molecule {i}")
        text = Chem.MolToMolBlock(molecule, forceV3000=v3000)
        pieces.append(f"{text}>  <energy>  ({i})\n{-1.5 * i}\n\n> <note>\ntwo\nlines\n\n$$$$\n")
    return "".join(pieces)


@pytest.mark.slow
@pytest.mark.parametrize("v3000", [False, True], ids=["V2000", "V3000"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_an_sd_file_of_either_version(tmp_path: Path, v3000: bool, end: str) -> None:
    path = tmp_path / "mine.sdf.gz"
    path.write_bytes(gzip.compress(blocks(v3000).replace("\n", end).encode()))
    store = Store.open(import_file(path, targets=["energy:kcal/mol"], id="title"))
    assert rows(store, "id")[:2] == ["molecule 0", "molecule 1"]
    assert rows(store, "energy") == [-1.5 * i for i in range(len(SMILES))]
    flat = [Chem.CanonSmiles(str(smiles), useChiral=0) for smiles in rows(store, "smiles")]
    assert flat == [Chem.CanonSmiles(smiles) for smiles in SMILES]
    molecule = Chem.AddHs(Chem.MolFromSmiles(SMILES[3]))
    rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
    stored = np.array(rows(store, "positions")[3])
    np.testing.assert_allclose(stored, molecule.GetConformer().GetPositions(), atol=2e-4)


def test_structures_without_hydrogens_are_refused_and_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "heavy.sdf").write_text(blocks(False, hydrogens=False))
    with pytest.raises(UserError, match=r"heavy\.sdf, line 1: 6 hydrogens are not there; --conformers"):
        import_file(tmp_path / "heavy.sdf", targets=["energy:eV"])
    store = Store.open(import_file(tmp_path / "heavy.sdf", targets=["energy:eV"], conformers=True))
    assert sorted(rows(store, "atomic_numbers")[0]) == [1] * 6 + [6, 6]  # type: ignore[call-overload]


ELEMENTS = {
    "6": 6,
    "D": 1,
    "Cl": 17,
    "CL": "written as in 'Cl'",
    "X": "a dummy atom",
    "C1": "unknown element",
}


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_elements_as_programs_write_them(tmp_path: Path, symbol: str) -> None:
    frames = [f"2\nenergy={-i}\n{symbol} 0 0 0\nH 0 0 {1 + i / 100}\n" for i in range(40)]
    (tmp_path / "mine.xyz").write_text("".join(frames))
    expected = ELEMENTS[symbol]
    if isinstance(expected, str):
        with pytest.raises(
            UserError, match=rf"mine\.xyz, line 1: unknown element '{symbol}'.* line 3"
        ) as caught:
            import_file(tmp_path / "mine.xyz", targets=["energy:eV"])
        assert expected in str(caught.value)
        return
    store = Store.open(import_file(tmp_path / "mine.xyz", targets=["energy:eV"]))
    assert rows(store, "atomic_numbers")[0] == [expected, 1]


def trajectory(frames: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    numbers = np.array([8, 1, 1])
    positions = np.array([[0, 0, 0.12], [0, 0.76, -0.47], [0, -0.76, -0.47]]) + rng.normal(
        0, 0.02, (frames, 3, 3)
    )
    return numbers, positions, rng.normal(size=frames), rng.normal(size=(frames, 3, 3))


def extxyz(path: Path) -> None:
    numbers, positions, energies, forces = trajectory()
    lines = []
    for x, e, f in zip(positions, energies.tolist(), forces, strict=True):
        lines += ["3", f'Properties=frc:R:3:species:S:1:pos:R:3 energy={e!r} pbc="F F F"']
        lines += [
            " ".join([*map(repr, map(float, fi)), "?HO"[1 + (z == 8)], *map(repr, map(float, xi))])
            for z, xi, fi in zip(numbers, x, f, strict=True)
        ]
    path.write_text("\n".join(lines) + "\n")


def database(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as file:
        names = "id, numbers BLOB, positions BLOB, pbc, energy, forces BLOB, key_value_pairs, data"
        file.execute(f"CREATE TABLE systems ({names})")
        numbers, positions, energies, forces = trajectory()
        for i in range(len(energies)):
            packed = forces[i].astype("<f8").tobytes()
            text = json.dumps({"packed": {"__ndarray__": [[3, 3], "float64", 8]}}).encode()
            data = (8 + len(packed)).to_bytes(8, "little") + packed + text
            arrays = numbers.astype("<i4").tobytes(), positions[i].astype("<f8").tobytes()
            row = (i + 1, *arrays, 0, float(energies[i]), packed, json.dumps({"name": f"frame {i}"}), data)
            file.execute("INSERT INTO systems VALUES (?,?,?,?,?,?,?,?)", row)
    file.close()


def archive(path: Path) -> None:
    numbers, positions, energies, forces = trajectory()
    np.savez(
        path, atomic_numbers=numbers, coords=positions / 0.529177210903, energies=energies[:, None], F=forces
    )


FRAMES = {
    "mine.extxyz": (extxyz, {"targets": ["energy:eV:meV"], "forces": "frc::meV/Å"}),
    "mine.db": (database, {"targets": ["energy"], "forces": "packed"}),
    "mine.npz": (archive, {"targets": ["energy=energies:eV"], "forces": "F:eV/A", "length": "bohr"}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_with_energies_and_forces(tmp_path: Path, name: str) -> None:
    write, wanted = FRAMES[name]
    write(tmp_path / name)
    folder = import_file(tmp_path / name, **wanted)
    verify_dataset(folder)
    store = Store.open(folder)
    _, positions, energies, forces = trajectory()
    np.testing.assert_allclose(rows(store, "energy"), energies)
    np.testing.assert_allclose(rows(store, "positions"), positions, atol=1e-6)
    np.testing.assert_allclose(rows(store, "forces"), forces, atol=1e-6)
    entry = Catalogue.load().dataset("mine")
    assert entry.tasks.tasks["forces"].kind == "forces" and [*entry.splits.schemes] == ["block", "random"]
    frames = np.array(rows(store, "frame"))
    stretches = [{*(frames[store.rows("block", split)] // 2)} for split in ("train", "validation", "test")]
    assert not (stretches[0] & stretches[1] or stretches[0] & stretches[2])


def test_an_archive_of_several_molecules_is_padded_with_zeros(tmp_path: Path) -> None:
    numbers = np.array([[8, 1, 1], [6, 8, 0], [9, 1, 0]] * 14)
    positions = np.random.default_rng(0).normal(size=(42, 3, 3)) + 3 * np.arange(3)[:, None]
    np.savez(tmp_path / "mixed.npz", Z=numbers, R=positions, E=np.arange(42.0))
    store = Store.open(import_file(tmp_path / "mixed.npz", targets=["E:Hartree"], schemes=["size"]))
    assert rows(store, "atomic_numbers")[:2] == [[8, 1, 1], [6, 8]]


def test_a_zero_among_the_atoms_is_no_padding(tmp_path: Path) -> None:
    positions = np.random.default_rng(0).normal(size=(40, 3, 3))
    np.savez(tmp_path / "dummy.npz", z=[8, 0, 1], R=positions, E=np.arange(40.0))
    with pytest.raises(UserError, match=r"dummy\.npz, row 0: .*dummy atom"):
        import_file(tmp_path / "dummy.npz", targets=["E:eV"])


def states(store: Store) -> list[tuple[int, int]]:
    return [(molecule.charge, molecule.multiplicity) for molecule in StoreMolecules(store)]


@pytest.mark.parametrize("names", ["charge={} spin={}", "total_charge={}.0 multiplicity={}"])
def test_charge_and_multiplicity_of_frames_are_handed_over(tmp_path: Path, names: str) -> None:
    """H2, H2+ and H2-, of 2, 1 and 3 electrons; a triplet; a frame that tells none."""
    known = [(0, 1), (1, 2), (-1, 2), (0, 3), None] * 6
    text = ""
    for i, state in enumerate(known):
        values = names.format(*state) if state else ""
        text += f"2\nenergy={-i} {values}\nH 0 0 0\nH 0 0 {0.7 + 0.01 * i}\n"
    (tmp_path / "ions.xyz").write_text(text)
    store = Store.open(import_file(tmp_path / "ions.xyz", targets=["energy:eV"]))
    expected = [state or (0, 1) for state in known]
    assert states(store) == expected
    for suffix in (".extxyz", ".db"):
        export(store, np.arange(len(store)), tmp_path / f"again{suffix}")
        again = import_file(tmp_path / f"again{suffix}", f"again-{suffix[1:]}", targets=["energy"])
        assert states(Store.open(again)) == expected


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("charge=0.5", r"charge=0\.5 is no small whole number"),
        ("charge=two", "charge=two is no small whole number"),
        ("charge=1 spin=1", r"spin=1 is no multiplicity, 2 S \+ 1, of 1 electrons"),
        ("spin=-1", "is no multiplicity"),
    ],
)
def test_a_state_that_no_molecule_has_is_refused(tmp_path: Path, values: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        import_file(hydrogen(tmp_path / "ion.xyz", values), targets=["energy:eV"])


def test_a_charge_that_is_asked_for_as_a_label_is_one(tmp_path: Path) -> None:
    path = hydrogen(tmp_path / "partial.xyz", "charge=0.5")
    store = Store.open(import_file(path, targets=["energy:eV", "charge:1"]))
    assert rows(store, "charge_value") == [0.5] * 30 and "charge" not in store.table.schema.names


def test_of_a_periodic_file_the_period_is_told_and_not_a_missing_column(tmp_path: Path) -> None:
    extxyz(tmp_path / "solid.xyz")
    text = (tmp_path / "solid.xyz").read_text().replace("F F F", "T T T")
    (tmp_path / "solid.xyz").write_text(text)
    with pytest.raises(UserError, match=r"solid\.xyz, line 2: periodic"):
        import_file(tmp_path / "solid.xyz", targets=["energy:eV"], forces="frc:eV/Å")


def test_a_byte_order_mark_before_frames_is_none_of_their_numbers(tmp_path: Path) -> None:
    path = hydrogen(tmp_path / "marked.xyz", "")
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert len(Store.open(import_file(path, targets=["energy:eV"]))) == 30


def test_a_formula_that_nobody_has_computed_is_no_missing_label(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(("smiles", "a", "b", "note"))
    for i, smiles in enumerate(SMILES):
        book.active.append((smiles, i, f"=B{i + 2}*2" if i == 3 else 2 * i, f"=B{i + 2}"))
    book.save(tmp_path / "formulas.xlsx")
    with pytest.raises(UserError, match=r"formulas\.xlsx, line 5: 'b': not a number: '=B5\*2'"):
        import_file(tmp_path / "formulas.xlsx", targets=["a:1", "b:1"], conformers=True)
    assert len(Store.open(import_file(tmp_path / "formulas.xlsx", targets=["a:1"], conformers=True))) == len(
        SMILES
    )


def hydrogen(path: Path, values: str, frames: int = 30) -> Path:
    """Frames of a molecule that is stretched."""
    lengths = [0.7 + 0.01 * i for i in range(frames)]
    path.write_text("".join(f"2\nenergy={-r} {values}\nH 0 0 0\nH 0 0 {r}\n" for r in lengths))
    return path


@pytest.mark.parametrize("tag", ["energy_unit=kcal/mol", "energy_units=KCAL/MOL", 'e_unit="kcal mol^-1"'])
def test_a_unit_beside_the_label_is_that_of_the_label(tmp_path: Path, tag: str) -> None:
    path = hydrogen(tmp_path / "told.xyz", tag)
    with pytest.raises(UserError, match="the file says that 'energy' is in kcal/mol"):
        import_file(path, targets=["energy:eV"])
    import_file(path, targets=["energy"])
    assert Catalogue.load().dataset("told").dataset.targets["energy"].unit == "kcal/mol"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("energy=-100", "energy= stands twice, with different values"),
        ("energy_unit=furlong", "no unit of energy"),
        ("energy_unit=eV e_unit=Hartree", "states two units of 'energy'"),
    ],
)
def test_a_frame_that_contradicts_itself_is_refused(tmp_path: Path, values: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        import_file(hydrogen(tmp_path / "two.xyz", values), targets=["energy:eV"])


@pytest.mark.parametrize("first", ["", "energy_unit=eV"])
def test_a_unit_that_a_late_frame_states_is_not_passed_over(tmp_path: Path, first: str) -> None:
    path = hydrogen(tmp_path / "late.xyz", first, frames=150)
    late = hydrogen(tmp_path / "end.xyz", "energy_unit=kcal/mol", frames=1).read_text()
    path.write_text(path.read_text() + late)
    with pytest.raises(UserError, match="states two units of 'energy'" if first else "is in kcal/mol"):
        import_file(path, targets=["energy:eV"])


DAMAGED = {
    "cut.npz": b"PK\x03\x04 no archive",
    "no.db": b"SQLite format 3\0 and no more",
    "other.db": b"a text file",
    "no.xlsx": b"PK\x03\x04",
    "no.parquet": b"PAR1",
    "cut.sdf": b"title\n\n\n  1  0",
    "what.docx": b"?",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(UserError) as caught:
        import_file(tmp_path / name, "mine", targets=["y:1"], conformers=True)
    assert "\n" not in str(caught.value) and name in str(caught.value)
