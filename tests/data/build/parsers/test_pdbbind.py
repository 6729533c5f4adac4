"""PDBbind's folders and index."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers import build_parser
from molbench.data.build.parsers.pdbbind_index import read_index
from molbench.errors import UserError
from tests.complex_files import ligand, pdb_file, protein, sd_file

HEAD = b"# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name\n# ====\n"


def index(folder: Path, *lines: str | bytes, name: str = "INDEX_refined_data.2019") -> Path:
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    (folder / name).write_bytes(HEAD + b"".join(line + b"\n" for line in raw))
    return folder / name


def complexes(folder: Path, *codes: str) -> list[Path]:
    """Files of made-up complexes, the protein of which has a water."""
    for i, code in enumerate(codes):
        (folder / code).mkdir()
        whole = protein(10, i, water=True)
        (folder / code / f"{code}_protein.pdb").write_text(pdb_file(whole))
        (folder / code / f"{code}_pocket.pdb").write_text(pdb_file(whole[:15]))
        (folder / code / f"{code}_ligand.sdf").write_text(sd_file(ligand(i)))
    return sorted(folder.glob("*/*"))


@settings(deadline=None, max_examples=50)
@given(
    value=st.floats(0.01, 999).map(lambda v: float(f"{v:.3g}")),
    unit=st.sampled_from(["", "m", "u", "n", "p", "f"]),
    relation=st.sampled_from(["=", "<", ">", "~", "<=", ">="]),
    kind=st.sampled_from(["Kd", "Ki", "IC50"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_relation_and_unit_is_understood(tmp_path_factory, value, unit, relation, kind, end) -> None:
    constant = value * {"": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}[unit]
    neglog = -np.log10(constant)
    path = tmp_path_factory.mktemp("index") / "INDEX"
    line = f"1Abc  NMR   2007  {neglog:.2f}  {kind}{relation}{value:f}{unit}M   // 1abc.pdf (LIG) cite{end}"
    path.write_bytes(HEAD + line.encode())
    (entry,), failures = read_index(path)
    assert not failures and (entry.code, entry.relation) == ("1abc", relation)
    assert entry.neglog == pytest.approx(neglog, abs=0.006)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1abc 2.0 2007 2.00", "not code, resolution, year"),
        (b"abcd 2.0 2007 2.00 Kd=10mM", "not a PDB code: 'abcd'"),
        (b"1ab\xff 2.0 2007 2.00 Kd=10mM", "not a PDB code"),
        (b"1abc 2.0 2007 two Kd=10mM", "not a number: 'two'"),
        (b"1abc 2.0 2007 1_0 Kd=10mM", "not a number: '1_0'"),
        (b"1abc 2.0 2007 2.00 Kd:10mM", "not a measured Kd, Ki or IC50"),
        (b"1abc 2.0 2007 2.00 Kd=10kM", "not a measured Kd, Ki or IC50"),
        (b"1abc 2.0 2007 2.00 Kd=1e999mM", "not a measured Kd, Ki or IC50"),
        (b"1abc 2.0 2007 5.00 Kd=10mM", "'5.00' is not -log10 of 'Kd=10mM'"),
        (b"1abc 2.0 2007 nan Kd=10mM", "is not -log10"),
        (b"1abc 2.0 2007 2.00 Kd=0mM", "is not -log10"),
    ],
)
def test_a_bad_line_is_a_failure_that_names_it(tmp_path, line: bytes, reason: str) -> None:
    entries, failures = read_index(index(tmp_path, line, "2r58 2.00 2007 2.00 Kd=10mM // x"))
    assert [entry.code for entry in entries] == ["2r58"] and len(failures) == 1
    assert reason in failures[0].reason and failures[0].where == "INDEX_refined_data.2019, line 3"


LINES = (
    "1abc 2.0 2007 2.00 Kd=10mM // 1abc.pdf (LIG)",
    "2abc 2.0 2007 3.00 Kd<1mM // 2abc.pdf (LIG)",
    "9zzz 2.0 2007 3.00 Kd=1mM // no files",
    "3abc 2.0 2007 6.00 Ki~1uM // 3abc.pdf (LIG)",
)


@pytest.mark.parametrize("shards", [1, 2, 9])
def test_complexes_come_in_the_order_of_the_index(parse, tmp_path, shards: int) -> None:
    files = [*complexes(tmp_path, "3abc", "1abc", "2abc"), index(tmp_path, *LINES)]
    table, failures = parse("pdbbind", files, shards=shards)
    assert not failures and table["id"].to_pylist() == ["1abc", "2abc", "3abc"]
    assert table["neglog_aff"].to_pylist() == [2.0, 3.0, 6.0]
    assert table["relation"].to_pylist() == ["=", "<", "~"]
    record = table.to_pylist()[2]
    assert record["is_ligand"] == [False] * 15 + [True] * 4
    assert record["ligand_smiles"] is None  # a divalent chlorine is beyond RDKit, its place is not
    assert record["atomic_numbers"] == [7, 6, 6, 8, 1] * 3 + [6, 17, 8, 1]
    assert record["residue_index"] == [0] * 5 + [1] * 5 + [2] * 5 + [-1] * 4
    assert record["sequence"] == "G" * 10
    assert np.allclose(record["positions"][:15], [[r[a] for a in "xyz"] for r in protein(10, 0)[:15]])


def test_censored_affinities_can_be_left_out(parse, tmp_path) -> None:
    files = [*complexes(tmp_path, "3abc", "1abc", "2abc"), index(tmp_path, *LINES)]
    table, failures = parse("pdbbind", files, {"relations": ["=", "~"]})
    assert not failures and table["id"].to_pylist() == ["1abc", "3abc"]
    with pytest.raises(UserError, match=r"setting 'relations.0'.*not '!='"):
        build_parser("pdbbind", {"relations": ["!="]})


@pytest.mark.parametrize("shards", [1, 2])
def test_structures_alone_where_there_is_no_index(parse, tmp_path, shards: int) -> None:
    files = complexes(tmp_path, "3abc", "1abc", "2abc")
    bare, failures = parse("pdbbind", files, {"index": False}, shards=shards)
    assert not failures and bare["id"].to_pylist() == ["1abc", "2abc", "3abc"]
    indexed, _ = parse("pdbbind", [*files, index(tmp_path, *LINES)])
    assert bare.equals(indexed.drop(["relation", "neglog_aff"]))
    with pytest.raises(UserError, match="there is not a file <code>_pocket"):
        parse("pdbbind", [index(tmp_path, *LINES)], {"index": False})
    with pytest.raises(UserError, match="'relations' needs the index"):
        build_parser("pdbbind", {"index": False, "relations": ["="]})


def test_what_is_missing_is_a_failure_of_that_complex(parse, tmp_path) -> None:
    complexes(tmp_path, "1abc", "2abc", "3abc")
    (tmp_path / "1abc/1abc_protein.pdb").unlink()
    (tmp_path / "2abc/2abc_pocket.pdb").unlink()
    (tmp_path / "3abc/3abc_ligand.sdf").unlink()
    files = [*tmp_path.glob("*/*"), index(tmp_path, *LINES)]
    table, failures = parse("pdbbind", files)
    assert table["id"].to_pylist() == ["1abc"] and table["sequence"].to_pylist() == [""]
    assert table["group"].to_pylist() == ["1abc"]
    assert [(f.id, f.reason) for f in failures] == [
        ("2abc", "no 2abc_pocket.pdb"),
        ("3abc", "no ligand file"),
    ]
    table, failures = parse("pdbbind", files, {"pocket": "geossl"})
    assert table["id"].to_pylist() == ["2abc"] and "no 1abc_protein.pdb to cut" in failures[0].reason
    assert "HOH" not in table["residue_name"][0].as_py() and 1 not in table["atomic_numbers"][0].as_py()


def test_one_index_is_needed_and_must_fit_the_files(parse, tmp_path) -> None:
    files = complexes(tmp_path, "1abc")
    with pytest.raises(UserError, match="one index file of PDBbind"):
        parse("pdbbind", files)
    two = [index(tmp_path, *LINES), index(tmp_path, *LINES, name="INDEX_general_PL_data.2019")]
    with pytest.raises(UserError, match=r"INDEX_general_PL_data.2019, INDEX_refined_data.2019"):
        parse("pdbbind", [*files, *two])
    with pytest.raises(UserError, match="no complex of the index has a file"):
        parse("pdbbind", [*files, index(tmp_path, LINES[2])])


def test_the_real_index_is_consistent(real_data) -> None:
    entries, failures = read_index(real_data / "lba/pdbbind_index/INDEX_refined_data.2019_first200")
    assert not failures and len(entries) == 200 and len({entry.code for entry in entries}) == 200
    assert {entry.relation for entry in entries} == {"="} and entries[0].neglog == 2.0


@pytest.fixture
def real_files(real_data, tmp_path) -> list[Path]:
    """Real structures with a made-up index, as the folder's own does not list them."""
    actual = [p for part in ("oddt", "diffdock") for p in (real_data / f"lba/pdbbind_{part}").glob("*/*")]
    lines = [f"{code} NMR 1998 6.00 Ki=1uM // made up" for code in ("10gs", "1a0q", "1imx", "1k9q")]
    return [*actual, index(tmp_path, *lines)]


def test_real_complexes_with_their_stored_pockets(parse, real_files) -> None:
    table, failures = parse("pdbbind", real_files)
    assert table["id"].to_pylist() == ["10gs", "1imx", "1k9q"]
    assert [(f.id, f.reason) for f in failures] == [("1a0q", "no 1a0q_pocket.pdb")]
    assert [sum(side) for side in table["is_ligand"].to_pylist()] == [59, 135, 99]
    sequences = table["sequence"].to_pylist()
    assert sequences[0] == ""  # 10gs has no protein file
    assert sequences[1].startswith("ETLCGAELVDAL") and table["group"].to_pylist()[0] == "10gs"
    assert all("[H]" not in smiles and ":" not in smiles for smiles in table["ligand_smiles"].to_pylist())


def test_real_complexes_with_geossls_pocket(parse, real_files) -> None:
    table, failures = parse("pdbbind", real_files, {"pocket": "geossl"})
    assert table["id"].to_pylist() == ["1a0q", "1imx", "1k9q"] and [f.id for f in failures] == ["10gs"]
    for record in table.to_pylist():
        places, side = np.array(record["positions"]), np.array(record["is_ligand"])
        gaps = np.linalg.norm(places[~side][:, None] - places[side][None], axis=-1).min(axis=1)
        assert len(side) <= 500 and 1 not in record["atomic_numbers"] and gaps.min() > 1.2
        assert np.percentile(gaps, 50) <= 6 and "HOH" not in record["residue_name"]
