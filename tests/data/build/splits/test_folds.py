"""Cross-validation: every record is tested as often as the protocol says."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.data.build.splits import assign, expand
from molbench.errors import UserError
from molbench.spec.splits import Scheme, fold_name


def family(generator: str, **parameters: object) -> Scheme:
    return Scheme(generator=generator, parameters=parameters, description="Folds.", leaks="how")


def labels_of(scheme: Scheme, n: int) -> np.ndarray:
    """Labels under every fold, [repeats, folds, n]."""
    keys = pa.table({"id": [f"m{i}" for i in range(n)]})
    repeats, folds = scheme.folds
    built = expand({"cv": scheme})
    return np.array(
        [[assign(built[fold_name("cv", r, f)], keys) for f in range(folds)] for r in range(repeats)]
    )


@settings(deadline=None, max_examples=50)
@given(n=st.integers(30, 300), repeats=st.integers(1, 3), folds=st.integers(2, 6), share=st.floats(0.05, 0.5))
def test_every_record_is_in_test_once_a_repeat(n: int, repeats: int, folds: int, share: float) -> None:
    labels = labels_of(family("kfold", repeats=repeats, folds=folds, seed=0, validation=share), n)
    assert ((labels == "test").sum(axis=1) == 1).all()
    assert set(np.unique(labels)) == {"train", "validation", "test"}
    held = (labels == "test").sum(axis=2)
    assert held.max() - held.min() <= 1
    validating = (labels == "validation").sum(axis=2)
    assert (validating == np.rint(share * (n - held))).all()


@settings(deadline=None, max_examples=50)
@given(n=st.integers(30, 300), folds=st.integers(2, 6))
def test_halved_folds_are_those_of_3dmrl(n: int, folds: int) -> None:
    labels = labels_of(family("kfold-half", repeats=2, folds=folds), n)
    size = n // folds
    assert ((labels == "validation").sum(axis=2) == size // 2).all()
    assert ((labels == "test").sum(axis=2) == size - size // 2).all()
    outside = (labels != "train").sum(axis=1)
    assert outside.max() == 1  # the held-out folds of a repeat are disjoint
    assert ((outside == 0).sum(axis=1) == n - folds * size).all()  # the remainder always trains


def test_repeats_differ_and_folds_are_reproducible() -> None:
    scheme = family("kfold", repeats=2, folds=5, seed=3, validation=0.1)
    labels = labels_of(scheme, 200)
    assert (labels[0] != labels[1]).any()
    assert (labels == labels_of(scheme, 200)).all()
    assert (labels != labels_of(family("kfold", repeats=2, folds=5, seed=4, validation=0.1), 200)).any()


def test_validation_is_spread_over_the_records_that_train() -> None:
    labels = labels_of(family("kfold", repeats=50, folds=5, seed=0, validation=0.1), 100)
    share = (labels == "validation").mean(axis=(0, 1))
    assert abs(share.mean() - 0.08) < 1e-9 and share.std() < 0.03


def test_few_labels_go_together_so_that_cells_stay_few() -> None:
    labels = labels_of(family("kfold", repeats=1, folds=5, seed=0, validation=0.1), 1000)[0]
    assert len(np.unique(labels.T, axis=0)) == 10  # five folds, each of two pieces


def test_expansion_keeps_all_else_as_it_is() -> None:
    random = Scheme(generator="ratio", parameters={"seed": 0}, description="Random.", digest="a")
    schemes = {
        "kfold": family("kfold", repeats=2, folds=3, seed=7, validation=0.1).model_copy(
            update={"digest": "b"}
        ),
        "random": random,
    }
    built = expand(schemes)
    assert list(built) == [f"kfold-{r}-{f}" for r in range(2) for f in range(3)] + ["random"]
    assert built["random"] is random
    fold = built["kfold-1-2"]
    assert fold.parameters == {"folds": 3, "seed": 7, "validation": 0.1, "repeat": 1, "fold": 2}
    assert fold.leaks == "how" and fold.digest is None


@pytest.mark.parametrize("parameters", [{}, {"folds": 1}, {"folds": 5, "repeats": 0}, {"folds": "five"}])
def test_a_cross_validation_says_how_many_folds(parameters: dict[str, object]) -> None:
    with pytest.raises(UserError, match="cross-validation 'cv' needs the parameters repeats"):
        expand({"cv": family("kfold", **parameters)})


def test_folds_that_there_are_not() -> None:
    keys = pa.table({"id": ["a", "b", "c"]})
    for parameters, reason in [
        ({"repeat": 0, "fold": 5, "folds": 5}, "no fold 5"),
        ({"repeat": 0, "fold": 0, "folds": 5}, "3 records cannot be cut into 5 folds"),
        ({"repeat": 0, "fold": 0}, "does not take these parameters"),
    ]:
        with pytest.raises(UserError, match=reason):
            assign(family("kfold-half", **parameters), keys)
