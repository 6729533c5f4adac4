"""LEP from PDB files and a table."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.errors import UserError
from tests.complex_files import lep_record, ligand, pdb_file, protein, write_database

NAMES = ("ligand", "protein", "active_struc", "inactive_struc", "label", "SMILES")


def raw(
    folder: Path, count: int = 4, columns: tuple[str, ...] = NAMES, end: str = "\n", **changes: str
) -> list[Path]:
    """A table of made-up pairs and their structures; ``changes`` to the first row."""
    table = io.StringIO()
    writer = csv.DictWriter(table, ["extra", *columns], extrasaction="ignore", lineterminator=end)
    writer.writeheader()
    for i in range(count):
        record = lep_record(i)
        writer.writerow({name: record[name] for name in NAMES} | (changes if i == 0 else {}))
        for name, residues, seed in (("active_struc", 8, i), ("inactive_struc", 7, i + 1)):
            (folder / f"{record[name]}.pdb").write_text(pdb_file(protein(residues, seed) + ligand(i)))
    (folder / "info.csv").write_bytes(table.getvalue().encode("utf-8", "surrogateescape"))
    return sorted(folder.iterdir())


@pytest.mark.parametrize("options", [{}, {"pocket": "geossl"}])
def test_records_are_those_of_the_databases(parse, tmp_path, options) -> None:
    (tmp_path / "raw").mkdir()
    table, failures = parse("lep-pdb", raw(tmp_path / "raw"), options, 3)
    database = write_database(tmp_path / "db", [lep_record(i) for i in range(4)])
    other, _ = parse("atom3d-lep", {"part": database}, options)
    assert not failures and table.equals(other)


@settings(deadline=None, max_examples=20)
@given(columns=st.permutations(NAMES), end=st.sampled_from(["\n", "\r\n"]))
def test_columns_are_found_by_name(parse, tmp_path_factory, columns, end) -> None:
    table, failures = parse("lep-pdb", raw(tmp_path_factory.mktemp("lep"), 1, tuple(columns), end))
    assert not failures and table["id"].to_pylist() == ["Lig0__1A00__1I00"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"label": "X"}, "label 'X' is neither"),
        ({"label": ""}, "label '' is neither"),
        ({"protein": ""}, "no protein"),
        ({"active_struc": "nowhere"}, "no file nowhere.pdb"),
        ({"active_struc": "../info"}, "no file ../info.pdb"),
    ],
)
def test_a_bad_row_is_a_failure_and_the_next_is_read(parse, tmp_path, changes, reason: str) -> None:
    table, failures = parse("lep-pdb", raw(tmp_path, 2, **changes))
    assert table["id"].to_pylist() == ["Lig1__1A01__1I01"]
    assert [(f.id, f.where) for f in failures] == [("Lig0", "info.csv, line 2")] and reason in failures[
        0
    ].reason


def test_a_structure_without_ligand_is_a_failure(parse, tmp_path) -> None:
    files = raw(tmp_path, 2)
    (tmp_path / "Lig0_to_1I00.pdb").write_text(pdb_file(protein(3, 0)))
    assert "Lig0_to_1I00.pdb: no chain 'L'" in parse("lep-pdb", files).failures[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty, or nothing but blank lines"),
        (b"a,b\n1,2\n", "no column 'protein'; the columns are: 'a', 'b'"),
        (",".join(NAMES).encode(), "no rows"),
        (b"\xff\xfe\x00", "no column 'protein'"),
        (",".join(NAMES).encode() + b"\n" + b"x" * 200_000 + b"\n", "cannot be read as a table"),
    ],
)
def test_a_wrong_table_is_refused_as_a_whole(parse, tmp_path, content: bytes, reason: str) -> None:
    (tmp_path / "info.csv").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        parse("lep-pdb", [tmp_path / "info.csv"])


def test_one_table_is_needed(parse, tmp_path) -> None:
    with pytest.raises(UserError, match=r"the table of ligands \(.csv\) is missing"):
        parse("lep-pdb", [])
