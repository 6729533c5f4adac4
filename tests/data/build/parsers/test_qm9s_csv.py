"""QM9S as one table a molecule, from made-up files of exactly the published layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.parsers.qm9s import ATOM_TENSORS, TENSORS
from molbench.data.build.parsers.qm9s_csv import read_qm9s_table
from molbench.errors import UserError
from tests.data.build.parsers.qm9s_files import archive, molecule, packed, table


def test_everything_in_a_file_is_read(parse, tmp_path) -> None:
    files = {f"{i:06d}.csv": table(molecule(i)) for i in (3, 1, 2)}
    records, failures = parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", files)], shards=2)
    assert not failures
    assert records["id"].to_pylist() == ["qm9s_1", "qm9s_2", "qm9s_3"]
    for number, record in enumerate(records.to_pylist(), start=1):
        truth = molecule(number)
        assert record["smiles"] == truth["smiles"] and record["atomic_numbers"] == truth["numbers"]
        assert record["qm9_number"] == number + 2 and record["energy"] == truth["energy"]
        assert np.allclose(record["positions"], truth["positions"])
        assert np.allclose(record["charges"], truth["charges"])
        for name in TENSORS:
            assert np.allclose(record[name], packed(truth, name)), name
        for name in ATOM_TENSORS:
            assert np.allclose(np.ravel(record[name]), truth[name].ravel()), name


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("\n", "\r\n"),
        lambda s: s.replace(",", " , "),
        lambda s: s.replace("O,3", "O,3.0").replace("8,", "8.0,", 1),
        lambda s: s + "\n\n",
    ],
)
def test_line_ends_blanks_and_floats_for_whole_numbers_do_not_matter(change) -> None:
    number, record = read_qm9s_table(change(table(molecule(3))).encode())
    assert number == 3 and record["smiles"] == "O" and record["atomic_numbers"] == [8, 1, 1]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda s: "", "0 rows are too few: the file is cut short"),
        (lambda s: s[:-60], "instead of 9 for the Hessian"),
        (lambda s: "\n".join(s.splitlines()[:-1]), "27 rows instead of 28 for 3 atoms"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,O,4"), "28 rows instead of 34 for 4 atoms"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,O,0"), "without atoms"),
        (lambda s: s.replace("0,3,5,O,3", "0,7,5,O,3"), "says that it is of molecule 7"),
        (lambda s: s.replace("0,3,5,O,3", "0,O,3,5,3"), "not a whole number: 'O'"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,O"), "row 0 has 3 cells"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,N,3"), "other atoms than the structure"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,[O],3"), "another number of hydrogens"),
        (lambda s: s.replace("0,3,5,O,3", "0,3,5,é,3"), "not a SMILES"),
        (lambda s: s.replace("\n10,8,", "\n10,-8,"), "not a whole number: '-8'"),
        (lambda s: s.replace("\n10,8,", "\n10,119,"), "unknown element 119"),
        (lambda s: s.replace("\n10,8,", "\n10,Xx,"), "not a whole number: 'Xx'"),
        (lambda s: s.replace("\n10,8,", "\n10,8,1,"), "atom 1 is not an atomic number and x, y, z"),
        (lambda s: s.replace("\n3,", "\n3,1,"), "row 3: 4 numbers instead of 3 for dipole"),
        (lambda s: s.replace("\n3,", "\n3,1_"), "not a number"),
        (lambda s: s.replace("\n1,", "\n1,1e999,").replace(",,", ",", 1), "row 1: 2 numbers instead of 1"),
    ],
)
def test_a_bad_file_is_a_failure_and_the_next_is_read(parse, tmp_path, damage, reason: str) -> None:
    files = {"000003.csv": damage(table(molecule(3))), "000004.csv": table(molecule(4))}
    records, failures = parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", files)])
    assert records["id"].to_pylist() == ["qm9s_4"]
    assert [failure.where for failure in failures] == ["000003.csv"]
    assert reason in failures[0].reason


@pytest.mark.parametrize(
    ("row", "text", "column"),
    [("1", "1,1e999", "energy"), ("3", "3,0,0,9e99", "dipole"), ("2", "2,nan,0,0", "charges")],
)
def test_a_number_that_cannot_be_stored_is_a_failure(parse, tmp_path, row, text, column) -> None:
    lines = table(molecule(3)).splitlines()
    damaged = "\n".join(text if line.startswith(f"{row},") else line for line in lines)
    _, failures = parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", {"000003.csv": damaged})])
    assert f"{column} holds a number that is missing or not finite" in failures[0].reason


def test_bytes_that_are_no_text_are_a_failure(parse, tmp_path) -> None:
    damaged = table(molecule(3)).encode().replace(b"O", b"\xff\xfe")
    _, failures = parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", {"000003.csv": damaged})])
    assert "not a SMILES" in failures[0].reason


def test_two_files_of_one_molecule_are_refused(parse, tmp_path) -> None:
    files = {"a/000001.csv": table(molecule(1)), "b/1.csv": table(molecule(1))}
    with pytest.raises(UserError, match="two files for molecule 1"):
        parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", files)])


def test_an_archive_of_something_else_is_refused(parse, tmp_path) -> None:
    with pytest.raises(UserError, match=r"no file 000001\.csv"):
        parse("qm9s-csv", [archive(tmp_path / "qm9s_csv.zip", {"readme.txt": "hello"})])


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0, 0.99))
def test_an_archive_that_is_cut_short_is_refused(parse, tmp_path_factory, share: float) -> None:
    path = archive(tmp_path_factory.mktemp("cut") / "qm9s_csv.zip", {"000001.csv": table(molecule(1))})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="cut short"):
        parse("qm9s-csv", [path])


@settings(deadline=None, max_examples=50)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=10, max_size=10),
    energy=st.floats(allow_nan=False, allow_infinity=False),
)
def test_numbers_come_back_exactly(values: list[float], energy: float) -> None:
    truth = molecule(2) | {"excitation_energies": np.array(values), "energy": energy}
    _, record = read_qm9s_table(table(truth).encode())
    assert record["excitation_energies"] == values and record["energy"] == energy


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_a_table_that_is_cut_short_is_never_read(data) -> None:
    text = table(molecule(3)).encode()
    cut = data.draw(st.integers(0, text.rstrip().rfind(b"\n")))
    with pytest.raises(ValueError, match=r"rows|cells"):
        read_qm9s_table(text[:cut])
