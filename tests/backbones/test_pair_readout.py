"""Set2Set through the interaction map is Set2Set of the atoms written out."""

from __future__ import annotations

import torch
import torch_geometric.nn

from molbench.backbones.pairs.blocks import blocks, gathered
from molbench.backbones.pairs.interaction import Interacting, interact
from molbench.backbones.pairs.layers import read_out
from molbench.backbones.pairs.readout import read_out_interacting
from molbench.backbones.pairs.set2set import Set2Set
from tests.backbones.relational_pairs import example_pairs

SIZES = ((5, 3), (1, 4), (0, 3), (7, 1), (2, 0), (12, 9)) * 9


def test_it_is_set2set_of_what_atoms_are_and_receive() -> None:
    pairs = example_pairs(SIZES)
    torch.manual_seed(0)
    a, b = (torch.randn(len(graphs.atoms), 6, dtype=torch.float64) for graphs in (pairs.a, pairs.b))
    leaves = [a.requires_grad_(), b.requires_grad_()]
    readouts = Set2Set(12, 3).double(), Set2Set(12, 3).double()
    from_b, from_a = interact(a, b, pairs)
    plain = (
        read_out(readouts[0], torch.cat([a, from_b], dim=-1), pairs.a),
        read_out(readouts[1], torch.cat([b, from_a], dim=-1), pairs.b),
    )
    made, place = blocks(pairs)
    assert len(made) > 1
    padded = gathered(a, [block.a for block in made]), gathered(b, [block.b for block in made])
    interacting = [Interacting(*parts) for parts in zip(made, *padded, strict=True)]
    ours = [vectors[place] for vectors in read_out_interacting(interacting, *readouts)]
    parameters = [*leaves, *readouts[0].parameters(), *readouts[1].parameters()]
    pulls = [torch.randn_like(vectors) for vectors in plain]
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs)
    gradients = [
        torch.autograd.grad(sum((v * pull).sum() for v, pull in zip(vectors, pulls, strict=True)), parameters)
        for vectors in (ours, plain)
    ]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_it_is_set2set_of_pytorch_geometric() -> None:
    graphs = example_pairs(SIZES).a
    torch.manual_seed(0)
    atoms = torch.randn(len(graphs.atoms), 6, dtype=torch.float64, requires_grad=True)
    ours, theirs = Set2Set(6, 3).double(), torch_geometric.nn.Set2Set(6, 3).double()
    ours.load_state_dict(theirs.state_dict())
    results = read_out(ours, atoms, graphs), theirs(atoms, graphs.molecule, dim_size=graphs.num_graphs)
    pull = torch.randn_like(results[0])
    torch.testing.assert_close(*results)
    for mine, library in zip(
        torch.autograd.grad((results[0] * pull).sum(), [atoms, *ours.parameters()]),
        torch.autograd.grad((results[1] * pull).sum(), [atoms, *theirs.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(mine, library)


def test_every_pair_is_in_one_block() -> None:
    pairs = example_pairs(SIZES)
    made, place = blocks(pairs)
    assert sum(len(block.a) for block in made) == len(SIZES)
    atoms = torch.cat([block.a[block.is_a] for block in made])
    assert torch.equal(atoms.sort().values, torch.arange(len(pairs.a.atoms)))
    sizes = torch.cat([torch.stack([block.is_a.sum(1), block.is_b.sum(1)], dim=-1) for block in made])
    assert sizes[place].tolist() == [list(pair) for pair in SIZES]
