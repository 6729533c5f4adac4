"""Splits that separate: by label, by group and by similarity."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molbench.data.build.splits import assign
from molbench.errors import UserError
from molbench.spec.splits import Scheme

FRACTIONS = [0.6, 0.2, 0.2]
LABELS = {"train", "validation", "test"}


def scheme(generator: str, **parameters: object) -> Scheme:
    return Scheme(generator=generator, parameters=parameters, description="test")


def keys(**columns: object) -> pa.Table:
    n = len(next(iter(columns.values())))
    return pa.table({"id": [f"m{i}" for i in range(n)], **columns})


def by_id(table: pa.Table, labels: np.ndarray) -> dict[str, str]:
    return dict(zip(table.column("id").to_pylist(), labels.tolist(), strict=True))


values = st.lists(st.integers(0, 30).map(float), min_size=40, max_size=200).filter(lambda v: len(set(v)) > 5)


class TestTargetRange:
    @settings(deadline=None, max_examples=50)
    @given(values=values, end=st.sampled_from(["high", "low"]), seed=st.integers(0, 5))
    def test_test_lies_beyond_train_and_validation(self, values: list[float], end: str, seed: int) -> None:
        cut = scheme("target_range", target="y", end=end, fractions=FRACTIONS, seed=seed)
        labels = assign(cut, keys(y=values))
        assert set(labels) == LABELS
        y = np.array(values) * (1 if end == "high" else -1)
        assert y[labels == "test"].min() > y[labels != "test"].max()  # hence equal labels on one side
        largest_tie = max(values.count(v) for v in set(values))
        assert abs((labels == "test").sum() - 0.2 * len(values)) <= largest_tie + 1

    @settings(deadline=None, max_examples=30)
    @given(values=values, data=st.data())
    def test_the_order_of_the_records_does_not_matter(self, values: list[float], data: st.DataObject) -> None:
        cut = scheme("target_range", target="y", end="high", fractions=FRACTIONS, seed=0)
        table = keys(y=values)
        shuffled = table.take(pa.array(data.draw(st.permutations(range(len(values))))))
        assert by_id(table, assign(cut, table)) == by_id(shuffled, assign(cut, shuffled))

    def test_records_without_the_label_are_left_out(self) -> None:
        table = keys(y=[None, *map(float, range(20)), None])
        labels = assign(scheme("target_range", target="y", end="low", fractions=FRACTIONS, seed=0), table)
        assert np.flatnonzero(labels == "unused").tolist() == [0, 21]
        assert np.flatnonzero(labels == "test").tolist() == [1, 2, 3, 4]

    def test_refusals(self) -> None:
        cut = {"fractions": FRACTIONS, "seed": 0}
        with pytest.raises(UserError, match="no column 'z'"):
            assign(scheme("target_range", target="z", end="low", **cut), keys(y=[1.0, 2.0]))
        with pytest.raises(UserError, match="end 'top'"):
            assign(scheme("target_range", target="y", end="top", **cut), keys(y=[1.0, 2.0]))
        with pytest.raises(UserError, match="1 distinct labels"):
            assign(scheme("target_range", target="y", end="low", **cut), keys(y=[1.0, 1.0]))


class TestGroup:
    @pytest.mark.slow
    @settings(deadline=None, max_examples=50)
    @given(
        names=st.lists(st.sampled_from([None, *"abcdefghijklmnopqrst"]), min_size=100, max_size=300),
        seed=st.integers(0, 5),
        data=st.data(),
    )
    def test_no_group_is_divided_whatever_the_order(
        self, names: list[str | None], seed: int, data: st.DataObject
    ) -> None:
        cut = scheme("group", fractions=FRACTIONS, seed=seed)
        table = keys(group=pa.array(names, pa.string()))
        labels = assign(cut, table)
        assert set(labels) <= LABELS
        for name in set(names) - {None}:
            assert len({label for label, n in zip(labels, names, strict=True) if n == name}) == 1
        order = data.draw(st.permutations(range(len(names))))
        shuffled = table.take(pa.array(order))
        assert by_id(table, labels) == by_id(shuffled, assign(cut, shuffled))

    def test_another_column_and_a_group_too_large_for_test(self) -> None:
        protein = ["big"] * 60 + [f"p{i // 2}" for i in range(40)]
        labels = assign(scheme("group", fractions=FRACTIONS, seed=0, column="protein"), keys(protein=protein))
        assert set(labels[:60]) == {"train"}
        assert [(labels == s).sum() for s in ("test", "validation")] == [20, 20]
        with pytest.raises(UserError, match="needs the column group"):
            assign(scheme("group", fractions=FRACTIONS, seed=0), keys(protein=protein))


POOL = [
    *("CCO", "CCCO", "CCCCO", "CCCCCO", "CCN", "CCCN", "CCCCN", "c1ccccc1", "Cc1ccccc1", "CCc1ccccc1"),
    *("Oc1ccccc1", "c1ccncc1", "Cc1ccncc1", "C1CC1", "CC1CC1", "OC1CC1", "C#N", "CC#N", "CCC#N", "O=C=O"),
    *(
        "CC(=O)O",
        "CCC(=O)O",
        "CC(=O)N",
        "FC(F)F",
        "FC(F)C",
        "C1COC1",
        "C1CCOC1",
        "C1CCNC1",
        "OCC",
        "nonsense",
    ),
]


def tanimoto(a: str, b: str) -> float:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in (a, b)]
    return DataStructs.TanimotoSimilarity(*prints)


class TestSimilarity:
    @settings(deadline=None, max_examples=25)
    @given(
        order=st.permutations(range(len(POOL))),
        threshold=st.sampled_from([0.3, 0.5, 0.7, 1.0]),
        seed=st.integers(0, 3),
        column=st.sampled_from(["smiles", "a_smiles"]),
    )
    def test_no_pair_across_splits_reaches_the_threshold(
        self, order: list[int], threshold: float, seed: int, column: str
    ) -> None:
        smiles = [POOL[i] for i in order]
        table = pa.table({"id": [f"m{i}" for i in order], column: smiles})
        cut = scheme("similarity", threshold=threshold, fractions=[0.5, 0.2, 0.3], seed=seed)
        labels = assign(cut, table)
        assert set(labels) == LABELS
        readable = [(text, label) for text, label in zip(smiles, labels, strict=True) if text != "nonsense"]
        for i, (a, one) in enumerate(readable):
            for b, other in readable[:i]:
                assert one == other or tanimoto(a, b) < threshold
        home = pa.table({"id": [f"m{i}" for i in range(len(POOL))], column: POOL})
        assert by_id(table, labels) == by_id(home, assign(cut, home))

    def test_refusals(self) -> None:
        cut = {"fractions": FRACTIONS, "seed": 0}
        with pytest.raises(UserError, match="threshold 0"):
            assign(scheme("similarity", threshold=0, **cut), keys(smiles=["C"]))
        with pytest.raises(UserError, match="needs the column smiles or a_smiles"):
            assign(scheme("similarity", threshold=0.5, **cut), keys(y=[1.0]))
        with pytest.raises(UserError, match="leaves validation and test empty"):
            assign(scheme("similarity", threshold=0.5, **cut), keys(smiles=["CCO"] * 30))


@pytest.mark.parametrize("name", ["xtb-molecules"])
def test_scaffold_splits_committed_earlier_come_out_again(name: str) -> None:
    """Sharing the filling of groups with the other splitters changed no scheme."""
    from pathlib import Path

    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    folder = Path(__file__).parents[4] / "datasets" / name
    stored = pq.read_table(folder / "splits" / "scaffold.parquet")
    table = ds.dataset(folder / "cells", format="parquet").to_table(columns=["id", "smiles"])
    at = {i: row for row, i in enumerate(table.column("id").to_pylist())}
    table = table.take(pa.array([at[i] for i in stored.column("id").to_pylist()]))
    cut = scheme("scaffold", seed=0, fractions=[0.8, 0.1, 0.1])
    assert assign(cut, table).tolist() == stored.column("split").to_pylist()
