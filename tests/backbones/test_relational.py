"""Laws that every encoder of pairs obeys."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu

from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.backbones.pairs.attentivefp import AttentiveFP
from molbench.backbones.pairs.base import PairBackbone
from molbench.backbones.pairs.cgib import CGIB
from molbench.backbones.pairs.contrast import nt_xent
from molbench.backbones.pairs.edge_network import BondConv
from molbench.backbones.pairs.interaction import interact, interaction_maps
from molbench.errors import UserError
from molbench.graph.atom_environments import atom_environments
from molbench.graph.pairs import MolecularGraphs, PairBatch
from molbench.releases.mrl3d import MRL3DRelease
from molbench.testing import small_backbone
from tests.backbones.relational_pairs import NAMES, example_pairs

every_encoder = pytest.mark.parametrize("name", NAMES)


def seeded(name: str, **config: object) -> PairBackbone:
    torch.manual_seed(0)
    backbone = small_backbone(name, **config).double().eval()
    assert isinstance(backbone, PairBackbone)
    return backbone


def reordered(graphs: MolecularGraphs, order: Tensor, *, bonds: bool = False) -> MolecularGraphs:
    """The atoms in another order, ``order[new] = old``; bonds as well, and turned round, if wanted."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    moved, features = place[graphs.bonds], graphs.bond_features
    if bonds:
        moved, features = moved.flip(0, 1), features.flip(0)
    return MolecularGraphs(graphs.atoms[order], moved, features, graphs.ptr)


def within_molecules(graphs: MolecularGraphs) -> Tensor:
    parts = [
        int(first) + torch.randperm(int(size)) for first, size in zip(graphs.ptr, graphs.sizes, strict=False)
    ]
    return torch.cat(parts)


def pair(pairs: PairBatch, number: int) -> PairBatch:
    """One pair alone."""

    def graph(graphs: MolecularGraphs) -> MolecularGraphs:
        start, stop = graphs.ptr[number], graphs.ptr[number + 1]
        own = graphs.molecule[graphs.bonds[:, 0]] == number
        ptr = torch.tensor([0, int(stop - start)])
        return MolecularGraphs(
            graphs.atoms[start:stop], graphs.bonds[own] - start, graphs.bond_features[own], ptr
        )

    return PairBatch(graph(pairs.a), graph(pairs.b))


@every_encoder
def test_shapes_and_names(name: str) -> None:
    backbone = seeded(name)
    pairs = example_pairs(kind=backbone.features)
    encoded = backbone(pairs)
    assert backbone.name == name
    assert encoded.graph.shape == (4, backbone.width)
    assert encoded.scalars.shape == (len(pairs.a.atoms), backbone.atom_width)
    assert encoded.b_atoms.shape == (len(pairs.b.atoms), backbone.atom_width)
    assert backbone.paper_head().double()(encoded.graph).shape == (4, 1)
    assert encoded.graph.abs().sum(1).min() > 0


@every_encoder
def test_the_order_of_atoms_and_bonds_does_not_matter(name: str) -> None:
    backbone = seeded(name)
    pairs = example_pairs(kind=backbone.features)
    order_a, order_b = within_molecules(pairs.a), within_molecules(pairs.b)
    moved = PairBatch(reordered(pairs.a, order_a, bonds=True), reordered(pairs.b, order_b, bonds=True))
    before, after = backbone.encode(pairs), backbone.encode(moved)
    torch.testing.assert_close(after.graph, before.graph)
    torch.testing.assert_close(after.scalars, before.scalars[order_a])
    torch.testing.assert_close(after.b_atoms, before.b_atoms[order_b])


@every_encoder
def test_pairs_of_a_batch_do_not_see_each_other(name: str) -> None:
    backbone = seeded(name)
    pairs = example_pairs(kind=backbone.features)
    together = backbone.encode(pairs).graph
    alone = torch.cat([backbone.encode(pair(pairs, number)).graph for number in range(4)])
    torch.testing.assert_close(together, alone)


@every_encoder
def test_every_molecule_and_bond_counts(name: str) -> None:
    backbone = seeded(name)
    pairs = example_pairs(((4, 4),), backbone.features)
    before = backbone.encode(pairs).graph
    for side in ("a", "b"):
        graphs = getattr(pairs, side)
        for field in ("atoms", "bond_features"):
            changed = MolecularGraphs(graphs.atoms, graphs.bonds, graphs.bond_features, graphs.ptr)
            setattr(changed, field, 1 - getattr(graphs, field))
            assert not torch.allclose(backbone.encode(pairs.replace(**{side: changed})).graph, before)


@every_encoder
def test_molecules_without_atoms_are_legal(name: str) -> None:
    backbone = seeded(name)
    pairs = example_pairs(((3, 0), (0, 2), (2, 2)), backbone.features)
    graph = backbone.encode(pairs).graph
    assert graph.isfinite().all()
    torch.testing.assert_close(graph[2:], backbone.encode(pair(pairs, 2)).graph)


@every_encoder
def test_wrong_settings_are_refused_by_name(name: str) -> None:
    with pytest.raises(UserError, match=r"no setting 'depth'; settings: .*hydrogens"):
        build_backbone(name, {"depth": 3})
    assert not seeded(name, hydrogens=False).hydrogens


def test_drug_pairs_have_no_order() -> None:
    pairs = example_pairs(kind="drug")
    swapped = PairBatch(pairs.b, pairs.a)
    symmetric, released = seeded("gin-cigin"), seeded("gin-cigin", unordered=False)
    torch.testing.assert_close(symmetric.encode(swapped).graph, symmetric.encode(pairs).graph)
    # The release puts the vectors of both, made by shared weights, one behind the other.
    first, second = released.encode(pairs).graph.chunk(2, dim=-1)
    torch.testing.assert_close(released.encode(swapped).graph, torch.cat([second, first], dim=-1))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("name", [name for name in MRL3DRelease.names if name != "gin-cigin"])
def test_solute_and_solvent_are_not_the_same(name: str) -> None:
    backbone, pairs = seeded(name), example_pairs()
    assert not torch.allclose(
        backbone.encode(PairBatch(pairs.b, pairs.a)).graph, backbone.encode(pairs).graph
    )


def test_the_interaction_is_that_of_the_dense_map() -> None:
    pairs = example_pairs(((5, 3), (0, 2), (2, 0), (1, 6)))
    a, b = (torch.randn(len(graphs.atoms), 4, dtype=torch.float64) for graphs in (pairs.a, pairs.b))
    dense = (a @ b.t()) * (pairs.a.molecule[:, None] == pairs.b.molecule[None])
    from_b, from_a = interact(a, b, pairs)
    torch.testing.assert_close(from_b, dense @ b)
    torch.testing.assert_close(from_a, dense.t() @ a)
    torch.testing.assert_close(torch.block_diag(*interaction_maps(a, b, pairs)), dense)


def test_one_matrix_a_kind_of_bond_is_what_pyg_computes() -> None:
    graphs = example_pairs().a
    torch.manual_seed(0)
    conv = BondConv(56, 10).double()
    # Random trees with random bits: no two atoms have the same environment.
    near = atom_environments(graphs, 1)
    x = torch.randn_like(graphs.atoms).requires_grad_()
    (step,) = near.rounds
    assert len(near.atoms) == len(step.centre) == len(x)
    sorted_ = torch.empty_like(x).index_copy(0, step.centre[near.of_atom], x)
    ours = conv.with_matrices(sorted_, step, conv.matrices(near.bonds))[near.of_atom]
    theirs = conv(x, graphs.edge_index, torch.cat([graphs.bond_features] * 2))
    torch.testing.assert_close(ours, theirs)
    parameters = [x, *conv.parameters()]
    for left, right in zip(
        torch.autograd.grad(ours.square().sum(), parameters),
        torch.autograd.grad(theirs.square().sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(left, right)


def test_attentivefp_on_environments_is_attentivefp_on_atoms() -> None:
    backbone = seeded("attentivefp").double()
    network = cast(AttentiveFP, backbone).network_a
    graphs = example_pairs().a
    graphs = MolecularGraphs.collate([graphs, graphs])

    def on_atoms() -> Tensor:
        edges, bonds = graphs.edge_index, torch.cat([graphs.bond_features] * 2)
        x: Tensor = leaky_relu(network.lin1(graphs.atoms))
        x = network.gru(elu(network.gate_conv((x, x), edges, bonds)), x).relu()
        for conv, gru in zip(network.atom_convs, network.atom_grus, strict=True):
            x = gru(elu(conv(x, edges)), x).relu()
        return x

    results = network.atoms(graphs), on_atoms()
    torch.testing.assert_close(*results)
    used = [
        parameter
        for name, parameter in network.named_parameters()
        if name.startswith(("lin1", "gate_conv", "gru", "atom_"))
    ]
    pull = torch.randn_like(results[0])
    for ours, plain in zip(
        *(torch.autograd.grad((result * pull).sum(), used) for result in results), strict=True
    ):
        torch.testing.assert_close(ours, plain)


@every_encoder
def test_a_batch_that_repeats_molecules_weighs_them_all(name: str) -> None:
    backbone = seeded(name).train()
    pairs = example_pairs(((5, 3), (2, 4)), backbone.features)
    twice = PairBatch(
        MolecularGraphs.collate([pairs.a, pairs.a]), MolecularGraphs.collate([pairs.b, pairs.b])
    )
    parameters = [p for p in backbone.parameters() if p.requires_grad]
    once, both = (
        torch.autograd.grad(backbone.encode(batch).graph.square().sum(), parameters, allow_unused=True)
        for batch in (pairs, twice)
    )
    for single, double in zip(once, both, strict=True):
        if single is not None:
            torch.testing.assert_close(double, 2 * single)


@pytest.mark.parametrize("name", ["cgib", "cgib-cont"])
def test_the_bottleneck_is_random_by_the_generator_alone(name: str) -> None:
    backbone, pairs = seeded(name).train(), example_pairs()
    head = backbone.paper_head().double()

    def total(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)

        def predict(actual: Representation) -> Tensor:
            return head(actual.graph)

        return backbone.objective(predict, lambda y: y.square().mean(), pairs, generator)[0]

    assert torch.equal(total(1), total(1))
    assert not torch.equal(total(1), total(2))
    total(1).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.bottleneck.parameters())
    backbone.eval()
    assert torch.equal(total(1), head(backbone.encode(pairs).graph).square().mean())


def test_a_bottleneck_that_keeps_everything_says_nothing_of_noise() -> None:
    backbone, pairs = seeded("cgib"), example_pairs()
    assert isinstance(backbone, CGIB)
    a, _ = backbone.interacting_atoms(pairs)
    draws = backbone.bottleneck.draw(a, torch.Generator().manual_seed(0), uniform=False)
    last = backbone.bottleneck.score[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.fill_(50.0)
    kept = backbone.bottleneck(a, pairs.a, draws)
    torch.testing.assert_close(kept.atoms, a)
    assert kept.preserved == 1
    with torch.no_grad():
        last.bias.fill_(-50.0)
    lost = backbone.bottleneck(a, pairs.a, draws)
    assert lost.preserved == 0
    assert lost.divergence < kept.divergence


def test_contrast() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 5, 3, dtype=torch.float64)
    cosines = torch.nn.functional.cosine_similarity(first[:, None], second[None], dim=-1) / 0.2
    shares = cosines.exp()
    own = shares.diagonal()
    for exclude, rest in ((False, shares.sum(1)), (True, shares.sum(1) - own)):
        torch.testing.assert_close(
            nt_xent(first, second, 0.2, exclude_positive=exclude), -(own / rest).log().mean()
        )
    assert nt_xent(first[:1], second[:1], 0.2, exclude_positive=False) == 0
    with pytest.raises(UserError, match="two or more"):
        nt_xent(first[:1], second[:1], 0.2, exclude_positive=True)
