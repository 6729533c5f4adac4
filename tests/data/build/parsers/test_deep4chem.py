"""The table of chromophores in solvents."""

from math import log

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.errors import UserError

HEADER = [
    "Tag",
    "Chromophore",
    "Solvent",
    "Absorption max (nm)",
    "Emission max (nm)",
    "Lifetime (ns)",
    "Reference",
]
SMILES = ["c1ccccc1", "C1=CC=CC=C1", "Oc1ccccc1", "CCO", "O"]  # the first two are the same molecule
CANONICAL = [0, 0, 2, 3, 4]

row = st.tuples(
    st.sampled_from(range(5)), st.sampled_from(range(5)), st.sampled_from([None, 1.5, 2.0, 300.0, 421.5])
)


def write(folder, rows, *, order=range(7), end="\r\n", column=3):
    lines = [[HEADER[i] for i in order]]
    for number, (chromophore, solvent, label) in enumerate(rows, start=1):
        cells = [str(number), chromophore, solvent, "NaN", "NaN", "NaN", "doi:\u00a010.1"]
        cells[column] = "NaN" if label is None else str(label)
        lines.append([cells[i] for i in order])
    path = folder / "table.csv"
    path.write_bytes(("\ufeff" + "".join(",".join(line) + end for line in lines)).encode())
    return [path]


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(row, max_size=30),
    order=st.permutations(range(len(HEADER))),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_of_the_same_molecules_are_one_record(parse, tmp_path_factory, rows, order, end) -> None:
    named = [(SMILES[a], SMILES[b], label) for a, b, label in rows]
    files = write(tmp_path_factory.mktemp("table"), named, order=order, end=end)
    records, failures = parse("deep4chem", files, {"target": "absorption"})
    expected: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for number, (a, b, label) in enumerate(rows, start=1):
        if label is not None:
            expected.setdefault((CANONICAL[a], CANONICAL[b]), []).append((number, label))
    assert not failures and len(records) == len(expected)
    for record, actual in zip(records.to_pylist(), expected.values(), strict=True):
        number, labels = actual[0][0], [label for _, label in actual]
        assert record["id"] == str(number) and record["source_rows"] == len(labels)
        assert (record["a_smiles"], record["b_smiles"]) == named[number - 1][:2]
        assert record["absorption"] == pytest.approx(sum(labels) / len(labels))


def test_lifetimes_come_with_their_logarithm(parse, tmp_path) -> None:
    rows = [("CCO", "O", 2.0), ("OCC", "O", 4.0)]
    records, _ = parse("deep4chem", write(tmp_path, rows, column=5), {"target": "lifetime"})
    assert records["lifetime"].to_pylist() == [3.0]
    assert records["log_lifetime"].to_pylist() == [pytest.approx(log(3.0))]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("CCO", "gas", 300), "no second molecule"),
        (("CCO", "water", 300), "cannot read the SMILES of the solvent: 'water'"),
        (("", "O", 300), "cannot read the SMILES of the chromophore: ''"),
        (("C\udcff", "O", 300), "cannot read the SMILES"),
        (("CC O", "O", 300), "cannot read the SMILES"),
        (("CCO", "O", "1_0"), "not a number"),
        (("CCO", "O", "inf"), "not a finite number"),
        (("CCO", "O", "1e400"), "not a finite number"),
        (("CCO", "O", "-3"), "absorption cannot be -3"),
    ],
)
def test_a_bad_row_is_a_failure_and_the_next_is_read(parse, tmp_path, row, reason: str) -> None:
    (path,) = write(tmp_path, [("C", "O", 300), ("N", "O", 300)])
    text = path.read_bytes().decode("utf-8").replace("1,C,O,300", f"1,{row[0]},{row[1]},{row[2]}")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    records, failures = parse("deep4chem", [path], {"target": "absorption"})
    assert records["id"].to_pylist() == ["2"]
    assert len(failures) == 1 and reason in failures[0].reason and failures[0].where == "table.csv, line 2"


def test_options_and_columns_are_checked(parse, tmp_path) -> None:
    files = write(tmp_path, [("C", "O", 300)])
    with pytest.raises(UserError, match="'absorption', 'emission' or 'lifetime'"):
        parse("deep4chem", files, {"target": "colour"})
    files[0].write_text("Tag,Chromophore\n")
    with pytest.raises(UserError, match="no column 'Solvent'"):
        parse("deep4chem", files, {"target": "absorption"})


@pytest.mark.parametrize(
    ("target", "rows", "gas", "records"),
    [("absorption", 17295, 19, 16999), ("emission", 18142, 1, 17850), ("lifetime", 6960, 0, 6832)],
)
def test_the_complete_table(parse, real_data, target: str, rows: int, gas: int, records: int) -> None:
    path = real_data / "chromophore" / "deep4chem" / "DB_for_chromophore_Sci_Data_rev02.csv"
    table, failures = parse("deep4chem", [path], {"target": target})
    assert len(table) == records and len(failures) == gas
    assert all("gas phase" in failure.reason for failure in failures)
    assert pc.sum(table["source_rows"]).as_py() + gas == rows  # before the policy
    assert len(set(table["id"].to_pylist())) == records
