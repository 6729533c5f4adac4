"""Delimited text and spreadsheets."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.tables import read_rows, read_table
from molbench.errors import UserError

cell = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
rows = st.lists(st.lists(cell, min_size=2, max_size=4).filter(any), min_size=1, max_size=8)


@settings(deadline=None, max_examples=50)
@given(
    content=rows,
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    packed=st.booleans(),
)
def test_what_is_written_is_read(tmp_path_factory, content, delimiter, end, mark, packed) -> None:
    header = ["first", "second"]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([header, *content])
    data = text.getvalue().encode("utf-8-sig" if mark else "utf-8")
    path = tmp_path_factory.mktemp("table") / ("t.csv.gz" if packed else "t.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert [cells for _, cells in read_rows(path)] == [header, *content]


def test_columns_are_found_by_name(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\nx,b,a\n\n0,1,2\n0\n")
    actual = list(read_table(path, {"a": ["A", "a"], "b": ["b"]}, optional={"c": ["c"]}))
    assert actual == [("t.csv, line 4", {"a": "2", "b": "1"}), ("t.csv, line 5", {"a": "", "b": ""})]
    with pytest.raises(UserError, match="no column 'y' or 'z'; the columns are: 'x', 'b', 'a'"):
        list(read_table(path, {"z": ["y", "z"]}))


def test_excel(tmp_path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["smiles", "value"])
    book.active.append(["CC", -1.25])
    book.active.append([None, None])
    book.active.append(["C", 3])
    book.save(tmp_path / "t.xlsx")
    assert list(read_rows(tmp_path / "t.xlsx")) == [
        (1, ["smiles", "value"]),
        (2, ["CC", "-1.25"]),
        (4, ["C", "3"]),
    ]
    (tmp_path / "t.xlsx").write_bytes((tmp_path / "t.xlsx").read_bytes()[:-30])
    with pytest.raises(UserError, match="not an undamaged Excel file"):
        list(read_rows(tmp_path / "t.xlsx"))


def test_bytes_that_are_no_utf8_cost_one_row(tmp_path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\nx\xff,1\ny,2\n")
    assert [row["a"].isascii() for _, row in read_table(path, {"a": ["a"]})] == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b"\n \n,,\n", "nothing but blank lines"),
        ("t.csv.gz", gzip.compress(b"a,b\n" * 5000, mtime=0)[:-30], "may be damaged"),
        ("t.csv.gz", b"a,b\n", "may be damaged"),
        ("t.csv", b'a,"' + b"x" * 200_000, "may be damaged"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=reason):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("CCO\tethyl alcohol\nC\n", [(1, ["smiles", "name"]), (1, ["CCO", "ethyl alcohol"]), (2, ["C"])]),
        ("# made by hand\n\nCCO  ethyl alcohol\n", [(3, ["smiles", "name"]), (3, ["CCO", "ethyl alcohol"])]),
        ("SMILES id\nC 1\n", [(1, ["SMILES", "id"]), (2, ["C", "1"])]),
        (
            "CCO ethyl\talcohol\nC\ta b\n",
            [(1, ["smiles", "name"]), (1, ["CCO", "ethyl\talcohol"]), (2, ["C", "a b"])],
        ),
        ("smiles\nCCO a b\n", [(1, ["smiles", "name"]), (2, ["CCO", "a b"])]),
        ("id smiles\n7 CCO\n", [(1, ["id", "smiles"]), (2, ["7", "CCO"])]),
        ("id\tsmiles\n\tC\n8\tCC\n", [(1, ["id", "smiles"]), (2, ["", "C"]), (3, ["8", "CC"])]),
        ("smiles\tgap (eV)\tid\nC\t\t7\n", [(1, ["smiles", "gap (eV)", "id"]), (2, ["C", "", "7"])]),
    ],
)
def test_a_file_of_smiles_is_a_table(tmp_path: Path, text: str, rows: list[object]) -> None:
    (tmp_path / "m.smi").write_text(text, encoding="utf-8")
    (tmp_path / "m.smi.gz").write_bytes(gzip.compress(text.encode()))
    assert list(read_rows(tmp_path / "m.smi")) == list(read_rows(tmp_path / "m.smi.gz")) == rows
