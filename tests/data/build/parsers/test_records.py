"""Parquet files in record columns."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.errors import UserError

COLUMNS = {"columns": ["smiles", "forces", "frame", "mulliken", "energy"]}
VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def table(n: int = 10, **changes: Any) -> pa.Table:
    atoms = [1 + i % 3 for i in range(n)]
    vectors = [[[i + 0.5, a, 0.25] for a in range(k)] for i, k in enumerate(atoms)]
    columns = {
        "id": pa.array([f"m{i}" for i in range(n)]),
        "atomic_numbers": pa.array([[8, 1, 1][:k] for k in atoms], pa.list_(pa.uint8())),
        "positions": pa.array(vectors, VECTORS),
        "smiles": pa.array(["O"] * n),
        "forces": pa.array(vectors, VECTORS),
        "frame": pa.array(range(n), pa.int64()),
        "mulliken": pa.array([[0.1] * k for k in atoms], pa.list_(pa.float32())),
        "energy": pa.array([i / 3 for i in range(n)], pa.float64()),
    }
    return pa.table(columns | changes)


def write(folder: Path, content: pa.Table, rows: int = 4) -> list[Path]:
    pq.write_table(content, folder / "a.parquet", row_group_size=rows, write_page_checksum=True)
    return [folder / "a.parquet"]


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(1, 25), rows=st.integers(1, 9), shards=st.integers(1, 9), order=st.permutations(range(8))
)
def test_what_is_written_is_read(parse, tmp_path_factory, n, rows, shards, order) -> None:
    content = table(n)
    files = write(tmp_path_factory.mktemp("records"), content.select(list(order)), rows)
    records, failures = parse("records", files, COLUMNS, shards)
    assert not failures and records.equals(content.combine_chunks().cast(records.schema))


def test_numbers_of_any_width_and_further_columns_are_fine(parse, tmp_path) -> None:
    content = table()
    wide = content.set_column(2, "positions", content["positions"].cast(pa.list_(pa.list_(pa.float64(), 3))))
    wide = wide.set_column(1, "atomic_numbers", content["atomic_numbers"].cast(pa.large_list(pa.int64())))
    wide = wide.append_column("more", pa.array(range(10)))
    records, failures = parse("records", write(tmp_path, wide), COLUMNS)
    assert not failures and records.equals(content.combine_chunks())


def damaged(name: str, row: int, value: Any) -> pa.Table:
    content = table()
    values = content[name].to_pylist()
    values[row] = value
    return content.set_column(
        content.schema.get_field_index(name), name, pa.array(values, content.schema.field(name).type)
    )


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", None, "id is missing"),
        ("id", "", "id is empty"),
        ("atomic_numbers", None, "atomic_numbers is missing"),
        ("atomic_numbers", [], "a molecule without atoms"),
        ("atomic_numbers", [8, 1, 0], "no element"),
        ("atomic_numbers", [8, 1, 119], "no element"),
        ("atomic_numbers", [8, 1, None], "no element"),
        ("atomic_numbers", [8, 1], "positions has not as many entries as there are atoms"),
        ("positions", None, "positions is missing"),
        (
            "positions",
            [[0, 0, 0], [0, 0, np.nan], [1, 1, 1]],
            "positions holds a number that is missing or not finite",
        ),
        pytest.param(
            "positions",
            [[0, 0, 0], None, [1, 1, 1]],
            "positions holds a number that is missing or not finite",
            marks=pytest.mark.skipif(int(pa.__version__.split(".")[0]) < 26, reason="cannot be written"),
        ),
        ("forces", [[0, 0, 0]], "forces has not as many entries"),
        (
            "forces",
            [[0, 0, 0], [0, 0, np.inf], [1, 1, 1]],
            "forces holds a number that is missing or not finite",
        ),
        ("mulliken", [0.1, np.nan, 0.1], "mulliken holds a number that is missing or not finite"),
        ("energy", np.nan, "energy is missing or not finite"),
        ("energy", None, "energy is missing or not finite"),
    ],
)
def test_a_bad_record_is_a_failure_and_the_others_are_read(parse, tmp_path, name, value, reason: str) -> None:
    records, failures = parse("records", write(tmp_path, damaged(name, 5, value)), COLUMNS, 3)
    assert records["id"].to_pylist() == [f"m{i}" for i in range(10) if i != 5]
    assert len(failures) == 1 and reason in failures[0].reason and failures[0].where == "a.parquet, row 5"


def test_a_molecule_may_be_without_smiles(parse, tmp_path) -> None:
    records, failures = parse("records", write(tmp_path, damaged("smiles", 5, None)), COLUMNS)
    assert not failures and records["smiles"].null_count == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (table().drop_columns(["energy"]), "no column energy; the columns are: id, atomic_numbers"),
        (table().drop_columns(["positions"]), "no column positions"),
        (table().slice(0, 0), "no records"),
        (table(energy=pa.array(["a"] * 10)), "column 'energy' is string, expected double"),
        (table(energy=pa.array(range(10))), "column 'energy' is int64, expected double"),
        (table(id=pa.array(range(10))), "column 'id' is int64, expected string"),
        (table(positions=pa.array([[0.0]] * 10)), "column 'positions' is list"),
        (
            table(positions=pa.array([[[0.0] * 4]] * 10, pa.list_(pa.list_(pa.float32(), 4)))),
            "column 'positions'",
        ),
        (table(atomic_numbers=pa.array([300] * 10)), "column 'atomic_numbers' is int64"),
        (table(atomic_numbers=pa.array([[300]] * 10)), "not in range|cannot be read"),
    ],
)
def test_a_wrong_table_is_refused_as_a_whole(parse, tmp_path, content: pa.Table, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse("records", write(tmp_path, content), COLUMNS)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_harmlessly_so(parse, tmp_path_factory, data) -> None:
    content = table()
    (path,) = write(tmp_path_factory.mktemp("records"), content)
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del raw[data.draw(st.integers(0, len(raw) - 1)) :]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        parse("records", [path], COLUMNS)
    except UserError:
        return


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html></html>"])
def test_something_else_is_refused(parse, tmp_path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UserError, match="not an undamaged Parquet file"):
        parse("records", [tmp_path / "a.parquet"], COLUMNS)
