"""The spread of a cross-validation is that of its repeats."""

import numpy as np
import pytest

from molbench.evaluation.repeats import deviation
from molbench.evaluation.result import TaskEntry
from molbench.spec.splits import fold_name
from molbench.spec.tasks import Task


def entry(scheme: str, asked: str = "kfold") -> TaskEntry:
    declared = {"target": "y", "metrics": ["rmse"], "unit": "1", "scheme": "kfold", "why": "w"}
    return TaskEntry(
        id="d/t" if asked == "kfold" else f"d/t@{asked}",
        dataset="d",
        version="1.0.0",
        digest="",
        scheme=scheme,
        split_digest="",
        partial=False,
        embedded=False,
        declaration=Task.model_validate(declared),
        counts={},
    )


@pytest.mark.parametrize("asked", ["kfold", "kfold-half"])
def test_folds_are_averaged_before_repeats_are_compared(asked: str) -> None:
    places = [(repeat, fold) for repeat in range(3) for fold in range(2)]
    entries = [entry(fold_name(asked, *place), asked) for place in places]
    values = np.array([1.0, 3.0, 2.0, 4.0, 6.0, 2.0])  # means 2, 3, 4
    assert deviation(entries, values) == pytest.approx(1.0)
    order = np.random.default_rng(0).permutation(6)
    assert deviation([entries[i] for i in order], values[order]) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_without_two_complete_repeats_folds_are_compared(count: int) -> None:
    entries = [entry(fold_name("kfold", *divmod(seed, 2))) for seed in range(count)]
    values = np.array([1.0, 3.0, 8.0])[:count]
    expected = None if count == 1 else float(np.std(values, ddof=1))
    assert deviation(entries, values) == expected


def test_seeds_of_one_split_are_seeds() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert deviation([entry("random", "random")] * 3, values) == pytest.approx(float(np.std(values, ddof=1)))
