import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.graph.joins import branches, triplets
from molbench.graph.neighbors import all_pairs, radius_edges
from molbench.testing import example_batch


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=6))
def test_branches_are_all_equal_pairs(keys: list[int], ends: list[int]) -> None:
    owner, row = branches(torch.tensor(keys, dtype=torch.int64), torch.tensor(ends, dtype=torch.int64), 6)
    actual = list(zip(owner.tolist(), row.tolist(), strict=True))
    assert actual == [(i, j) for i, end in enumerate(ends) for j, key in enumerate(keys) if key == end]


def test_a_complete_graph_has_an_angle_for_each_ordered_triple() -> None:
    edges = all_pairs(torch.tensor([0, 5])).directed()
    inward, onward = triplets(edges, 5)
    assert len(inward) == 5 * 4 * 3
    assert torch.equal(edges.target[inward], edges.source[onward])
    assert not (edges.source[inward] == edges.target[onward]).any()
    triples = torch.stack([edges.source[inward], edges.target[inward], edges.target[onward]], dim=-1)
    assert len(triples.unique(dim=0)) == len(triples)


def test_no_angle_without_two_edges() -> None:
    batch = example_batch((2, 1, 0))
    inward, onward = triplets(radius_edges(batch, 9.0).directed(), batch.num_atoms)
    assert inward.numel() == onward.numel() == 0
