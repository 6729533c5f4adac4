"""GEOM from pickles: archive, decompressed archive and folder; conformers chosen and checked."""

import io
import json
import pickle
import random
import shutil
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.data.build.builder import build
from molbench.data.build.parsers.mol_process import MolProcess
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.errors import UserError
from tests.data.build.parsers.published import loaded, published

pytestmark = pytest.mark.slow

OPTIONS = {"molecules": "qm9"}


@cache
def embedded(smiles: str, seed: int) -> Chem.Mol:
    """With hydrogens."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(molecule, randomSeed=seed) == 0
    return molecule


def conformer(smiles: str, seed: int, weight: float, **changes: object) -> dict:
    """One entry as GEOM has it."""
    molecule = Chem.Mol(embedded(smiles, seed % 4))
    labels = {
        "geom_id": seed,
        "set": 1,
        "degeneracy": 1,
        "totalenergy": -10.0 - weight,
        "relativeenergy": seed,
    }
    return {**labels, "boltzmannweight": weight, "conformerweights": [weight], "rd_mol": molecule} | changes


def molecule(conformers: list[dict], **changes: object) -> dict:
    """One pickle as GEOM has it."""
    fields = {"totalconfs": 9, "temperature": 298.15, "uniqueconfs": len(conformers), "lowestenergy": -11.0}
    ensemble = {
        "ensembleenergy": 0.5,
        "ensembleentropy": 1.5,
        "ensemblefreeenergy": -0.1,
        "poplowestpct": 50.0,
    }
    return {**fields, **ensemble, "charge": 0, "datasets": ["a"], "conformers": conformers} | changes


def folder(root: Path, molecules: dict[str, object], dump=pickle.dumps, **summary: object) -> Path:
    """An ``rdkit_folder`` of exactly the published layout."""
    made = root / "rdkit_folder"
    (made / "qm9").mkdir(parents=True)
    listing = {}
    for smiles, entry in molecules.items():
        name = f"qm9/{smiles.replace('/', '_')}.pickle"
        (made / name).write_bytes(entry if isinstance(entry, bytes) else dump(entry))
        unique = entry.get("uniqueconfs") if isinstance(entry, dict) else 1
        listing[smiles] = {"uniqueconfs": unique, "charge": 0, "pickle_path": name}
    (made / "summary_qm9.json").write_text(json.dumps(listing | summary))
    return made


def archived(made: Path, mode: str = "w:gz", summary_last: bool = True) -> Path:
    """The folder as an archive."""
    path = made.parent / ("rdkit_folder.tar.gz" if mode == "w:gz" else "rdkit_folder.tar")
    names = sorted(made.rglob("*.*"), key=lambda file: (file.suffix == ".json") is summary_last)
    with tarfile.open(path, mode) as archive:
        for file in names:
            archive.add(file, f"rdkit_folder/{file.relative_to(made)}")
    return path


ETHER = {
    "CCOC": molecule([conformer("CCOC", seed, weight) for seed, weight in ((1, 0.2), (2, 0.7), (3, 0.1))])
}
TWO = ETHER | {"C/C=C/Cl": molecule([conformer("C/C=C/Cl", 5, 1.0)], charge=0)}


def test_one_row_a_conformer(parse, tmp_path) -> None:
    records, failures = parse("geom-rdkit", [folder(tmp_path, TWO) / "summary_qm9.json"], OPTIONS)
    assert not failures
    assert records["id"].to_pylist() == ["CCOC/1", "CCOC/0", "CCOC/2", "C/C=C/Cl/0"]
    assert records["group"].to_pylist() == records["smiles"].to_pylist() == ["CCOC"] * 3 + ["C/C=C/Cl"]
    assert records["weight"].to_pylist() == [0.7, 0.2, 0.1, 1.0]
    assert records["energy"].to_pylist() == [-10.7, -10.2, -10.1, -11.0]
    assert records["relative_energy"].to_pylist() == [2, 1, 3, 5]
    assert records["ensemble_entropy"].to_pylist() == [1.5] * 4
    assert records["listed_conformers"].to_pylist() == [3, 3, 3, 1]
    source = TWO["CCOC"]["conformers"][1]["rd_mol"]
    row = records.slice(0, 1).to_pylist()[0]
    assert row["atomic_numbers"] == [atom.GetAtomicNum() for atom in source.GetAtoms()]
    assert np.allclose(row["positions"], source.GetConformer().GetPositions(), atol=1e-5)
    bonds = [[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] for bond in source.GetBonds()]
    assert row["bonds"] == bonds and row["bond_orders"] == [1] * len(bonds)
    assert 2 in records["bond_orders"][3].as_py()


def test_aromatic_bonds_have_order_four(parse, tmp_path) -> None:
    made = folder(tmp_path, {"c1ccccc1": molecule([conformer("c1ccccc1", 1, 1.0)])})
    records, _ = parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS)
    assert sorted(records["bond_orders"][0].as_py()) == [1] * 6 + [4] * 6


@pytest.mark.parametrize(
    ("mode", "summary_last", "shards"),
    [("w:gz", True, 1), ("w:gz", False, 3), ("w", True, 2), ("w", False, 5)],
)
def test_archive_and_folder_hold_the_same(
    parse, tmp_path, mode: str, summary_last: bool, shards: int
) -> None:
    made = folder(tmp_path, TWO, CC={"uniqueconfs": 3})
    plain = parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS, shards)
    packed = parse("geom-rdkit", [archived(made, mode, summary_last)], OPTIONS, shards)
    assert packed.table.sort_by("id").equals(plain.table.sort_by("id"))
    assert [f.id for f in packed.failures] == [f.id for f in plain.failures] == ["CC"]
    assert "no pickle_path" in plain.failures[0].reason


def test_the_heaviest_conformers_are_taken(parse, tmp_path) -> None:
    records, _ = parse("geom-rdkit", [archived(folder(tmp_path, TWO))], OPTIONS | {"conformers": 2})
    assert sorted(records["id"].to_pylist()) == ["C/C=C/Cl/0", "CCOC/0", "CCOC/1"]


def test_another_bond_graph_is_left_out_and_counted(parse, tmp_path) -> None:
    """CREST lets some molecules react."""
    reacted = [conformer("CCCO", 7, 0.9), conformer("CCCO", 8, 0.05)]
    entry = molecule([*ETHER["CCOC"]["conformers"], *reacted])
    path = folder(tmp_path, {"CCOC": entry}) / "summary_qm9.json"
    records, failures = parse("geom-rdkit", [path], OPTIONS)
    assert records["id"].to_pylist() == ["CCOC/1", "CCOC/0", "CCOC/2"]
    assert [(f.id, f.reason) for f in failures] == [
        ("CCOC", "2 conformers left out: their bonds are not the molecule's")
    ]
    records, failures = parse("geom-rdkit", [path], OPTIONS | {"graph": "any", "conformers": 2})
    assert records["id"].to_pylist() == ["CCOC/3", "CCOC/1"] and not failures


def test_stereochemistry_alone_is_no_other_graph(parse, tmp_path) -> None:
    made = folder(tmp_path, {"C[C@H](O)F": molecule([conformer("C[C@@H](O)F", 1, 1.0)])})
    assert len(parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS).table) == 1


def test_a_string_that_rdkit_cannot_read_keeps_its_conformers(parse, tmp_path) -> None:
    made = folder(tmp_path, {"Cc1nc(O)n[nH]c1[NH]x": molecule([conformer("CCO", 1, 1.0)])})
    assert len(parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS).table) == 1


BAD = {
    "C": (molecule([]), "empty list"),
    "CC": ({"conformers": None}, "no list of conformers"),
    "CCC": ([1, 2], "no list of conformers"),
    "N": (molecule([7]), "no mapping"),
    "NC": (molecule([conformer("C", 1, 1.0, totalenergy=None)]), "totalenergy is missing"),
    "NCC": (molecule([conformer("C", 1, 1.0, totalenergy=float("nan"))]), "totalenergy is missing"),
    "NN": (molecule([conformer("C", 1, 1.0, relativeenergy="low")]), "relativeenergy is missing"),
    "NO": (molecule([conformer("C", 1, 1.0, boltzmannweight=10**400)]), "whole number of 167 bytes"),
    "O": (molecule([conformer("C", 1, 1.0, rd_mol=None)]), "no molecule of RDKit"),
    "OC": (molecule([conformer("C", 1, 1.0, rd_mol=Chem.MolFromSmiles("C"))]), "0 sets of coordinates"),
    "OCC": (pickle.dumps(molecule([conformer("C", 1, 1.0)]))[:-40], "cut short"),
    "OCCC": (b"", "cut short"),
    "F": (b"<html>", "not one of plain data"),
}


def test_a_bad_entry_is_a_failure_and_the_next_is_read(parse, tmp_path) -> None:
    made = folder(tmp_path, {name: entry for name, (entry, _) in BAD.items()} | ETHER)
    records, failures = parse("geom-rdkit", [archived(made)], OPTIONS)
    assert set(records["group"].to_pylist()) == {"CCOC"}
    assert len(failures) == len(BAD)
    for failure in failures:
        name = failure.id.partition("/")[0]
        assert BAD[name][1] in failure.reason and failure.where == f"qm9/{name}.pickle"


def test_protocols(parse, tmp_path) -> None:
    for protocol in range(2, 6):
        made = folder(tmp_path / str(protocol), ETHER, lambda entry, p=protocol: pickle.dumps(entry, p))
        records, failures = parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS)
        if protocol == 2:  # bytes are spelled as a call of a codec, which is more than plain data
            assert len(failures) == 1 and "_codecs.encode" in failures[0].reason
        else:
            assert len(records) == 3 and not failures


def test_a_missing_pickle_is_named(parse, tmp_path) -> None:
    made = folder(tmp_path, TWO)
    (made / "qm9" / "CCOC.pickle").unlink()
    for path in (made / "summary_qm9.json", archived(made), archived(made, "w")):
        records, failures = parse("geom-rdkit", [path], OPTIONS, shards=2)
        assert len(records) == 1 and [f.id for f in failures] == ["CCOC"]
        assert "not there" in failures[0].reason


@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        (b"", "empty"),
        (b"[1]", "not a JSON object"),
        (b'{"C": {}', "cut short"),
        (b'{"C": 1}', "no mapping"),
        (b'{"C": {"pickle_path": "../../etc/passwd"}}', "leads out"),
        (b'{"C": {"pickle_path": "/etc/passwd"}}', "leads out"),
        (b'{"C": {"pickle_path": 3}}', "leads out"),
        (b'{"C\xff": {}}', "not a JSON object"),
        (b'{"C": ' + b"[" * 100_000, "JSON"),
        (b"{}", "empty summary"),
    ],
)
def test_a_wrong_summary_is_refused(parse, tmp_path, summary: bytes, reason: str) -> None:
    made = folder(tmp_path, ETHER)
    (made / "summary_qm9.json").write_bytes(summary)
    with pytest.raises(UserError, match=reason):
        parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS)


def test_wrong_files_and_options(parse, tmp_path) -> None:
    made = folder(tmp_path, ETHER)
    packed = archived(made)
    for options in ({}, {"molecules": "drugs"}, OPTIONS | {"conformers": 0}, OPTIONS | {"graph": "nearly"}):
        with pytest.raises(UserError, match=r"molecules|summary_drugs|conformers|graph"):
            parse("geom-rdkit", [packed], options)
    with pytest.raises(UserError, match="is missing"):
        parse("geom-rdkit", [made / "qm9" / "CCOC.pickle"], OPTIONS)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(UserError, match="cut short or damaged"):
        parse("geom-rdkit", [cut], OPTIONS)


@settings(deadline=None, max_examples=5)
@given(
    keys=st.permutations(sorted(ETHER["CCOC"])),
    space=st.sampled_from(["", " ", "\r\n", "\n  "]),
    extra=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)
def test_the_order_of_fields_and_further_ones_do_not_matter(
    parse, tmp_path_factory, keys, space, extra
) -> None:
    entry = {key: ETHER["CCOC"][key] for key in keys} | {f"x{key}": value for key, value in extra.items()}
    made = folder(tmp_path_factory.mktemp("geom"), {"CCOC": entry})
    text = (made / "summary_qm9.json").read_text().replace(": ", f":{space}").replace(", ", f",{space}")
    (made / "summary_qm9.json").write_bytes(text.encode())
    records, failures = parse("geom-rdkit", [made / "summary_qm9.json"], OPTIONS)
    assert not failures and records["weight"].to_pylist() == [0.7, 0.2, 0.1]


def test_a_damaged_molecule_ends_no_build() -> None:
    """RDKit's reader crashes on some of these; each gives a structure or a reason, and reading goes on."""
    source = conformer("O=C(C)Oc1ccccc1C(=O)O", 1, 1.0)["rd_mol"]
    whole, rng, refused = source.ToBinary(), random.Random(0), 0
    with MolProcess() as process:
        expected = process.read(whole)
        for _ in range(150):
            data = bytearray(whole)
            data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                process.read(bytes(data))
            except ValueError as error:
                refused += 1
                assert "RDKit" in str(error) or "rd_mol" in str(error)
        with pytest.raises(ValueError, match=r"cannot be read|died"):
            process.read(b"")
        assert process.read(whole) == expected
    assert refused > 10


MANY = ["CCO", "CCN", "CCC", "CC=O", "C#CC", "COC", "CCF", "C/C=C/C", "CNC", "OCO", "NCO", "CCCO"]


@pytest.mark.parametrize("layout", ["w:gz", "folder"])
def test_a_build_from_the_published_layout(tmp_path, layout: str) -> None:
    """All conformers of a molecule lie in one split of every scheme, and the real schemes come out."""
    entries = {
        s: molecule([conformer(s, seed, 1 / seed) for seed in range(1, 13)], uniqueconfs=12) for s in MANY
    }
    entries["C"] = molecule([conformer("C", 1, 1.0)], uniqueconfs=5)
    made = folder(tmp_path / "raw", entries, O={"uniqueconfs": 1})
    raw = made
    if layout != "folder":
        raw = archived(made, layout).parent
        shutil.rmtree(made)
    (raw / "filter_smiles.txt").write_text("CCO\nCC=O\n")
    order = np.random.default_rng(0).permutation(13)
    lists = np.empty(3, dtype=object)
    lists[:] = [order[:9], order[9:11], order[11:]]
    np.save(raw / "geomol-qm9-split0.npy", lists, allow_pickle=True)
    entry = published("geom-qm9", tmp_path / "declared", options={"molecules": "qm9", "graph": "same"})
    splits = yaml.safe_load((entry.folder / "splits.yaml").read_text())
    splits["schemes"]["emgp"]["parameters"]["held_out"] = 2
    splits["schemes"]["random"]["parameters"]["fractions"] = [0.5, 0.25, 0.25]
    (entry.folder / "splits.yaml").write_text(yaml.safe_dump(splits, sort_keys=False))
    processes = 1 if layout == "w:gz" else 2
    output = tmp_path / "built"
    built = build(entry, raw=raw, offline=True, output=output, num_proc=processes, allow_partial=True)
    manifest = Manifest.read(built)
    assert manifest.records == 12 * 12 + 1 and manifest.count == "unknown"
    assert [(f.id, "no pickle_path" in f.reason) for f in manifest.failures] == [("O", True)]
    store = Store.open(built)
    groups = dict(zip(store.ids.to_pylist(), store.column("group").to_pylist(), strict=True))
    for scheme in ("random", "geomol", "emgp"):
        sides = {
            split: {groups[i] for i in loaded(built, scheme, split)}
            for split in ("train", "validation", "test")
        }
        assert sum(map(len, sides.values())) == len(set.union(*sides.values()))
        if scheme == "emgp":
            assert sides["test"] == {"CCO", "CC=O"} and 1 <= len(sides["validation"]) <= 2
            assert "C" not in sides["train"] | sides["validation"]  # fewer conformers than announced
            assert len(loaded(built, scheme, "train")) == 10 * len(sides["train"])  # ten of the twelve
    batch = store.batch([0, 5], targets=["weight"])
    assert batch.bonds is not None and batch.bonds.max() < len(batch.atomic_numbers)


def test_the_real_folder(parse, real_data, tmp_path) -> None:
    """Three molecules in the summary, the pickle of one of them, and one of its 84 conformers in that."""
    root = real_data / "geom" / "from_tutorial" / "rdkit_folder"
    name = "O=C(/C=C/c1ccco1)Nc1ccc(Cl)c(S(=O)(=O)N2CCOCC2)c1"
    shutil.copytree(root, tmp_path / "rdkit_folder")
    options = {"molecules": "drugs"}
    for path in (root / "summary_drugs.json", archived(tmp_path / "rdkit_folder")):
        records, failures = parse("geom-rdkit", [path], options)
        assert records["group"].to_pylist() == [name] and records["id"].to_pylist() == [f"{name}/0"]
        assert records["listed_conformers"].to_pylist() == [1] and records[
            "unique_conformers"
        ].to_pylist() == [84]
        assert len(records["atomic_numbers"][0]) == 43 and len(records["bonds"][0]) == 45
        assert len(failures) == 2 and all("not there" in failure.reason for failure in failures)
    crude = json.loads((root.parent / "crude" / "drugs_crude_1mol.json").read_text())[name]["conformers"][0]
    assert np.allclose(records["positions"][0].as_py(), [atom[1:] for atom in crude["xyz"]], atol=1e-5)
    assert records["energy"].to_pylist() == [crude["totalenergy"]]


def test_real_weights_are_ordered_and_add_up(real_data) -> None:
    """34 conformers of a real molecule, without their geometries."""
    path = real_data / "geom" / "from_tutorial" / "crude" / "drugs_34conformers_no_geometry.json"
    entry = json.loads(path.read_text())
    weights = [c["boltzmannweight"] for c in entry["conformers"]]
    assert len(weights) == entry["uniqueconfs"] == 34 and sum(weights) == pytest.approx(1, abs=1e-3)
    stream = io.BytesIO(json.dumps({"C": entry}).encode())
    from molbench.data.build.parsers.json_stream import json_members

    assert list(json_members(stream, path)) == [("C", entry)]


def test_a_build_from_real_files(real_data, tmp_path) -> None:
    """One conformer; the two molecules whose pickles are not here are listed."""
    raw = real_data / "geom" / "from_tutorial"
    sources = {"conformers": {"filename": "rdkit_folder.tar.gz", "aliases": ["summary_drugs.json"]}}
    entry = published("geom-drugs", tmp_path / "declared", sources=sources)
    everything = {"pretrain": {"generator": "everything", "description": "All."}}
    (entry.folder / "splits.yaml").write_text(yaml.safe_dump({"schemes": everything}))
    built = build(entry, raw=raw, offline=True, output=tmp_path / "built", allow_partial=True)
    manifest = Manifest.read(built)
    assert manifest.records == 1 and len(manifest.failures) == 2
    assert loaded(built, "pretrain", "train") == ["O=C(/C=C/c1ccco1)Nc1ccc(Cl)c(S(=O)(=O)N2CCOCC2)c1/0"]
