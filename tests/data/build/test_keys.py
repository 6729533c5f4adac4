"""Keys, repeated ids, and numbers that are not finite."""

import pyarrow as pa

from molbench.data.build.keys import key_table, repeated
from molbench.data.build.records import finite_records

VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def test_heavy_atoms_are_counted_across_chunks():
    numbers = pa.array([[1, 6, 8], [1, 1], [], [7]], pa.list_(pa.uint8()))
    table = pa.table({"id": list("abcd"), "atomic_numbers": numbers, "frame": [3, 2, 1, 0]})
    keys = key_table([table.slice(0, 1), table.slice(1, 2), table.slice(3)])
    assert keys.column("n_heavy").to_pylist() == [2, 0, 0, 1]
    assert keys.column("frame").to_pylist() == [3, 2, 1, 0]
    assert "smiles" not in keys.column_names


def test_repeated_ids_name_both_places():
    keep, failures = repeated(pa.chunked_array([["a", "b"], ["a", "c", "a"]]))
    assert keep.tolist() == [True, True, False, True, False]
    assert [(f.id, f.where) for f in failures] == [("a", "record 3"), ("a", "record 5")]
    assert all("record 1 already" in f.reason for f in failures)


def test_infinite_and_nan_entries_at_any_depth_are_failures():
    nan, inf = float("nan"), float("inf")
    table = pa.table(
        {
            "id": list("abcd"),
            "positions": pa.array([[[0, 0, 0]], [[0, 0, 0], [0, nan, 0]], [], None], VECTORS),
            "charges": pa.array([[0.0], [], [inf], None], pa.list_(pa.float32())),
            "energy": [1.0, 2.0, 3.0, None],
        }
    )
    kept, failures = finite_records(table)
    assert kept.column("id").to_pylist() == ["a", "d"]  # a missing label is not a wrong one
    assert [(f.id, f.where) for f in failures] == [("b", "column positions"), ("c", "column charges")]
