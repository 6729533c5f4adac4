"""Environments of atoms: each different one once, and nothing of the network's result changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molbench.graph.atom_environments import atom_environments
from molbench.graph.pairs import MolecularGraphs
from tests.backbones.relational_pairs import example_pairs


def chain(*atoms: int, bonds: tuple[int, ...] = ()) -> MolecularGraphs:
    """Atoms in a row, each a number, with kinds of bonds between them."""
    kinds = torch.tensor(bonds or (0,) * (len(atoms) - 1), dtype=torch.float64)
    ends = torch.arange(len(atoms) - 1)
    return MolecularGraphs(
        torch.tensor(atoms, dtype=torch.float64).unsqueeze(-1),
        torch.stack([ends, ends + 1], dim=-1),
        kinds.unsqueeze(-1),
        torch.tensor([0, len(atoms)]),
    )


def plainly(graphs: MolecularGraphs, rounds: int) -> list[tuple[object, ...]]:
    """The environment of each atom, written out."""
    source, target = graphs.edge_index.tolist()
    kinds = graphs.bond_features.tolist() * 2
    said: list[tuple[object, ...]] = [tuple(row) for row in graphs.atoms.tolist()]
    for _ in range(rounds):
        heard: list[list[str]] = [[] for _ in said]
        for j, i, kind in zip(source, target, kinds, strict=True):
            heard[i].append(repr((kind, said[j])))
        said = [(own, *sorted(others)) for own, others in zip(said, heard, strict=True)]
    return said


def network(x: Tensor, graphs: MolecularGraphs, weights: list[Tensor]) -> Tensor:
    """Messages between all atoms of a batch."""
    source, target = graphs.edge_index
    bonds = torch.cat([graphs.bond_features, graphs.bond_features])
    for own, other, bond in zip(*[iter(weights)] * 3, strict=True):
        messages = (x[source] @ other + bonds @ bond).tanh()
        x = (x @ own).index_add(0, target, messages).tanh()
    return x


def network_of_environments(graphs: MolecularGraphs, weights: list[Tensor]) -> Tensor:
    """The same on environments."""
    near = atom_environments(graphs, len(weights) // 3)
    x = near.atoms
    for step, own, other, bond in zip(near.rounds, *[iter(weights)] * 3, strict=True):
        messages = (x[step.source] @ other + near.bonds[step.kind] @ bond).tanh()
        x = (x @ own)[step.centre].index_add(0, step.target, messages).tanh()
    return x[near.of_atom]


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_two_atoms_share_an_environment_where_nothing_tells_them_apart(rounds: int, seed: int) -> None:
    pairs = example_pairs(((6, 3), (1, 4), (9, 1), (0, 2)), seed=seed)
    # Few bits, so that there is something to share.
    few = MolecularGraphs(pairs.a.atoms[:, :2], pairs.a.bonds, pairs.a.bond_features[:, :1], pairs.a.ptr)
    graphs = MolecularGraphs.collate([few, few])
    said, which = plainly(graphs, rounds), atom_environments(graphs, rounds).of_atom.tolist()
    assert len(set(zip(said, which, strict=True))) == len(set(said)) == len(set(which))


def test_a_bond_more_is_no_bond_less() -> None:
    alone, pair = chain(0), chain(0, 0)
    both = atom_environments(MolecularGraphs.collate([alone, pair]), 1)
    assert both.of_atom.unique().numel() == 2
    assert atom_environments(pair, 3).of_atom.unique().numel() == 1
    kinds = atom_environments(MolecularGraphs.collate([pair, chain(0, 0, bonds=(1,))]), 1)
    assert kinds.of_atom.unique().numel() == 2 and len(kinds.bonds) == 2


@pytest.mark.parametrize("sizes", [((5, 3), (1, 4), (5, 3)), ((1, 1),), ((0, 2), (3, 0))])
def test_a_network_gives_the_same_on_environments(sizes: tuple[tuple[int, int], ...]) -> None:
    pairs = example_pairs(sizes)
    graphs = MolecularGraphs.collate([pairs.a, pairs.b, pairs.a])
    torch.manual_seed(0)
    weights = [
        torch.randn(inputs, 56, dtype=torch.float64).div(8).requires_grad_() for inputs in (56, 56, 10) * 3
    ]
    plain, short = network(graphs.atoms, graphs, weights), network_of_environments(graphs, weights)
    torch.testing.assert_close(short, plain)
    pull = torch.randn_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad((short * pull).sum(), weights, allow_unused=True),
        torch.autograd.grad((plain * pull).sum(), weights, allow_unused=True),
        strict=True,
    ):
        if theirs is not None:
            torch.testing.assert_close(ours, theirs)


def test_a_repeated_molecule_adds_no_environment() -> None:
    graphs = example_pairs(((7, 2), (5, 2))).a
    once, often = atom_environments(graphs, 3), atom_environments(MolecularGraphs.collate([graphs] * 5), 3)
    assert [len(step.centre) for step in often.rounds] == [len(step.centre) for step in once.rounds]
    assert torch.equal(often.atoms, once.atoms)
    assert len(often.of_atom) == 5 * len(once.of_atom)
