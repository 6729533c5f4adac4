from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molbench.graph.bonds import distance_bonds, hop_classes
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.edges import EdgeList
from molbench.testing import example_batch
from tests.golden_files import read_golden


def chain(length: int, spacing: float = 1.5) -> MoleculeBatch:
    positions = torch.zeros(length, 3)
    positions[:, 0] = spacing * torch.arange(length)
    return MoleculeBatch(torch.full((length,), 6), positions, torch.tensor([0, length]))


def test_bonds_of_a_chain_are_its_neighbours() -> None:
    assert distance_bonds(chain(4)).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert distance_bonds(chain(4, 1.7)).shape == (0, 2)
    assert len(distance_bonds(chain(4, 1.7), cutoff=1.8)) == 3


def test_hops_of_a_chain_are_differences_of_position() -> None:
    batch = chain(6)
    edges = all_pairs(batch.ptr)
    apart = edges.target - edges.source
    assert torch.equal(hop_classes(batch, edges), torch.where(apart <= 3, apart, 0))
    assert torch.equal(hop_classes(batch, edges, max_hops=1), (apart == 1).long())
    assert torch.equal(hop_classes(batch, edges.directed()), hop_classes(batch, edges).repeat(2))


def test_given_bonds_replace_the_rule() -> None:
    batch = chain(3).replace(bonds=torch.tensor([[2, 0]]))
    # Pairs 0-1, 0-2, 1-2.
    assert hop_classes(batch, all_pairs(batch.ptr)).tolist() == [0, 1, 0]


def test_no_bonds_no_atoms_no_edges() -> None:
    empty = MoleculeBatch(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 3), torch.tensor([0, 0, 0]))
    assert hop_classes(empty, all_pairs(empty.ptr)).shape == (0,)
    assert distance_bonds(empty).shape == (0, 2)
    single = MoleculeBatch(torch.tensor([6]), torch.zeros(1, 3), torch.tensor([0, 0, 1, 1]))
    assert hop_classes(single, all_pairs(single.ptr)).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_hops_are_powers_of_the_adjacency_matrix(seed: int, max_hops: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(0, 8, (3,), generator=generator).tolist()
    batch = example_batch([*sizes, 2])
    pairs = all_pairs(batch.ptr)
    chosen = torch.rand(pairs.num_edges, generator=generator) < 0.3
    batch = batch.replace(bonds=torch.stack([pairs.source, pairs.target], dim=-1)[chosen])
    adjacency = torch.eye(batch.num_atoms)
    adjacency[pairs.source[chosen], pairs.target[chosen]] = 1
    adjacency[pairs.target[chosen], pairs.source[chosen]] = 1
    expected = torch.zeros(pairs.num_edges, dtype=torch.int64)
    for hops in range(max_hops, 0, -1):
        reached = torch.linalg.matrix_power(adjacency, hops)[pairs.source, pairs.target] > 0
        expected[reached] = hops
    assert torch.equal(hop_classes(batch, pairs, max_hops), expected)


@pytest.mark.parametrize("rule", ["bonds of the molecule", "1.6 Å"])
def test_classes_of_the_released_code(rule: str, golden: Path) -> None:
    if rule == "1.6 Å":
        fixture = read_golden(golden, "emgp_md17_finetune")
        count = len(fixture["z"])
        batch = MoleculeBatch(fixture["z"], fixture["pos"][0], torch.tensor([0, count]))
    else:
        fixture = read_golden(golden, "emgp_egnn_3dmgp_forward")
        sizes = torch.bincount(fixture["batch"])
        ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        bonds = fixture["bond_index"].t()
        batch = MoleculeBatch(fixture["z"], fixture["pos"], ptr, bonds=bonds[bonds[:, 0] < bonds[:, 1]])
    source, target = fixture["edge_index"]
    assert torch.equal(hop_classes(batch, EdgeList(source, target, False)), fixture["edge_type"].long())
