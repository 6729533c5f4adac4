"""Molecule3D from its SD files and from its mirror."""

import csv
import gzip
import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.data.build.builder import build
from molbench.data.build.parsers import sdf
from molbench.data.build.parsers.molecule3d import PROPERTIES
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.errors import UserError
from tests.data.build.parsers.published import loaded, published

HEADER = ["cid", *PROPERTIES.values()]
SMILES = ["O", "CCO", "c1ccccc1", "C#N", "CC(=O)[O-]"]


def block(smiles: str, hydrogens: bool = True, title: bool = True) -> str:
    """A V2000 block as RDKit writes it."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(molecule, randomSeed=1) == 0
    text = Chem.MolToMolBlock(molecule if hydrogens else Chem.RemoveHs(molecule))
    return text if title else text.partition("\n")[2]


BLOCKS = {smiles: block(smiles) for smiles in SMILES}


def value(index: int, name: str) -> float:
    """Property of molecule ``index``: whatever the order of the columns."""
    return index + list(PROPERTIES).index(name) / 10


def table(n: int, header: list[str] = HEADER, end: str = "\n") -> str:
    names = {header_name: name for name, header_name in PROPERTIES.items()}
    rows = [",".join("1234" if h not in names else f"{value(i, names[h])}" for h in header) for i in range(n)]
    return end.join([",".join(header), *rows, ""])


def write(root: Path, blocks: list[list[str]], properties: str | bytes, end: str = "\n") -> list[Path]:
    """Raw files of exactly the published names."""
    root.mkdir(parents=True, exist_ok=True)
    first, paths = 0, []
    for records in blocks:
        path = root / f"combined_mols_{first}_to_{first + len(records)}.sdf"
        path.write_bytes("".join(f"{text}$$$$\n" for text in records).replace("\n", end).encode())
        first += len(records)
        paths.append(path)
    (root / "properties.csv").write_bytes(
        properties if isinstance(properties, bytes) else properties.encode()
    )
    return [*paths, root / "properties.csv"]


def of(*smiles: str) -> list[str]:
    return [BLOCKS[name] for name in smiles]


TWO = [of("O", "CCO", "c1ccccc1"), of("C#N", "CC(=O)[O-]")]


@settings(deadline=None, max_examples=20)
@given(
    header=st.permutations(HEADER),
    crlf=st.booleans(),
    mark=st.booleans(),
    capitals=st.booleans(),
    shards=st.integers(1, 7),
)
def test_properties_come_by_name(parse, tmp_path_factory, header, crlf, mark, capitals, shards) -> None:
    end = "\r\n" if crlf else "\n"
    text = table(5, header, end)
    if capitals:
        first, _, rest = text.partition(end)
        text = first.upper().replace(" ", "_") + end + rest
    files = write(tmp_path_factory.mktemp("m3d"), TWO, ("\ufeff" if mark else "") + text, end)
    records, failures = parse("molecule3d-sdf", files, shards=shards)
    assert not failures and records["id"].to_pylist() == [f"molecule3d-{i}" for i in range(5)]
    for name in PROPERTIES:
        assert records[name].to_pylist() == [value(i, name) for i in range(5)]
    assert records["smiles"].to_pylist() == SMILES
    assert records["missing_hydrogens"].to_pylist() == [0.0] * 5


def test_structure_and_bonds(parse, tmp_path) -> None:
    records, _ = parse("molecule3d-sdf", write(tmp_path, TWO, table(5)))
    source = Chem.MolFromMolBlock(BLOCKS["CCO"], removeHs=False)
    row = records.slice(1, 1).to_pylist()[0]
    assert np.allclose(row["positions"], source.GetConformer().GetPositions(), atol=1e-4)
    assert row["bonds"] == [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in source.GetBonds()]
    # A ring is written with alternating bonds, and kept so.
    assert sorted(records["bond_orders"][2].as_py()) == [1] * 9 + [2] * 3
    assert 3 in records["bond_orders"][3].as_py()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.replace(" O ", "Qq "), "unknown element"),
        (lambda s: s.replace("V2000", "V3000"), "counts line"),
        (lambda s: s.replace("  1  2  1", "  1  9  1"), "not a bond"),
        (lambda s: s.replace("  1  2  1", "  1  1  1"), "not a bond"),
        (lambda s: s.replace("  1  2  1", "  1  2  7"), "not a bond"),
        (lambda s: s.replace("  1  3  1", "  2  1  1"), "bonded twice"),
        (lambda s: s.replace("  1  2  1", "  1  x  1"), "not a whole number"),
        (lambda s: s.replace("M  END\n", ""), "no M  END"),
    ],
)
def test_a_bad_block_is_a_failure_and_the_next_is_read(parse, tmp_path, change, reason: str) -> None:
    bad = change(BLOCKS["O"])
    assert bad != BLOCKS["O"]
    records, failures = parse("molecule3d-sdf", write(tmp_path, [[bad, *of("CCO")]], table(2)))
    assert records["id"].to_pylist() == ["molecule3d-1"]
    assert len(failures) == 1 and reason in failures[0].reason and failures[0].id == "molecule3d-0"


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1e999", "1_0", "low"])
def test_a_bad_property_is_a_failure(parse, tmp_path, cell: str) -> None:
    lines = table(2).splitlines()
    cells = lines[1].split(",")
    cells[6] = cell
    text = "\n".join([lines[0], ",".join(cells), lines[2], ""])
    records, failures = parse("molecule3d-sdf", write(tmp_path, [of("O", "CCO")], text))
    assert records["id"].to_pylist() == ["molecule3d-1"] and failures[0].id == "molecule3d-0"
    assert "gap" in failures[0].reason  # homolumogap, or gap


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: (root / "properties.csv").write_text(table(4)), "4 rows for 5 structures"),
        (
            lambda root: (root / "properties.csv").write_text(table(5).replace("homolumogap", "x")),
            "homolumogap",
        ),
        (
            lambda root: (root / "properties.csv").write_text(table(5).replace("lumo,", "homo,")),
            "no column|twice",
        ),
        (
            lambda root: (root / "properties.csv").write_bytes(table(5).encode() + b"\xff\xfe,,,\n"),
            "CSV|rows",
        ),
        (lambda root: (root / "properties.csv").write_text(""), "empty"),
        (lambda root: (root / "properties.csv").unlink(), "no such file"),
        (lambda root: (root / "combined_mols_0_to_3.sdf").write_text("x\n"), "not an SD file"),
        (lambda root: (root / "combined_mols_0_to_3.sdf").write_text(of("O")[0] + "$$$$\n"), "1 records"),
        (lambda root: (root / "combined_mols_0_to_3.sdf").write_text(BLOCKS["O"]), "not an SD file"),
    ],
)
def test_files_that_do_not_fit_are_refused(parse, tmp_path, change, reason: str) -> None:
    files = write(tmp_path, TWO, table(5))
    change(tmp_path)
    with pytest.raises(UserError, match=reason):
        parse("molecule3d-sdf", files)


def test_structures_alone_where_there_is_no_table(parse, tmp_path) -> None:
    files = write(tmp_path, TWO, table(5))
    labelled, _ = parse("molecule3d-sdf", files)
    bare, failures = parse("molecule3d-sdf", files[:2], {"properties": False}, shards=2)
    assert not failures and bare.equals(labelled.drop(list(PROPERTIES)))
    with pytest.raises(UserError, match="the table properties"):
        parse("molecule3d-sdf", files[:2])


def test_a_block_of_files_that_is_missing_is_noticed(parse, tmp_path) -> None:
    files = write(tmp_path, TWO, table(5))
    with pytest.raises(UserError, match="begins with molecule 3 where 0"):
        parse("molecule3d-sdf", files[1:])
    with pytest.raises(UserError, match=r"combined_mols.* missing"):
        parse("molecule3d-sdf", files[2:])


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(1, 9),
    start=st.integers(0, 9),
    stop=st.integers(0, 10),
    size=st.integers(1, 400),
    tail=st.sampled_from(["$$$$\n", "$$$$", "$$$$\r\n\r\n"]),
)
def test_records_of_an_sd_file(tmp_path_factory, count, start, stop, size, tail) -> None:
    """However the blocks of reading fall, the records are the same."""
    path = tmp_path_factory.mktemp("sdf") / "a.sdf.gz"
    texts = [f"record {i}\n" + "x" * (i * 37) + "\n" for i in range(count)]
    with gzip.open(path, "wb") as file:
        file.write("$$$$\n".join(texts).encode() + tail.encode())
    stop = max(start + 1, stop)
    with patch.object(sdf, "_READ", size):
        assert sdf.count_records(path) == count
        actual = list(sdf.records(path, start, stop))
    assert actual == list(enumerate(text.encode() for text in texts))[start:stop]


def mirror(path: Path, rows: list[dict], columns: list[str] | None = None) -> Path:
    """Parquet of the mirror's columns."""
    names = ["index", "SMILES", "sdf", *HEADER]
    data = pa.table({name: [row[name] for row in rows] for name in names})
    pq.write_table(data.select(columns or names), path, row_group_size=2)
    return path


def mirrored(number: int, smiles: str, **changes: object) -> dict:
    if "sdf" not in changes:
        changes["sdf"] = block(smiles, hydrogens=False, title=False)
    properties = {header: value(number, name) for name, header in PROPERTIES.items()}
    return {"index": number, "SMILES": smiles, "cid": 7, **properties} | changes


def test_the_mirror_lacks_titles_and_hydrogens_and_says_so(parse, tmp_path) -> None:
    one = mirror(tmp_path / "train.parquet", [mirrored(4, "CCO"), mirrored(0, "O"), mirrored(9, "C#N")])
    two = mirror(tmp_path / "valid.parquet", [mirrored(2, "[H][H]", sdf=block("[H][H]"))])
    records, failures = parse("molecule3d-parquet", [two, one], shards=3)
    assert not failures and records["id"].to_pylist() == [f"molecule3d-{i}" for i in (4, 0, 9, 2)]
    assert records["missing_hydrogens"].to_pylist() == [6, 2, 1, 0]
    assert records["atomic_numbers"].to_pylist() == [[6, 6, 8], [8], [6, 7], [1, 1]]
    assert records["gap"].to_pylist() == [value(i, "gap") for i in (4, 0, 9, 2)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sdf": ""}, "counts line"),
        ({"sdf": None}, "no structure"),
        ({"index": None}, "no index"),
        ({"SMILES": "CCN"}, "other atoms"),
        ({"homo": None}, "no homo"),
        ({"scf energy": float("inf")}, "not finite"),
        ({"sdf": "\xff\n\n  0  0  0  V2000\n"}, "without atoms"),
    ],
)
def test_a_bad_row_of_the_mirror(parse, tmp_path, changes, reason: str) -> None:
    path = mirror(tmp_path / "a.parquet", [mirrored(0, "CCO", **changes), mirrored(1, "O")])
    records, failures = parse("molecule3d-parquet", [path])
    assert records["id"].to_pylist() == ["molecule3d-1"] and len(failures) == 1
    assert reason in failures[0].reason


def test_a_wrong_file_of_the_mirror(parse, tmp_path) -> None:
    path = mirror(tmp_path / "a.parquet", [mirrored(0, "CCO")], ["index", "SMILES", "sdf", "homo"])
    with pytest.raises(UserError, match="no column 'dipole x'"):
        parse("molecule3d-parquet", [path])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match="Parquet"):
        parse("molecule3d-parquet", [path])
    with pytest.raises(UserError, match="missing"):
        parse("molecule3d-parquet", {})


@pytest.mark.slow
def test_a_build_from_the_published_layout(tmp_path) -> None:
    """Two million-molecule files in small, of which one record cannot be read."""
    raw = tmp_path / "raw"
    names = [SMILES[i % 5] for i in range(40)]
    blocks = [BLOCKS[name] for name in names]
    blocks[7] = blocks[7].replace("V2000", "V3000")
    write(raw, [blocks[:25], blocks[25:]], table(40))
    order = np.random.default_rng(0).permutation(40).tolist()
    lists = {"train": order[:24], "valid": order[24:32], "test": order[32:]}
    for name in ("random", "scaffold"):
        (raw / f"{name}_split_inds.json").write_text(json.dumps(lists))
    sources = {
        f"block-{i}": {"filename": name}
        for i, name in enumerate(("combined_mols_0_to_25.sdf", "combined_mols_25_to_40.sdf"))
    }
    sources["properties"] = {"filename": "properties.csv"}
    sources |= {name: {"filename": f"{name}_split_inds.json"} for name in ("random", "scaffold")}
    entry = published("molecule3d", tmp_path / "declared", sources=sources, records=40)
    splits = yaml.safe_load((entry.folder / "splits.yaml").read_text())
    del splits["schemes"]["geossl"]
    (entry.folder / "splits.yaml").write_text(yaml.safe_dump(splits, sort_keys=False))
    one, two = (build(entry, raw=raw, offline=True, output=tmp_path / str(n), num_proc=n) for n in (1, 2))
    assert (one / "manifest.json").read_bytes() == (two / "manifest.json").read_bytes()
    manifest = Manifest.read(one)
    assert manifest.records == 39 and [f.id for f in manifest.failures] == ["molecule3d-7"]
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        assert loaded(one, "random", split) == sorted(f"molecule3d-{i}" for i in lists[name] if i != 7)
    store = Store.open(one)
    assert store.target("gap").tolist() == [value(i, "gap") for i in range(40) if i != 7]
    batch = store.batch([1, 2])
    assert batch.bonds is not None and len(batch.bonds) == 8 + 12
    part = build(
        published("molecule3d", tmp_path / "again", sources=sources),
        raw=raw,
        offline=True,
        allow_partial=True,
    )
    assert part.name == "molecule3d-partial" and set(Manifest.read(part).left_out) == {
        "random",
        "scaffold",
        "geossl",
    }


def test_the_real_export_has_lost_its_hydrogens(parse, real_data, tmp_path) -> None:
    """2,000 records; the properties are made up here, for none came with them."""
    folder = real_data / "molecule3d" / "sdf_export"
    text = (folder / "molecule3d_chon20_train.sdf").read_text()
    path = tmp_path / "combined_mols_0_to_2000.sdf"
    path.write_text(text)
    (tmp_path / "properties.csv").write_text(table(2000))
    records, failures = parse("molecule3d-sdf", [path, tmp_path / "properties.csv"], shards=3)
    assert not failures and len(records) == 2000
    numbers = records["atomic_numbers"].to_pylist()
    assert sum(1 in atoms for atoms in numbers) == 4  # the few that kept one or two
    assert min(records["missing_hydrogens"].to_pylist()) > 0
    with (folder / "molecule3d_chon20_train.smiles.csv").open() as file:
        stated = [row["smiles"] for row in csv.DictReader(file)]
    assert len(stated) - len(set(stated)) == 7  # duplicates
    assert records["smiles"].to_pylist() == [Chem.MolToSmiles(Chem.MolFromSmiles(s)) for s in stated]
    # As the mirror has them: the same blocks without their first line.
    rows = [
        mirrored(i, s, sdf=b.partition("\n")[2])
        for i, (s, b) in enumerate(zip(stated[:200], text.split("$$$$\n")[:200], strict=True))
    ]
    again, failures = parse("molecule3d-parquet", [mirror(tmp_path / "a.parquet", rows)])
    assert not failures
    assert again.drop(["smiles"]).equals(records.slice(0, 200).drop(["smiles"]))


def test_a_build_from_real_files(real_data, tmp_path) -> None:
    """500 real structures without hydrogens, with made-up properties, under the published names."""
    source = real_data / "molecule3d" / "sdf_export" / "molecule3d_chon20_train.sdf"
    raw = tmp_path / "raw"
    raw.mkdir()
    texts = source.read_text().split("$$$$\n")[:500]
    (raw / "combined_mols_0_to_500.sdf").write_text("".join(f"{text}$$$$\n" for text in texts))
    (raw / "properties.csv").write_text(table(500))
    sources = {key: {"filename": key} for key in ("combined_mols_0_to_500.sdf", "properties.csv")}
    entry = published("molecule3d", tmp_path / "declared", sources=sources)
    built = build(entry, raw=raw, offline=True, allow_partial=True)
    manifest = Manifest.read(built)
    assert manifest.records == 500 and manifest.dataset_id == "molecule3d-partial"
    assert len(loaded(built, "ratio", "train")) == 400
    assert min(Store.open(built).target("missing_hydrogens")) > 0
