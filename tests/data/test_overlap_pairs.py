"""What subsets of pairs share."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.chem.identity import inchikey
from molbench.data.overlap_pairs import SCHEMA, pair_overlap

SMILES = ["O", "CCO", "OCC", "C[C@H](N)O", "C[C@@H](N)O", "c1ccccc1"]  # two spellings, two stereoisomers
SAME = [0, 1, 1, 3, 3, 5]
rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20)


def part(pairs: list[tuple[int, int]]) -> pa.Table:
    columns = {
        f"{side}_inchikey": pa.array([inchikey(SMILES[pair[place]]) for pair in pairs], pa.string())
        for place, side in enumerate("ab")
    }
    return pa.table(columns)


@settings(deadline=None, max_examples=50)
@given(first=rows, second=rows, ordered=st.booleans())
def test_counts_are_those_of_sets(first, second, ordered: bool) -> None:
    table = pair_overlap({"x": part(first), "y": part(second)}, ordered=ordered)
    assert table.schema == SCHEMA
    content = []
    for pairs in (first, second):
        named = [(SAME[a], SAME[b]) for a, b in pairs]
        both = {a for a, _ in named} | {b for _, b in named}
        content.append(
            (set(named), {a for a, _ in named}, {b for _, b in named})
            if ordered
            else ({frozenset(pair) for pair in named}, both, both)
        )
    for row, (own, other) in zip(table.to_pylist(), [(0, 1), (1, 0)], strict=True):
        expected = [
            n for x, y in zip(content[own], content[other], strict=True) for n in (len(x), len(x & y))
        ]
        assert [row[name] for name in SCHEMA.names[2:]] == expected


def test_molecules_without_a_key_are_left_out() -> None:
    table = pa.table({"a_inchikey": pa.array([None, "A"]), "b_inchikey": pa.array(["B", "B"])})
    assert pair_overlap({"x": table, "y": table}).to_pylist()[0]["pairs"] == 1
