"""PCQM4Mv2 from its SD file and from its xyz archive."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import AllChem

from molbench.data.build.builder import build
from molbench.data.build.parsers import zip_entries
from molbench.data.folder.manifest import Manifest
from molbench.data.read.store import Store
from molbench.errors import UserError
from tests.data.build.parsers.published import loaded, published

SMILES = ["O", "CCO", "C#N", "c1ccncc1", "CCN", "CO"]
STRUCTURES = 4


def molecule(smiles: str) -> Chem.Mol:
    made = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(made, randomSeed=1) == 0
    made.SetProp("_Name", "/Volumes/Some/where/9.xyz")  # titles are paths and tell nothing
    return made


MOLECULES = {smiles: molecule(smiles) for smiles in SMILES}


def table(gaps: list[str] | None = None, header: str = "idx,smiles,homolumogap", end: str = "\n") -> str:
    """Rows 0 to 3 train, row 4 validates, row 5 is a hidden test."""
    gaps = gaps or ["1.5", "2.5", "3.5", "4.5", "5.5", ""]
    cells = {"idx": [*map(str, range(6))], "smiles": SMILES, "homolumogap": gaps, "x": ["?"] * 6}
    rows = [",".join(cells[name.strip().lower()][i] for name in header.split(",")) for i in range(6)]
    return end.join([header, *rows, ""])


def sdf_text(names: list[str] = SMILES[:STRUCTURES]) -> bytes:
    return "".join(Chem.MolToMolBlock(MOLECULES[name]) + "$$$$\n" for name in names).encode()


def write(root: Path, sdf: bytes, rows: str | bytes, packed: bool = True) -> list[Path]:
    """Raw files of exactly the published names and containers."""
    root.mkdir(parents=True, exist_ok=True)
    data = root / "data.csv.gz"
    data.write_bytes(gzip.compress(rows if isinstance(rows, bytes) else rows.encode()))
    path = root / ("pcqm4m-v2-train.sdf.tar.gz" if packed else "pcqm4m-v2-train.sdf")
    if not packed:
        path.write_bytes(sdf)
        return [data, path]
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("pcqm4m-v2-train.sdf")
        member.size = len(sdf)
        archive.addfile(member, io.BytesIO(sdf))
    return [data, path]


@settings(deadline=None, max_examples=15)
@given(
    header=st.permutations(["idx", "smiles", "homolumogap", "x"]),
    crlf=st.booleans(),
    packed=st.booleans(),
    shards=st.integers(1, 9),
)
def test_structures_and_gaps_come_together(parse, tmp_path_factory, header, crlf, packed, shards) -> None:
    end = "\r\n" if crlf else "\n"
    rows = table(header=" , ".join(header) if packed else ",".join(header), end=end)
    sdf = sdf_text().replace(b"\n", end.encode())
    records, failures = parse(
        "pcqm4mv2-sdf", write(tmp_path_factory.mktemp("p"), sdf, rows, packed), shards=shards
    )
    assert not failures and records["id"].to_pylist() == [f"pcqm4mv2-{i}" for i in range(5)]
    assert records["gap"].to_pylist() == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert records["smiles"].to_pylist() == SMILES[:5]
    assert records["level_of_theory"].to_pylist() == ["B3LYP/6-31G*"] * 4 + ["ETKDG"]
    assert records["missing_hydrogens"].to_pylist() == [0] * 5
    position = MOLECULES["CCO"].GetConformer().GetPositions()
    assert np.allclose(records["positions"][1].as_py(), position, atol=1e-4)


def test_a_validation_molecule_gets_a_conformer_with_hydrogens(parse, tmp_path) -> None:
    files = write(tmp_path, sdf_text(), table())
    first, second = (parse("pcqm4mv2-sdf", files).table for _ in range(2))
    row = first.slice(4, 1).to_pylist()[0]
    assert sorted(row["atomic_numbers"]) == [1] * 7 + [6, 6, 7] and len(row["bonds"]) == 9
    assert len({tuple(position) for position in row["positions"]}) == 10
    assert first.equals(second)


def test_structures_without_hydrogens_are_flagged(parse, tmp_path) -> None:
    bare = "".join(Chem.MolToMolBlock(Chem.RemoveHs(MOLECULES[name])) + "$$$$\n" for name in SMILES[:4])
    records, _ = parse("pcqm4mv2-sdf", write(tmp_path, bare.encode(), table()))
    assert records["missing_hydrogens"].to_pylist() == [2, 6, 1, 5, 0]


def test_rows_that_have_slipped_are_noticed(parse, tmp_path) -> None:
    records, failures = parse("pcqm4mv2-sdf", write(tmp_path, sdf_text(SMILES[1:5]), table()))
    assert len(failures) == 4 and all("other atoms than the structure" in f.reason for f in failures)
    assert records["id"].to_pylist() == ["pcqm4mv2-4"]


@pytest.mark.parametrize(
    ("gaps", "reason"),
    [
        (["1", "", "3", "4", "5", ""], "a structure and no gap"),
        (["1", "nan", "3", "4", "5", ""], "a structure and no gap"),
        (["1", "1_0", "3", "4", "5", ""], "a structure and no gap"),
        (["1", "inf", "3", "4", "5", ""], "gap holds a number"),
        (["1", "1e999", "3", "4", "5", ""], "gap holds a number"),
    ],
)
def test_a_bad_gap_is_a_failure(parse, tmp_path, gaps, reason: str) -> None:
    records, failures = parse("pcqm4mv2-sdf", write(tmp_path, sdf_text(), table(gaps)))
    assert [f.id for f in failures] == ["pcqm4mv2-1"] and reason in failures[0].reason
    assert len(records) == 4


def test_a_bad_structure_or_smiles_is_a_failure(parse, tmp_path) -> None:
    sdf = sdf_text().replace(b" N  ", b" Qq ", 1)
    rows = table().replace("CCN", "C(C")
    _, failures = parse("pcqm4mv2-sdf", write(tmp_path, sdf, rows))
    assert [f.id for f in failures] == ["pcqm4mv2-2", "pcqm4mv2-4"]
    assert "unknown element" in failures[0].reason and "cannot read the SMILES" in failures[1].reason


@pytest.mark.parametrize(
    ("sdf", "rows", "reason"),
    [
        (sdf_text(SMILES) + sdf_text(["O"]), table(), "7 structures for 6 rows"),
        (sdf_text(), table().replace("3,c1", "9,c1"), "row 3 has idx 9"),
        (sdf_text(), table().replace("3,c1", "x,c1"), "row 3 has idx nan"),
        (sdf_text(), table().replace("homolumogap", "gap"), "no column 'homolumogap'"),
        (sdf_text(), table().encode().replace(b"CCO", b"C\xff"), "CSV"),
        (sdf_text(), "idx,smiles,homolumogap\n", "no rows"),
        (sdf_text()[:-30], table(), "middle of record 3"),
        (b"", table(), "no record"),
    ],
)
def test_files_that_do_not_fit_are_refused(parse, tmp_path, sdf: bytes, rows, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("pcqm4mv2-sdf", write(tmp_path, sdf, rows))


def xyz(name: str, comment: str = "") -> str:
    made = MOLECULES[name]
    atoms = zip(made.GetAtoms(), made.GetConformer().GetPositions(), strict=True)
    lines = [f"{atom.GetSymbol()} {x:.6f} {y:.6f} {z:.6f}" for atom, (x, y, z) in atoms]
    return "\n".join([str(len(lines)), comment, *lines, ""])


def write_xyz(
    root: Path, texts: dict[str, str | bytes], rows: str = "", mode: int = zipfile.ZIP_DEFLATED
) -> list[Path]:
    path = root / "pcqm4m-v2_xyz.zip"
    with zipfile.ZipFile(path, "w", mode) as archive:
        archive.writestr("pcqm4m-v2_xyz/0_9/", "")
        for name, text in texts.items():
            archive.writestr(f"pcqm4m-v2_xyz/0_9/{name}.xyz", text)
    (root / "data.csv.gz").write_bytes(gzip.compress((rows or table()).encode()))
    return [path, root / "data.csv.gz"]


@pytest.mark.parametrize("mode", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("shards", [1, 3])
def test_xyz_files_go_by_their_number(parse, tmp_path, mode: int, shards: int) -> None:
    files = write_xyz(
        tmp_path, {"2": xyz("C#N"), "0": xyz("O").replace("\n", "\r\n"), "1": xyz("CCO")}, mode=mode
    )
    records, failures = parse("pcqm4mv2-xyz", files, shards=shards)
    assert not failures and records["id"].to_pylist() == [f"pcqm4mv2-{i}" for i in (2, 0, 1)]
    assert records["gap"].to_pylist() == [3.5, 1.5, 2.5]
    assert records["missing_hydrogens"].to_pylist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("1", xyz("C#N"), "other atoms"),
        ("5", xyz("CO"), "no gap for molecule 5"),
        ("77", xyz("CO"), "no gap for molecule 77"),
        ("x", xyz("CO"), "not a whole number"),
        ("1", "", "not a whole number"),
        ("1", "3\n\nO 0 0 0\n", "1 lines of atoms"),
        ("1", "0\n\n", "0 lines"),
        ("1", "1\n\nQq 0 0 0\n", "unknown element"),
        ("1", "1\n\nO 0 0\n", "3 columns instead of 4"),
        ("1", "1\n\nO 0 0 z\n", "not a number"),
        ("4", xyz("CCN").replace(" 0.", " 1e99", 1).replace(" -0.", " 1e99", 1), "not finite|not a number"),
        ("1", b"\xff\xfe", "not a whole number"),
    ],
)
def test_a_bad_xyz_file_is_a_failure(parse, tmp_path, name: str, text, reason: str) -> None:
    records, failures = parse("pcqm4mv2-xyz", write_xyz(tmp_path, {name: text, "0": xyz("O")}))
    assert records["id"].to_pylist() == ["pcqm4mv2-0"] and len(failures) == 1
    assert any(part in failures[0].reason for part in reason.split("|"))


@settings(deadline=None, max_examples=25)
@given(
    contents=st.lists(st.binary(max_size=200), max_size=12),
    stored=st.booleans(),
    start=st.integers(0, 12),
    stop=st.integers(0, 12),
    wide=st.booleans(),
)
def test_zip_members_are_those_of_the_library(tmp_path_factory, contents, stored, start, stop, wide) -> None:
    path = tmp_path_factory.mktemp("z") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for i, content in enumerate(contents):
            with archive.open(f"{i}.xyz", "w", force_zip64=wide) as member:
                member.write(content)
        archive.comment = b"a comment"
    assert zip_entries.count_members(path) == len(contents)
    actual = list(zip_entries.zip_members(path, start, stop, ".xyz"))
    assert actual == [(f"{i}.xyz", content) for i, content in enumerate(contents)][start:stop]


@settings(deadline=None, max_examples=50)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_zip_gives_its_content_or_a_user_error(
    tmp_path_factory, at: int, value: int, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("z") / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"{i}.xyz", b"content " * i * 9)
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at] = value
    path.write_bytes(bytes(data[:at] if cut else data))
    try:
        for _, content in zip_entries.zip_members(path, 0, None, ""):
            assert content == b"content " * (len(content) // 8)
    except UserError:
        pass


@pytest.mark.slow
def test_a_build_from_the_published_layout(tmp_path) -> None:
    """Training molecules with their structures, validation molecules with made ones, no hidden tests."""
    raw = tmp_path / "raw"
    names = [SMILES[i % 6] for i in range(20)]
    gaps = [f"{i}.5" if i < 17 else "" for i in range(20)]
    rows = "\n".join(
        [
            "idx,smiles,homolumogap",
            *(f"{i},{n},{g}" for i, (n, g) in enumerate(zip(names, gaps, strict=True))),
            "",
        ]
    )
    write(raw, sdf_text(names[:14]), rows)
    numbers = {
        "train": range(14),
        "valid": range(14, 17),
        "test-dev": range(17, 19),
        "test-challenge": range(19, 20),
    }
    torch.save({name: np.array(rows) for name, rows in numbers.items()}, raw / "split_dict.pt")
    with zipfile.ZipFile(raw / "pcqm4m-v2.zip", "w") as archive:
        archive.write(raw / "data.csv.gz", "pcqm4m-v2/raw/data.csv.gz")
        archive.write(raw / "split_dict.pt", "pcqm4m-v2/split_dict.pt")
    entry = published("pcqm4mv2", tmp_path / "declared", records=17)
    splits = yaml.safe_load((entry.folder / "splits.yaml").read_text())
    splits["schemes"]["published"]["parameters"]["validation"] = 4
    (entry.folder / "splits.yaml").write_text(yaml.safe_dump(splits, sort_keys=False))
    one, two = (build(entry, raw=raw, offline=True, output=tmp_path / str(n), num_proc=n) for n in (1, 2))
    assert (one / "manifest.json").read_bytes() == (two / "manifest.json").read_bytes()
    assert Manifest.read(one).records == 17
    assert loaded(one, "published", "test") == [f"pcqm4mv2-{i}" for i in (14, 15, 16)]
    assert len(loaded(one, "published", "validation")) == 4
    store = Store.open(one)
    assert store.column("level_of_theory").to_pylist() == ["B3LYP/6-31G*"] * 14 + ["ETKDG"] * 3
    assert store.target("gap").tolist() == [i + 0.5 for i in range(17)]


def test_real_structures(parse, real_data, tmp_path) -> None:
    """1,999 training molecules; SMILES were written anew from structures without radical marks."""
    folder = real_data / "pcqm4mv2" / "sdf_from_graphium"
    files = [folder / "pcqm4m-v2-train_first1999.sdf", folder / "data_first1999.csv.gz"]
    records, failures = parse("pcqm4mv2-sdf", files, shards=3)
    assert not failures and len(records) == 1999
    titles = [b.partition("\n")[0] for b in files[0].read_text().split("$$$$\n")[:-1]]
    assert records["id"].to_pylist() == [f"pcqm4mv2-{title}" for title in titles]
    assert all(1 in atoms for atoms in records["atomic_numbers"].to_pylist())
    missing = np.array(records["missing_hydrogens"].to_pylist())
    # Radicals: RDKit filled their open valences when it wrote the SMILES.
    assert (missing > 0).sum() == 207 and (missing >= 0).all()
    small = tmp_path / "data.csv.gz"
    official = real_data / "pcqm4mv2" / "molflux_first10" / "pcqm4m-v2" / "raw" / "data.csv.gz"
    small.write_bytes(official.read_bytes())
    texts = files[0].read_text().split("$$$$\n")[:10]
    (tmp_path / "ten.sdf").write_text("".join(f"{text}$$$$\n" for text in texts))
    ten, failures = parse("pcqm4mv2-sdf", [small, tmp_path / "ten.sdf"])
    # With the official SMILES, which have the radicals, nothing is missing and the gaps are the same.
    assert not failures and ten["missing_hydrogens"].to_pylist() == [0] * 10
    assert np.allclose(ten["gap"].to_pylist(), records["gap"].to_pylist()[:10])
    assert "[N]" in ten["smiles"][0].as_py() and "[N]" not in records["smiles"][0].as_py()


def test_a_build_from_real_files(real_data, tmp_path) -> None:
    """1,999 of three million molecules are a dataset of their own, without the published split."""
    folder = real_data / "pcqm4mv2" / "sdf_from_graphium"
    sources = {
        "table": {"filename": "data_first1999.csv.gz"},
        "structures": {"filename": "pcqm4m-v2-train_first1999.sdf"},
    }
    entry = published("pcqm4mv2", tmp_path / "declared", sources=sources)
    built = build(entry, raw=folder, offline=True, allow_partial=True)
    manifest = Manifest.read(built)
    assert manifest.records == 1999 and manifest.dataset_id == "pcqm4mv2-partial" and not manifest.failures
    assert list(manifest.left_out) == ["published"]
    assert len(loaded(built, "ratio", "test")) == 200
