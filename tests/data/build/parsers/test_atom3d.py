"""LBA and LEP from ATOM3D's databases."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers import atom3d_frames, build_parser
from molbench.data.build.parsers.atom3d_frames import decode_record, frame_atoms
from molbench.data.build.parsers.lmdb import Database
from molbench.errors import UserError
from tests.complex_files import COLUMNS, frame, lba_record, lep_record, ligand, protein, write_database


def databases(folder: Path, records: list[dict[str, Any]], cuts: tuple[int, ...]) -> dict[str, Path]:
    bounds = [0, *cuts, len(records)]
    return {
        f"part{i}": write_database(folder / str(i), records[bounds[i] : bounds[i + 1]])
        for i in range(len(bounds) - 1)
    }


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_lba_is_read_in_order_through_all_databases(parse, tmp_path, shards: int) -> None:
    files = databases(tmp_path, [lba_record(i) for i in range(7)], (3, 5))
    table, failures = parse("atom3d-lba", files, shards=shards)
    assert not failures and table["id"].to_pylist() == [f"1x{i:02d}" for i in range(7)]
    assert table["neglog_aff"].to_pylist() == [4.0 + i / 8 for i in range(7)]
    record = table.to_pylist()[1]
    assert record["is_ligand"] == [False] * 20 + [True] * 4
    assert record["residue_index"] == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5 + [-1] * 4
    assert record["residue_name"] == ["GLY"] * 20 + ["LIG"] * 4
    assert record["atomic_numbers"] == [7, 6, 6, 8, 1] * 4 + [6, 17, 8, 1]
    expected = [[row[axis] for axis in "xyz"] for row in (*protein(12, 1)[:20], *ligand(1))]
    assert np.allclose(record["positions"], expected)
    assert record["sequence"] == "GGV/MK" and record["ligand_smiles"] == "OCCl"
    groups = table["group"].to_pylist()
    assert groups[0] == groups[4] != groups[1]  # a digest of the sequence


def test_the_order_of_the_databases_is_that_of_the_option(parse, tmp_path) -> None:
    files = databases(tmp_path, [lba_record(i) for i in range(4)], (1, 3))
    table, _ = parse("atom3d-lba", files, {"records": ["part2", "part0"]}, 2)
    assert table["id"].to_pylist() == ["1x03", "1x00"]
    with pytest.raises(UserError, match="source 'part9' is missing"):
        parse("atom3d-lba", files, {"records": ["part9"]})


def test_geossls_pocket_is_cut_from_the_whole_protein(parse, tmp_path) -> None:
    files = databases(tmp_path, [lba_record(0)], ())
    (record,) = parse("atom3d-lba", files, {"pocket": "geossl"}).table.to_pylist()
    assert 1 not in record["atomic_numbers"] and "HOH" not in record["residue_name"]
    places = np.array(record["positions"])
    side = np.array(record["is_ligand"])
    gaps = np.linalg.norm(places[~side][:, None] - places[side][None], axis=-1).min(axis=1)
    whole = np.array([[row[axis] for axis in "xyz"] for row in protein(12, 0) if row["element"] != "H"])
    with_hydrogen = np.array([[row[axis] for axis in "xyz"] for row in ligand(0)])
    near = np.linalg.norm(whole[:, None] - with_hydrogen[None], axis=-1).min(axis=1) <= 6
    assert gaps.size == near.sum() > 0 and np.allclose(places[~side], whole[near])


@pytest.mark.parametrize("seq", [None, [], "GG", [["A"], []], [[1, 2]]])
def test_a_record_without_sequence_is_a_group_of_its_own(parse, tmp_path, seq) -> None:
    files = databases(tmp_path, [lba_record(3, seq=seq, smiles="")], ())
    (record,) = parse("atom3d-lba", files).table.to_pylist()
    sequence = "A" if seq == [["A"], []] else ""
    assert record["sequence"] == sequence and (record["group"] == "1x03") == (not sequence)
    assert record["ligand_smiles"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "no text in 'id'"),
        ({"id": "\ud800"}, "surrogates not allowed"),
        ({"atoms_pocket": None}, "no table 'atoms_pocket'; the record has atoms_protein"),
        ({"atoms_ligand": {"columns": [], "data": 3}}, "atoms_ligand: columns and data are not lists"),
        ({"atoms_ligand": {"columns": ["x"], "data": [[1, 2]]}}, "one value for each of the 1 columns"),
        ({"atoms_ligand": frame(ligand(0), COLUMNS[:-5])}, "atoms_ligand: no column 'z'"),
        ({"atoms_ligand": frame([])}, "without ligand atoms"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"element": "Q"}])}, "unknown element 'Q'"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"element": None}])}, "unknown element 'None'"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"x": "1"}])}, "'x' holds something that is no number"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"x": True}])}, "'x' holds something that is no number"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"x": float("nan")}])}, "not finite"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"x": 1e39}])}, "not finite"),
        ({"atoms_ligand": frame([ligand(0)[0] | {"x": 10**400}])}, "too large"),
        ({"scores": {}}, "no number in scores.neglog_aff"),
        ({"scores": {"neglog_aff": "5"}}, "no number in scores.neglog_aff"),
        ({"scores": {"neglog_aff": float("inf")}}, "neglog_aff holds a number that is missing or not finite"),
    ],
)
def test_a_bad_record_is_a_failure_and_the_next_is_read(parse, tmp_path, changes, reason: str) -> None:
    table, failures = parse("atom3d-lba", databases(tmp_path, [lba_record(0, **changes), lba_record(1)], ()))
    assert table["id"].to_pylist() == ["1x01"]
    assert len(failures) == 1 and reason in failures[0].reason
    assert failures[0].where == "part0, record 0"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "cut short"),
        (b"not gzip", "not gzip"),
        (gzip.compress(b"{}", mtime=0)[:-4], "cut short"),
        (gzip.compress(b"[" * 100_000, mtime=0), "not JSON"),
        (gzip.compress(b"\xff\xfe{", mtime=0), "not JSON"),
        (gzip.compress(b"[1, 2]", mtime=0), "not a JSON object"),
        (gzip.compress(b" " * (1 << 20), mtime=0), "larger than"),
        (None, "missing"),
    ],
)
def test_a_damaged_value_is_a_reason(monkeypatch, value, reason: str) -> None:
    monkeypatch.setattr(atom3d_frames, "MAX_RECORD_BYTES", 1 << 18)
    with pytest.raises(ValueError, match=reason):
        decode_record(value)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({b"serialization_format": b"pkl"}, "written as 'pkl', only 'json' is read"),
        ({b"serialization_format": b"msgpack"}, "only 'json' is read"),
        ({b"num_examples": b"many"}, "num_examples is not a number"),
        ({b"num_examples": b"0"}, "0 records announced"),
        ({b"num_examples": b"9"}, "9 records announced, but 5 keys are there: cut short"),
    ],
)
def test_a_wrong_database_is_refused_as_a_whole(parse, tmp_path, extra, reason: str) -> None:
    path = write_database(tmp_path, [lba_record(0), lba_record(1)], extra=extra)
    with pytest.raises(UserError, match=reason):
        parse("atom3d-lba", {"part": path})


def test_what_is_missing_is_said(parse, tmp_path) -> None:
    with pytest.raises(UserError, match=r"an ATOM3D database \(data.mdb\) is missing"):
        parse("atom3d-lba", {"readme": tmp_path / "README"})
    with pytest.raises(UserError, match="setting 'pocket': Input should be 'stored' or 'geossl'"):
        build_parser("atom3d-lba", {"pocket": "6A"})


@settings(deadline=None, max_examples=30)
@given(columns=st.permutations(COLUMNS), case=st.sampled_from([str.upper, str.lower, str.title]))
def test_columns_are_found_by_name_and_elements_in_any_case(columns, case) -> None:
    rows = ligand(2)
    plain, _ = frame_atoms({"t": frame(rows)}, "t")
    shown = [row | {"element": f" {case(row['element'])} "} for row in rows]
    other, chains = frame_atoms({"t": frame(shown, tuple(columns))}, "t")
    for got, wanted in zip(other, plain, strict=True):
        assert np.array_equal(got, wanted)
    assert set(chains) == {"L"}


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(
    table=st.fixed_dictionaries(
        {
            "columns": st.one_of(st.just(list(COLUMNS)), st.lists(st.text(max_size=4))),
            "data": st.lists(
                st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=4)), max_size=20)
            ),
        }
    )
)
def test_any_table_is_atoms_or_a_reason(table) -> None:
    try:
        atoms, chains = frame_atoms({"t": json.loads(json.dumps(table))}, "t")
    except ValueError:
        return
    assert len(atoms.numbers) == len(atoms.positions) == len(chains)


def test_lep_has_the_active_structure_first(parse, tmp_path) -> None:
    files = databases(tmp_path, [lep_record(i) for i in range(6)], (4,))
    table, failures = parse("atom3d-lep", files, shards=3)
    assert not failures and table["activator"].to_pylist() == [1.0, 0.0] * 3
    record = table.to_pylist()[4]
    assert record["id"] == "Lig4__1A04__1I04" and record["group"] == "P1"
    assert record["structure"] == [0] * 44 + [1] * 39
    assert record["is_ligand"] == [False] * 40 + [True] * 4 + [False] * 35 + [True] * 4
    first, second = (np.array(record["positions"])[np.array(record["structure"]) == part] for part in (0, 1))
    assert np.allclose(first[-4:], second[-4:])  # here the ligand sits in the same place in both


def test_leps_pocket_keeps_hydrogens(parse, tmp_path) -> None:
    files = databases(tmp_path, [lep_record(0)], ())
    (record,) = parse("atom3d-lep", files, {"pocket": "geossl"}).table.to_pylist()
    assert 1 in np.array(record["atomic_numbers"])[~np.array(record["is_ligand"])]
    assert sum(record["is_ligand"]) == 8 and len(record["is_ligand"]) < 83


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "B"}, "label 'B' is neither A"),
        ({"label": 1}, "no text in 'label'"),
        ({"protein": ""}, "no text in 'protein'"),
        ({"atoms_active": frame(protein(5, 0))}, "no chain 'L', which is the ligand"),
        ({"atoms_inactive": None}, "no table 'atoms_inactive'"),
    ],
)
def test_a_bad_pair_is_a_failure(parse, tmp_path, changes, reason: str) -> None:
    table, failures = parse("atom3d-lep", databases(tmp_path, [lep_record(0, **changes), lep_record(1)], ()))
    assert len(table) == 1 and reason in failures[0].reason


@pytest.mark.parametrize("name", ["atom3d-lba", "atom3d-lep"])
def test_a_real_database_of_something_else_fails_with_what_it_has(parse, real_data, name: str) -> None:
    folder = real_data / "lba" / "atom3d_test_lmdb"
    table, failures = parse(name, {"part": folder / "data.mdb"})
    assert len(table) == 0 and [f.id for f in failures] == ["11as.pdb", "117e.pdb", "2olx.pdb", "103l.pdb"]
    assert all("the record has atoms, id, file_path, types" in f.reason for f in failures)


def test_a_real_table_is_read_by_column_name(real_data) -> None:
    with Database(real_data / "lba" / "atom3d_test_lmdb") as database:
        records = [decode_record(database[str(i).encode()]) for i in range(4)]
    for record in records:
        assert record["types"]["atoms"] == "<class 'pandas.core.frame.DataFrame'>"
        atoms, chains = frame_atoms(record, "atoms")
        assert len(atoms.numbers) == len(record["atoms"]["data"]) > 20
        assert np.isfinite(atoms.positions).all() and set(atoms.numbers) <= {1, 6, 7, 8, 15, 16, 25, 17, 34}
        assert len(chains) == len(atoms.numbers) and atoms.residues.max() < len(atoms.numbers)
