"""Every splitter: exhaustive, disjoint, seeded, and separating what it says it separates."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import shuffle

from molbench.data.build.splits import assign
from molbench.data.build.splits.assign import fraction_counts
from molbench.data.folder.digest import assignment_digest
from molbench.errors import UserError
from molbench.spec.splits import Scheme

SMILES = [
    "CCO",
    "CCCO",
    "c1ccccc1",
    "Cc1ccccc1",
    "c1ccncc1",
    "C1CC1",
    "CC1CC1",
    "C1CCC1",
    "O=C1CCC1",
    "C1CCCC1",
    "not-smiles",
    None,
]


def scheme(generator: str, **parameters: object) -> Scheme:
    return Scheme(generator=generator, parameters=parameters, description="test")


def keys(n: int, **columns: object) -> pa.Table:
    return pa.table({"id": [f"m{i}" for i in range(n)], **columns})


def test_legacy_permutation_is_the_papers_draw() -> None:
    labels = assign(scheme("permutation", rng="legacy", seed=42, sizes=[60, 30, "rest"]), keys(100))
    np.random.seed(42)
    expected = np.random.permutation(100)
    assert set(np.flatnonzero(labels == "train")) == set(expected[:60])
    assert set(np.flatnonzero(labels == "validation")) == set(expected[60:90])
    assert list(shuffle(range(100), random_state=42)[:60]) == expected[:60].tolist()


def test_default_permutation_is_numpys_generator() -> None:
    labels = assign(scheme("permutation", rng="default", seed=1, sizes=[95, 3, "rest"]), keys(100))
    expected = np.random.default_rng(1).permutation(100)
    assert set(np.flatnonzero(labels == "test")) == set(expected[98:])


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="do not add up to the 100"):
        assign(scheme("permutation", rng="default", seed=1, sizes=[95, 30, "rest"]), keys(100))
    with pytest.raises(UserError, match="leaves test empty"):
        assign(scheme("permutation", rng="default", seed=1, sizes=[70, 30, "rest"]), keys(100))
    with pytest.raises(UserError, match="does not take these parameters"):
        assign(scheme("ratio", sed=1, fractions=[0.8, 0.1, 0.1]), keys(100))
    with pytest.raises(UserError, match="add up to 1"):
        assign(scheme("ratio", seed=1, fractions=[0.8, 0.1, 0.2]), keys(100))


@settings(deadline=None, max_examples=50)
@given(n=st.integers(0, 10_000), cut=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_counts_follow_fractions_within_one(n: int, cut: tuple[float, float]) -> None:
    a, b = sorted(cut)
    fractions = [a, b - a, 1 - b]
    counts = fraction_counts(n, fractions)
    assert sum(counts) == n and all(abs(c - f * n) <= 1 for c, f in zip(counts, fractions, strict=True))


def test_the_seed_changes_a_ratio_split_and_nothing_else_does() -> None:
    draws = [assign(scheme("ratio", seed=s, fractions=[0.8, 0.1, 0.1]), keys(200)) for s in (0, 0, 1)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(len(SMILES) * 4)), seed=st.integers(0, 9))
def test_no_scaffold_lies_on_two_sides(order: list[int], seed: int) -> None:
    from molbench.chem.scaffold import murcko_scaffold

    smiles = [(SMILES * 4)[i] for i in order]
    labels = assign(
        scheme("scaffold", seed=seed, fractions=[0.5, 0.25, 0.25]),
        keys(len(smiles), smiles=smiles, n_heavy=[3] * len(smiles)),
    )
    sides: dict[str, set[str]] = {}
    for text, label in zip(smiles, labels, strict=True):
        name = murcko_scaffold(text) if text else None
        if name is not None:
            sides.setdefault(name, set()).add(label)
    assert all(len(actual) == 1 for actual in sides.values())
    assert len(labels) == len(smiles)


@settings(deadline=None, max_examples=50)
@given(
    heavy=st.lists(st.integers(1, 9), min_size=30, max_size=300).filter(
        lambda h: min(h.count(x) for x in set(h)) >= 5 and len(set(h)) > 1
    )
)
def test_every_test_molecule_is_larger_than_any_other(heavy: list[int]) -> None:
    labels = assign(scheme("size", fractions=[0.7, 0.2, 0.1], seed=0), keys(len(heavy), n_heavy=heavy))
    sizes = np.array(heavy)
    assert sizes[labels == "test"].min() > sizes[labels != "test"].max()


@settings(deadline=None, max_examples=40)
@given(n=st.integers(40, 400), blocks=st.integers(10, 40), seed=st.integers(0, 5), data=st.data())
def test_blocks_have_few_seams(n: int, blocks: int, seed: int, data: st.DataObject) -> None:
    frame = np.array(data.draw(st.permutations(range(0, 7 * n, 7))))
    labels = assign(
        scheme("block", blocks=blocks, fractions=[0.6, 0.2, 0.2], seed=seed), keys(n, frame=frame)
    )
    in_time = labels[np.argsort(frame)]
    assert (in_time[1:] != in_time[:-1]).sum() <= blocks - 1
    counts = [(in_time == s).mean() for s in ("train", "validation", "test")]
    assert abs(counts[0] - 0.6) < 1.5 / blocks + blocks / n


def test_published_indices_are_used_as_they_stand(tmp_path) -> None:
    (tmp_path / "train.csv").write_text("5\n3\n9\n0\n")
    (tmp_path / "test.csv").write_text("1\n2\n")
    files = {"a": tmp_path / "train.csv", "b": tmp_path / "test.csv"}
    published = scheme("published", train="a", test="b", validation=1, seed=0)
    labels = assign(published, keys(12), files=files)
    assert set(np.flatnonzero(labels == "test")) == {1, 2}
    assert set(np.flatnonzero((labels == "train") | (labels == "validation"))) == {0, 3, 5, 9}
    assert (labels == "validation").sum() == 1 and (labels == "unused").sum() == 6
    (tmp_path / "test.csv").write_text("1\n3\n")
    with pytest.raises(UserError, match="share 1 rows"):
        assign(published, keys(12), files=files)
    (tmp_path / "test.csv").write_text("12\n")
    with pytest.raises(UserError, match="between 0 and 11"):
        assign(published, keys(12), files=files)
    with pytest.raises(UserError, match="index file 'a'"):
        assign(published, keys(12), files={})


@settings(deadline=None, max_examples=30)
@given(st.permutations(list(range(12))))
def test_the_digest_depends_on_the_assignment_only(order: list[int]) -> None:
    ids = [f"m{i}" for i in range(12)]
    labels = ["train", "test", "validation"] * 4
    digest = assignment_digest(ids, labels)
    assert digest == assignment_digest([ids[i] for i in order], [labels[i] for i in order])
    assert digest != assignment_digest(ids, labels[1:] + labels[:1])
