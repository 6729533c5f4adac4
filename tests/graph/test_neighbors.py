from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.graph import neighbors
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.kernels.edges import EdgeList
from molbench.testing import example_batch

quick = settings(deadline=None, max_examples=40)
sizes = st.lists(st.integers(0, 9), max_size=6)
seeds = st.integers(0, 1000)


def cloud(sizes: list[int], seed: int) -> MoleculeBatch:
    """Atoms in a box of 4 Å, so that a cutoff of a few Å keeps some pairs and drops others."""
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    positions = 4 * torch.rand(int(ptr[-1]), 3, generator=torch.Generator().manual_seed(seed))
    return MoleculeBatch(torch.ones(len(positions), dtype=torch.int64), positions, ptr)


def brute_force(batch: MoleculeBatch, cutoff: float) -> list[tuple[int, int]]:
    x, molecule = batch.positions, batch.molecule.tolist()
    return [
        (i, j)
        for i in range(batch.num_atoms)
        for j in range(i + 1, batch.num_atoms)
        if molecule[i] == molecule[j] and float((x[i] - x[j]).square().sum()) <= cutoff**2
    ]


def listed(edges: EdgeList) -> list[tuple[int, int]]:
    return list(zip(edges.source.tolist(), edges.target.tolist(), strict=True))


@quick
@given(sizes)
def test_all_pairs_are_the_combinations_in_order(sizes: list[int]) -> None:
    edges = all_pairs(torch.tensor([0, *sizes]).cumsum(0))
    assert edges.symmetric
    assert listed(edges) == brute_force(cloud(sizes, 0), 100.0)


@quick
@given(sizes, seeds, st.floats(0.5, 8))
def test_all_searches_equal_brute_force(sizes: list[int], seed: int, cutoff: float) -> None:
    batch = cloud(sizes, seed)
    expected = brute_force(batch, cutoff)
    assert listed(radius_edges(batch, cutoff)) == expected
    for search in neighbors._masked_pairs, neighbors._tree_pairs:
        assert listed(search(batch, cutoff)) == expected


@pytest.mark.parametrize("kernels", [True, False])
def test_the_largest_molecule_decides_on_the_search(kernels: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(neighbors, "TREE_OVER_LOOP", 80)
    monkeypatch.setattr(neighbors, "TREE_OVER_MASK", 40)
    monkeypatch.setattr(neighbors, "usable", lambda *_: kernels)
    for name in ("_masked_pairs", "_near_pairs", "_tree_pairs"):
        search = getattr(neighbors, name)
        monkeypatch.setattr(neighbors, name, partial(_noted, asked, name, search))
    for size in (39, 40, 80):
        batch = cloud([size, 3], 0)
        assert listed(radius_edges(batch, 1.0)) == brute_force(batch, 1.0)
    with_kernels, without = "near near tree", "masked tree tree"
    assert asked == [f"_{name}_pairs" for name in (with_kernels if kernels else without).split()]


def _noted(
    asked: list[str], name: str, search: Callable[..., EdgeList], batch: MoleculeBatch, cutoff: float
) -> EdgeList:
    asked.append(name)
    return search(batch, cutoff)


@quick
@given(sizes, seeds, st.floats(0.5, 8), st.integers(0, 9))
def test_the_cap_keeps_the_first_hits_counting_the_atom_itself(
    sizes: list[int], seed: int, cutoff: float, cap: int
) -> None:
    batch = cloud(sizes, seed)
    pairs = brute_force(batch, cutoff)
    hits = {i: [i] for i in range(batch.num_atoms)}
    for i, j in pairs:
        hits[i].append(j)
        hits[j].append(i)
    expected = [(j, i) for i, actual in hits.items() for j in sorted(actual)[: cap + 1] if j != i]
    edges = radius_edges(batch, cutoff, cap)
    assert edges.symmetric == (len(expected) == 2 * len(pairs))
    assert sorted(listed(edges.directed())) == sorted(expected)


def test_an_edge_points_from_target_to_source() -> None:
    edges = EdgeList(torch.tensor([0]), torch.tensor([1]), symmetric=False)
    positions = torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    assert edges.vectors(positions).tolist() == [[1.0, 2.0, 2.0]]
    assert edges.distances(positions).tolist() == [3.0]
    assert listed(edges.reversed()) == [(1, 0)]


def test_symmetric_lists_stand_for_both_directions() -> None:
    edges = radius_edges(example_batch(), 2.0)
    assert edges.symmetric
    assert edges.reversed() is edges
    assert set(listed(edges.directed())) == set(listed(edges)) | {(j, i) for i, j in listed(edges)}
