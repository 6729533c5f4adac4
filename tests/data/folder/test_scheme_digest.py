"""The digest of what a score depends on: records, splits, labels and atoms, however they are stored."""

import hashlib
import json
import struct

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.folder.scheme_digest import record_digests, scheme_digest, spelled

VECTORS = pa.list_(pa.list_(pa.float32(), 3))
COLUMNS = ["atomic_numbers", "positions", "energy", "uv"]
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("atomic_numbers", pa.list_(pa.uint8())),
        ("positions", VECTORS),
        ("energy", pa.float64()),
        ("uv", pa.list_(pa.float32(), 2)),
        ("comment", pa.string()),
    ]
)
ROWS = [
    {"id": "ä", "atomic_numbers": [8, 1], "positions": [[0, 0, 0], [0, 0, 1]], "energy": 1.5, "uv": [1, 2]},
    {"id": "b", "atomic_numbers": [2], "positions": [[1, 2, 3]], "energy": None, "uv": [3, 4]},
    {"id": "c", "atomic_numbers": [1, 1], "positions": [[0, 0, 0], [0, 0, 2]], "energy": -2.0, "uv": None},
    {"id": "d", "atomic_numbers": [6], "positions": [[0, 0, 0]], "energy": 0.0, "uv": [0, 0]},
]
LABELS = np.array(["train", "validation", "test", "unused"])


def table(rows: list[dict] = ROWS) -> pa.Table:
    return pa.Table.from_pylist([row | {"comment": "x"} for row in rows], SCHEMA)


def digest(content: pa.Table, labels: np.ndarray = LABELS) -> str:
    ids = content.column("id").combine_chunks()
    return scheme_digest(ids, labels, record_digests(content, COLUMNS), spelled(SCHEMA, COLUMNS))


def plain(rows: list[dict], labels: np.ndarray) -> str:
    """The same by its definition, record by record."""
    found = []
    for row, label in zip(rows, labels, strict=True):
        cells = [
            row["id"].encode(),
            bytes(row["atomic_numbers"]),
            b"".join(struct.pack("<3f", *xyz) for xyz in row["positions"]),
            None if row["energy"] is None else struct.pack("<d", row["energy"]),
            None if row["uv"] is None else struct.pack("<2f", *row["uv"]),
        ]
        lengths = struct.pack("<5q", *(-1 if cell is None else len(cell) for cell in cells))
        record = hashlib.sha256(lengths + b"".join(cell or b"" for cell in cells)).digest()
        if label != "unused":
            code = ("train", "validation", "test").index(label)
            found.append((row["id"].encode(), bytes([code]) + record))
    state = hashlib.sha256(json.dumps(sorted(spelled(SCHEMA, COLUMNS).items())).encode())
    state.update(b"".join(content for _, content in sorted(found)))
    return state.hexdigest()


def test_it_is_what_it_is_defined_to_be() -> None:
    assert digest(table()) == plain(ROWS, LABELS)


def test_neither_order_nor_chunks_nor_other_records_and_columns_matter() -> None:
    expected = digest(table())
    order = np.array([2, 0, 3, 1])
    assert digest(table([ROWS[i] for i in order]), LABELS[order]) == expected
    assert digest(pa.concat_tables([table()[:1], table()[1:]])) == expected
    assert digest(table(ROWS[:3]), LABELS[:3]) == expected
    assert digest(table().set_column(5, "comment", pa.array(["y"] * 4))) == expected


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (0, {"id": "a"}),
        (0, {"atomic_numbers": [1, 8]}),
        (0, {"positions": [[0, 0, 0], [0, 0, 1.0001]]}),
        (0, {"energy": 1.5000000000000002}),
        (0, {"energy": None}),
        (1, {"energy": 0.0}),
        (1, {"uv": [3, 5]}),
        (2, {"uv": [0, 0]}),
    ],
)
def test_every_atom_and_label_matters(row: int, change: dict) -> None:
    rows = [record | change if i == row else record for i, record in enumerate(ROWS)]
    assert digest(table(rows)) == plain(rows, LABELS) != digest(table())


@pytest.mark.parametrize(
    "labels", [["validation", "train", "test", "unused"], ["train", "validation", "test", "test"]]
)
def test_every_split_matters(labels: list[str]) -> None:
    assert digest(table(), np.array(labels)) != digest(table())


def test_bytes_cannot_move_from_one_column_to_the_next() -> None:
    one = table([ROWS[1] | {"id": "a", "atomic_numbers": [98]}])
    other = table([ROWS[1] | {"id": "ab", "atomic_numbers": []}])
    assert not np.array_equal(record_digests(one, COLUMNS), record_digests(other, COLUMNS))
