"""Boosted trees learn from SMILES alone, and never from what they are tested on."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from molbench.data.records import RECORD_KINDS
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.fingerprint import Features, boost
from molbench.spec.dataset import Target
from molbench.spec.fingerprint import Boosting
from molbench.spec.tasks import Task

QUICK = Boosting(trees=60, min_molecules=2)
MOLECULES = [
    f"{head}{'C' * n}{tail}" for n in range(1, 12) for head in ("", "N", "CO") for tail in ("", "O", "N", "F")
]
SPLITS = np.array(["train", "train", "train", "validation", "test"])


class Table:
    """As much of a store as a fit needs."""

    def __init__(self, columns: dict[str, Any], ordered: bool = True) -> None:
        self.table = pa.table(columns)
        self.ordered = ordered
        self.record = next(kind for kind in RECORD_KINDS.values() if {*kind.smiles} <= {*columns})

    def __len__(self) -> int:
        return self.table.num_rows

    def column(self, name: str) -> pa.Array:
        return self.table.column(name).combine_chunks()

    def target(self, name: str) -> np.ndarray:
        return self.table.column(name).to_numpy()

    def rows(self, _scheme: str, split: str) -> np.ndarray:
        return np.flatnonzero(np.resize(SPLITS, len(self)) == split)


class Ref:
    """As much of a task as a fit needs."""

    id, split_name, unit = "toy/y", "random", "eV"

    def __init__(self, kind: str = "regression") -> None:
        metrics = ["auroc"] if kind == "classification" else ["rmse"]
        self.task = Task(
            kind=kind, target="y", metrics=metrics, unit="eV", scheme="random", why="made by hand"
        )
        self.dataset = self
        self.targets = {"y": Target(unit="eV", description="Made by hand")}


def pairs(ordered: bool, n: int = 600) -> Table:
    """Two molecules, labelled by their polar atoms; those of the first count twice if there is a first."""
    rng = np.random.default_rng(0)
    a, b = rng.choice(MOLECULES, (2, n))
    polar = {text: text.count("O") + text.count("N") for text in MOLECULES}
    y = [(1 + ordered) * polar[first] + polar[second] for first, second in zip(a, b, strict=True)]
    return Table({"a_smiles": a, "b_smiles": b, "y": np.array(y, dtype=float)}, ordered)


def opened(table: Table, kind: str = "regression") -> TaskData:
    return TaskData.open(Ref(kind), table)  # type: ignore[arg-type]


def error(data: TaskData, predictions: np.ndarray) -> float:
    """Mean square error over the variance of the labels."""
    labels = data.labels[data.rows["test"]]
    return float(np.mean((predictions - labels) ** 2) / labels.var())


@pytest.mark.parametrize("ordered", [True, False])
def test_it_learns_what_the_graphs_tell(ordered: bool) -> None:
    data = opened(pairs(ordered))
    assert error(data, boost(data, QUICK, 0)) < 0.05


def test_one_molecule_is_read_from_whichever_column_there_is() -> None:
    smiles = pairs(True).column("a_smiles")
    y = np.array([float(text.count("O")) for text in smiles.to_pylist()])
    for name in ("smiles", "ligand_smiles"):
        data = opened(Table({name: smiles, "y": y}))
        assert error(data, boost(data, QUICK, 0)) < 0.05


@pytest.mark.slow
def test_pairs_without_an_order_are_predicted_alike_both_ways_round() -> None:
    for ordered in (False, True):
        there = pairs(ordered)
        test = there.rows("random", "test")
        columns = {
            name: there.column(name).to_numpy(zero_copy_only=False) for name in ("a_smiles", "b_smiles")
        }
        swapped = {"a_smiles": columns["a_smiles"].copy(), "b_smiles": columns["b_smiles"].copy()}
        swapped["a_smiles"][test], swapped["b_smiles"][test] = (
            columns["b_smiles"][test],
            columns["a_smiles"][test],
        )
        back = Table(swapped | {"y": there.column("y")}, ordered)
        first, second = (boost(opened(table), QUICK, 0) for table in (there, back))
        assert np.array_equal(first, second) is not ordered


@pytest.mark.slow
def test_labels_of_the_test_split_change_nothing() -> None:
    for kind in ("regression", "classification"):
        table = pairs(False)
        labels = (
            table.target("y") > np.median(table.target("y"))
            if kind == "classification"
            else table.target("y")
        )
        actual = []
        for flip in (False, True):
            y = labels.astype(float)
            if flip:
                y[table.rows("random", "test")] = 1 - y[table.rows("random", "test")]
            columns = {name: table.column(name) for name in ("a_smiles", "b_smiles")}
            actual.append(boost(opened(Table(columns | {"y": y}, False), kind), QUICK, 0))
        assert np.array_equal(*actual)


def test_the_same_seed_gives_the_same_and_another_seed_another_forest() -> None:
    data = opened(pairs(True))
    first, again, other = (boost(data, QUICK, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_classes_are_predicted_as_probabilities() -> None:
    table = pairs(False)
    classes = (table.target("y") > 2).astype(float)
    columns = {name: table.column(name) for name in ("a_smiles", "b_smiles")}
    data = opened(Table(columns | {"y": classes}, False), "classification")
    actual = boost(data, QUICK, 0)
    assert ((actual >= 0) & (actual <= 1)).all()
    assert ((actual > 0.5) == (data.labels[data.rows["test"]] == 1)).mean() > 0.95
    alone = Table(columns | {"y": np.zeros(len(table))}, False)
    with pytest.raises(UserError, match="two training records of each class"):
        boost(opened(alone, "classification"), QUICK, 0)


def test_columns_are_chosen_on_training_molecules_alone() -> None:
    table = pairs(True)
    train, test = (table.rows("random", split) for split in ("train", "test"))
    strange = {
        name: table.column(name).to_numpy(zero_copy_only=False).copy() for name in ("a_smiles", "b_smiles")
    }
    strange["a_smiles"][test] = "BrC(Br)(Br)S(=O)(=O)c1ccccc1"
    known, unknown = (
        Features(columns, train, QUICK)  # type: ignore[arg-type]
        for columns in (table, Table(strange | {"y": table.column("y")}))
    )
    assert np.array_equal(known(train), unknown(train))
    assert np.array_equal(known(train), known.training)
    assert unknown(test).shape == (test.size, known(train).shape[1])
    widths = [
        Features(table, train, QUICK.model_copy(update=changes))(train).shape[1]  # type: ignore[arg-type]
        for changes in ({"min_molecules": 1}, {"min_molecules": 20}, {"max_bits": 2}, {"max_bits": 1})
    ]
    assert widths == sorted(widths, reverse=True) and len(set(widths)) == 4


def test_molecules_that_cannot_be_read_are_still_predicted() -> None:
    table = pairs(True)
    smiles = table.column("a_smiles").to_numpy(zero_copy_only=False).copy()
    smiles[::7] = "no molecule"
    smiles[1::7] = None
    actual = boost(opened(Table({"smiles": smiles, "y": table.column("y")})), QUICK, 0)
    assert np.isfinite(actual).all()


def test_too_many_records_are_drawn_by_the_seed() -> None:
    data = opened(pairs(True))
    few = QUICK.model_copy(update={"max_records": 50})
    kept = np.sort(np.random.default_rng(3).permutation(data.rows["train"])[:50])
    held_out = np.sort(np.random.default_rng(3).permutation(data.rows["validation"])[:50])
    fewer = replace(data, rows=data.rows | {"train": kept, "validation": held_out})
    assert np.array_equal(boost(data, few, 3), boost(fewer, QUICK, 3))
