"""The content digest sees values, and nothing but values."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.folder.digest import ContentDigest

ROW = st.fixed_dictionaries(
    {
        "s": st.one_of(st.none(), st.text("aé✓", max_size=4)),
        "v": st.one_of(st.none(), st.floats(allow_nan=False)),
        "n": st.one_of(st.none(), st.lists(st.integers(0, 255), max_size=3)),
        "p": st.lists(st.tuples(*[st.floats(width=32, allow_nan=False)] * 3).map(list), max_size=3),
    }
)
SCHEMA = pa.schema(
    [
        ("s", pa.string()),
        ("v", pa.float64()),
        ("n", pa.list_(pa.uint8())),
        ("p", pa.list_(pa.list_(pa.float32(), 3))),
    ]
)


def digest(*tables: pa.Table) -> str:
    running = ContentDigest(tables[0].schema)
    for table in tables:
        running.update(table)
    return running.hexdigest()


@settings(deadline=None, max_examples=50)
@given(st.lists(ROW, max_size=8), st.data())
def test_independent_of_chunking_and_column_order(rows, data):
    table = pa.Table.from_pylist(rows, SCHEMA)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    pieces = [table.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    assert digest(*pieces) == digest(table)
    assert digest(table.select(["p", "n", "v", "s"])) == digest(table)
    wide = SCHEMA.set(2, pa.field("n", pa.large_list(pa.uint8())))
    assert digest(table.cast(wide)) == digest(table)


@settings(deadline=None, max_examples=50)
@given(st.lists(ROW, min_size=1, max_size=6), st.lists(ROW, min_size=1, max_size=6))
def test_different_rows_have_different_digests(first, second):
    one, two = (pa.Table.from_pylist(rows, SCHEMA) for rows in (first, second))
    # Arrow equality takes -0.0 for 0.0; the digest is over bytes.
    if repr(one.to_pylist()) != repr(two.to_pylist()):
        assert digest(one) != digest(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([[1], [2, 3]], [[1, 2], [3]]),  # a boundary moves, the values stay
        ([[], None], [None, []]),  # empty is not missing
        ([[1], [2]], [[2], [1]]),  # order counts
    ],
)
def test_structure_counts(one, two):
    kind = pa.list_(pa.uint8())
    assert digest(pa.table({"n": pa.array(one, kind)})) != digest(pa.table({"n": pa.array(two, kind)}))


def test_type_and_name_count():
    values = [1.0, 2.0]
    assert digest(pa.table({"a": values})) != digest(pa.table({"b": values}))
    assert digest(pa.table({"a": pa.array(values, pa.float32())})) != digest(pa.table({"a": values}))
