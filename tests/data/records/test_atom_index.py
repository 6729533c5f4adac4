"""Atoms are gathered as they were stored, whatever a record consists of."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from molbench.data.records import RECORD_KINDS
from molbench.data.records.molecule_table import MOLECULES_FILE, SCHEMA

VECTORS = pa.list_(pa.list_(pa.float32(), 3))
BONDS = pa.list_(pa.list_(pa.uint16(), 2))


def records(sizes: list[int], **columns: pa.Array) -> pa.RecordBatch:
    rng = np.random.default_rng(0)
    return pa.record_batch(
        {
            "atomic_numbers": pa.array([rng.integers(1, 9, n).tolist() for n in sizes], pa.list_(pa.uint8())),
            "positions": pa.array([rng.normal(size=(n, 3)).tolist() for n in sizes], VECTORS),
            **columns,
        }
    )


def test_bonds_count_from_the_first_atom_of_the_batch(tmp_path: Path) -> None:
    table = records([3, 1, 2], bonds=pa.array([[[0, 1], [1, 2]], [], [[0, 1]]], BONDS))
    batch = RECORD_KINDS["molecule"].atom_index(table, tmp_path).gather(np.array([2, 1, 0]), forces=False)
    assert batch["ptr"].tolist() == [0, 2, 3, 6]
    assert batch["bonds"].tolist() == [[0, 1], [3, 4], [4, 5]]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_record_of_two_structures_is_two_molecules(first: int, tmp_path: Path) -> None:
    marks = [0] * first + [1] * (4 - first)
    table = records(
        [4, 3],
        structure=pa.array([marks, [0, 1, 1]], pa.list_(pa.uint8())),
        is_ligand=pa.array([[False, True, True, False], [True, False, True]], pa.list_(pa.bool_())),
    )
    index = RECORD_KINDS["complex"].atom_index(table, tmp_path)
    assert index.molecules_per_record == 2
    assert index.sizes.tolist() == [[first, 4 - first], [1, 2]]
    batch = index.gather(np.array([1, 0]), forces=False)
    assert batch["molecules_per_record"] == 2
    assert batch["ptr"].tolist() == [0, 1, 3, 3 + first, 7]
    stored = [row for i in (1, 0) for row in table.column("positions")[i].as_py()]
    np.testing.assert_array_equal(batch["positions"].numpy(), np.array(stored, dtype=np.float32))
    assert batch["is_ligand"].tolist() == [True, False, True, False, True, True, False]


def test_pairs_find_their_molecules_by_smiles_and_one_may_have_no_conformation(tmp_path: Path) -> None:
    molecules = records(
        [3, 4, 2],
        smiles=pa.array(["O", "N", "[H][H]"]),
        bonds=pa.array([[[0, 1], [0, 2]], [[0, 1], [0, 2], [0, 3]], [[0, 1]]], BONDS),
    )
    places = molecules.column("positions").to_pylist()
    places[1] = []  # ammonia could not be embedded
    at = molecules.schema.get_field_index("positions")
    molecules = molecules.set_column(at, "positions", pa.array(places, VECTORS))
    empty = {name: pa.nulls(3, SCHEMA.field(name).type) for name in SCHEMA.names}
    columns = empty | dict(zip(molecules.schema.names, molecules.columns, strict=True))
    pq.write_table(pa.table(columns, SCHEMA), tmp_path / MOLECULES_FILE)
    pairs = pa.record_batch({"a_smiles": ["[H][H]", "N"], "b_smiles": ["O", "O"]})
    index = RECORD_KINDS["pair"].atom_index(pairs, tmp_path)
    batch = index.gather(np.array([0, 1]), forces=False)
    assert batch["ptr"].tolist() == [0, 2, 5, 5, 8]
    assert batch["bonds"].tolist() == [[0, 1], [2, 3], [2, 4], [5, 6], [5, 7]]
    water = molecules.column("positions")[0].as_py()
    np.testing.assert_array_equal(batch["positions"][5:].numpy(), np.array(water, dtype=np.float32))
