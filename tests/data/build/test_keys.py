"""Keys and repeated ids."""

import pyarrow as pa

from molbench.data.build.keys import key_table, repeated_ids

VECTORS = pa.list_(pa.list_(pa.float32(), 3))


def test_heavy_atoms_are_counted_across_chunks():
    numbers = pa.array([[1, 6, 8], [1, 1], [], [7]], pa.list_(pa.uint8()))
    table = pa.table({"id": list("abcd"), "atomic_numbers": numbers, "frame": [3, 2, 1, 0]})
    keys = key_table([table.slice(0, 1), table.slice(1, 2), table.slice(3)])
    assert keys.column("n_heavy").to_pylist() == [2, 0, 0, 1]
    assert keys.column("frame").to_pylist() == [3, 2, 1, 0]
    assert "smiles" not in keys.column_names


def test_repeated_ids_name_both_places():
    keep, failures = repeated_ids(pa.chunked_array([["a", "b"], ["a", "c", "a"]]))
    assert keep.tolist() == [True, True, False, True, False]
    assert [(f.id, f.where) for f in failures] == [("a", "record 3"), ("a", "record 5")]
    assert all("record 1 already" in f.reason for f in failures)
