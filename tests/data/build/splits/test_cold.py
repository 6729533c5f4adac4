"""Pairs divided by their molecules or scaffolds."""

from collections import Counter
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.chem.inchikeys import inchikey
from molbench.chem.scaffold import murcko_scaffold
from molbench.data.build.splits import SPLITTERS, assign
from molbench.errors import UserError
from molbench.spec.splits import Scheme

SMILES = [
    f"{chain}{ring}"
    for ring in ("", "C1CC1", "c1ccccc1", "C1CCNC1", "c1ccoc1")
    for chain in ("CC", "N", "CCO", "C(F)")
]
SCAFFOLD = cache(murcko_scaffold)
KEY = cache(inchikey)
FRACTIONS = [0.5, 0.2, 0.3]

pair_lists = st.tuples(st.integers(150, 300), st.integers(0, 10**6)).map(
    lambda drawn: [
        tuple(pair) for pair in np.random.default_rng(drawn[1]).integers(0, 20, (drawn[0], 2)).tolist()
    ]
)


def keys(pairs: list[tuple[int, int]], smiles: list[str] = SMILES) -> pa.Table:
    columns = {"id": [f"r{i}" for i in range(len(pairs))]}
    for place, side in enumerate("ab"):
        names = [smiles[pair[place]] for pair in pairs]
        columns |= {f"{side}_smiles": names, f"{side}_inchikey": [KEY(name) for name in names]}
    return pa.table(columns)


def split(table: pa.Table, generator: str = "molecule_cold", **parameters: object) -> np.ndarray:
    parameters = {"fractions": FRACTIONS, "seed": 0} | parameters
    return SPLITTERS[generator](table, **parameters)


def molecules(table: pa.Table, labels: np.ndarray, label: str, sides: str = "ab") -> set[str]:
    columns = [table.column(f"{side}_smiles").to_pylist() for side in sides]
    return {column[row] for row in np.flatnonzero(labels == label) for column in columns}


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, side=st.sampled_from("ab"), seed=st.integers(0, 3))
def test_one_side_is_new(pairs, side: str, seed: int) -> None:
    table = keys(pairs)
    labels = split(table, side=side, seed=seed)
    train, validation, test = (
        molecules(table, labels, name, side) for name in ("train", "validation", "test")
    )
    assert not train & test and not train & validation and not validation & test
    assert len(train | validation | test) == len(set(table.column(f"{side}_smiles").to_pylist()))
    assert "unused" not in labels


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, seed=st.integers(0, 3))
def test_both_sides_are_new(pairs, seed: int) -> None:
    table = keys(pairs)
    labels = split(table, side="both", seed=seed)
    train, validation, test = (molecules(table, labels, name) for name in ("train", "validation", "test"))
    assert not train & test and not train & validation and not validation & test


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, seed=st.integers(0, 3))
def test_exactly_one_molecule_is_new(pairs, seed: int) -> None:
    table = keys(pairs)
    one = split(table, side="one", seed=seed)
    both = split(table, side="both", seed=seed)
    assert np.array_equal(one == "train", both == "train")
    train = molecules(table, one, "train")
    for row in np.flatnonzero((one == "test") | (one == "validation")):
        a, b = (table.column(f"{side}_smiles")[row].as_py() for side in "ab")
        assert not {a, b} <= train  # one at most is known; the other was drawn for this split
        assert both[row] == "unused"
    new = molecules(table, one, "test") - molecules(table, one, "validation")
    assert not new & train or new & train <= molecules(table, both, "train") | train


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, seed=st.integers(0, 3))
def test_neither_one_nor_both_are_disjoint_reports(pairs, seed: int) -> None:
    """The pairs of ``either`` are those of ``one`` and ``both`` and what lies between their splits."""
    table = keys(pairs)
    either, one, both = (split(table, side=side, seed=seed) for side in ("either", "one", "both"))
    assert not ((one == "test") & (both == "test")).any()
    assert np.array_equal(either == "train", both == "train")
    assert ((one != "unused") | (both != "unused") | (either != "train")).all()
    pool = np.isin(either, ["validation", "test"])
    assert abs((either == "validation").sum() - pool.sum() * 0.4) <= 1


@settings(deadline=None, max_examples=30)
@given(
    pairs=pair_lists, seed=st.integers(0, 3), generator=st.sampled_from(["molecule_cold", "scaffold_cold"])
)
def test_any_new_molecule_makes_a_pair_one_of_test_and_none_is_lost(pairs, seed: int, generator: str) -> None:
    """And a pair told twice, or the other way round, lies on one side."""
    twice = [*pairs, *((b, a) for a, b in pairs[::3]), *pairs[::5]]
    table = keys(twice)
    rule = {} if generator == "molecule_cold" else {"rule": "random"}
    labels = split(table, generator, side="any", seed=seed, **rule)
    assert "unused" not in labels
    sides: dict[frozenset[int], set[str]] = {}
    for both, label in zip(twice, labels.tolist(), strict=True):
        sides.setdefault(frozenset(both), set()).add(label)
    assert all(len(there) == 1 for there in sides.values())
    assert abs((labels == "test").mean() - FRACTIONS[2]) < 0.2  # a member or two
    new = molecules(table, labels, "test") - molecules(table, labels, "train")
    new -= molecules(table, labels, "validation")
    tested = [{SMILES[a], SMILES[b]} for (a, b), label in zip(twice, labels, strict=True) if label == "test"]
    assert all(both & new for both in tested)


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, seed=st.integers(0, 3), data=st.data())
def test_all_records_of_a_pair_go_together(pairs, seed: int, data) -> None:
    table = keys([*pairs, *((b, a) for a, b in pairs[::2])])
    labels = split(table, "pair", seed=seed)
    sides: dict[frozenset[str], set[str]] = {}
    for a, b, label in zip(
        *(table.column(f"{side}_inchikey").to_pylist() for side in "ab"), labels, strict=True
    ):
        sides.setdefault(frozenset((a, b)), set()).add(label)
    assert all(len(there) == 1 for there in sides.values())
    order = data.draw(st.permutations(range(len(table))))
    assert split(table.take(pa.array(order)), "pair", seed=seed).tolist() == labels[order].tolist()


@settings(deadline=None, max_examples=20)
@given(pairs=pair_lists, data=st.data(), generator=st.sampled_from(["molecule_cold", "scaffold_cold"]))
def test_the_order_of_the_records_does_not_matter(pairs, data, generator: str) -> None:
    table = keys(pairs)
    shuffled = table.take(pa.array(data.draw(st.permutations(range(len(pairs))))))
    rule = (
        {} if generator == "molecule_cold" else {"rule": data.draw(st.sampled_from(["frequency", "random"]))}
    )
    by_id = [
        dict(zip(t.column("id").to_pylist(), split(t, generator, side="a", **rule).tolist(), strict=True))
        for t in (table, shuffled)
    ]
    assert by_id[0] == by_id[1]


def test_seeds_differ_and_repeat() -> None:
    table = keys([(i % 20, (i * 7) % 20) for i in range(200)])
    first = [split(table, side="a", seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(first[0], first[1]) and not np.array_equal(first[0], first[2])


def test_stereoisomers_go_together() -> None:
    smiles = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", *SMILES]
    table = keys([(i % 23, 5) for i in range(230)], smiles)
    for seed in range(8):
        labels = split(table, side="a", seed=seed)
        assert len({labels[row] for row in range(230) if row % 23 < 3}) == 1


@settings(deadline=None, max_examples=20)
@given(pairs=pair_lists, seed=st.integers(0, 3), side=st.sampled_from(["a", "b", "both", "either"]))
def test_drawn_scaffolds_are_new(pairs, seed: int, side: str) -> None:
    table = keys(pairs)
    labels = split(table, "scaffold_cold", side=side, seed=seed, rule="random")
    looked_at = side if side in "ab" else "ab"
    scaffolds = {
        name: {SCAFFOLD(smiles) for smiles in molecules(table, labels, name, looked_at)}
        for name in ("train", "validation", "test")
    }
    if side == "either":  # a test pair has one new scaffold at least
        for row in np.flatnonzero(labels == "test"):
            assert {SCAFFOLD(table.column(f"{s}_smiles")[row].as_py()) for s in "ab"} - scaffolds["train"]
    else:
        assert not scaffolds["train"] & scaffolds["test"] and not scaffolds["train"] & scaffolds["validation"]


@settings(deadline=None, max_examples=30)
@given(pairs=pair_lists, seed=st.integers(0, 3))
def test_rare_scaffolds_are_tested(pairs, seed: int) -> None:
    table = keys(pairs)
    labels = split(table, "scaffold_cold", side="a", seed=seed, rule="frequency", fractions=[0.4, 0.2, 0.4])
    scaffold = [SCAFFOLD(smiles) for smiles in table.column("a_smiles").to_pylist()]
    count = Counter(scaffold)
    test = {name for name, label in zip(scaffold, labels, strict=True) if label == "test"}
    kept = set(scaffold) - test
    assert all(count[name] <= min(count[other] for other in kept) for name in test)
    # Up to and including the scaffold that crosses the share of training.
    total = sum(count[name] for name in kept)
    assert total >= 0.6 * len(pairs) - 1 > total - min(count[name] for name in kept) - 1
    validation, train = (molecules(table, labels, name, "a") for name in ("validation", "train"))
    assert not validation & train
    assert len(validation) == round(len(validation | train) / 3)


def test_a_scheme_says_what_is_wrong() -> None:
    table = keys([(0, 1), (2, 3)])
    with pytest.raises(UserError, match="side 'c'"):
        split(table, side="c")
    with pytest.raises(UserError, match="neither frequency nor random"):
        split(table, "scaffold_cold", side="a", rule="best")
    with pytest.raises(UserError, match="knows the sides a and b"):
        split(table, "scaffold_cold", side="both", rule="frequency")
    with pytest.raises(UserError, match="no column a_inchikey"):
        split(table.select(["id", "a_smiles", "b_smiles"]), side="a")
    cold = Scheme(
        generator="molecule_cold",
        parameters={"side": "a", "fractions": FRACTIONS, "seed": 0},
        description="x",
    )
    with pytest.raises(UserError, match=r"leaves .* empty"):
        assign(cold, keys([(0, 1), (0, 2)]))
