"""3D-EMGP's baselines, by hand and by their laws."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from molbench.backbones.base import Representation
from molbench.graph.bonds import distance_bonds
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import build_method
from molbench.methods.base import Method
from molbench.methods.gcc import walk
from molbench.methods.gem import bond_angles
from molbench.methods.gpt_gnn import breadth_first
from molbench.methods.graphmvp import Reconstruction
from molbench.methods.infomax_3d import nt_xent_of_scores
from molbench.methods.joao import PAIRS, onto_simplex
from molbench.methods.parts.augment import BONDS, DROP, KINDS, MASK, NONE, PIECE, augment, draw_augmentation
from molbench.methods.parts.crop import keep_atoms, kept_sizes
from molbench.methods.parts.sampling import ranks, some_atoms
from molbench.testing import example_batch, random_rotation, small_backbone

BASELINES = [
    "attr-mask",
    "edge-pred",
    "gpt-gnn",
    "infograph",
    "gcc",
    "graphcl",
    "joao",
    "joaov2",
    "pos-pred",
    "graphmvp",
    "infomax-3d",
    "gem",
]
every_kind = pytest.mark.parametrize("backbone", ["egnn", "schnet", "painn"])
# A ring of five with a tail of two, a chain of three, one atom alone.
GRAPH = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0], [2, 5], [5, 6], [7, 8], [8, 9]])


def method_with(name: str, backbone: str = "schnet", **config: object) -> Method:
    torch.manual_seed(0)
    return build_method(name, small_backbone(backbone, width=16), config).double()


def graph_batch() -> MoleculeBatch:
    return example_batch((7, 3, 1)).replace(bonds=GRAPH)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_kind
@pytest.mark.parametrize("name", [name for name in BASELINES if name != "pos-pred"])
def test_losses_do_not_change_when_molecules_move(name: str, backbone: str) -> None:
    method, batch = method_with(name, backbone), example_batch()
    moved = batch.replace(positions=batch.positions @ random_rotation(reflect=True) + 3)
    first, second = (method.loss(b, generator())[0] for b in (batch, moved))
    torch.testing.assert_close(first, second)


@every_kind
def test_places_are_found_wherever_the_molecule_is(backbone: str) -> None:
    # The noise has to turn along.
    method, batch = method_with("pos-pred", backbone), example_batch()
    draws, turn = method.draw(batch, generator()), random_rotation(reflect=True)
    moved = batch.replace(positions=batch.positions @ turn + 3)
    turned = replace(draws, noise=draws.noise @ turn)
    torch.testing.assert_close(method.loss_given(moved, turned)[0], method.loss_given(batch, draws)[0])


@pytest.mark.parametrize("name", ["gem", "infomax-3d"])
def test_the_order_of_molecules_does_not_matter(name: str) -> None:
    method, batch = method_with(name), example_batch((4, 6, 3, 5))
    order, spans = torch.tensor([2, 0, 3, 1]), list(pairwise(batch.ptr.tolist()))
    atoms = torch.cat([torch.arange(*spans[i]) for i in order])
    ptr = torch.cat([torch.zeros(1, dtype=torch.int64), batch.sizes[order].cumsum(0)])
    shuffled = MoleculeBatch(batch.atomic_numbers[atoms], batch.positions[atoms], ptr)
    first, second = (method.loss(b, generator())[0] for b in (batch, shuffled))
    torch.testing.assert_close(first, second)


def test_ranks_by_hand() -> None:
    groups, keys = torch.tensor([1, 0, 1, 1, 0]), torch.tensor([0.9, 0.5, 0.1, 0.4, 0.2])
    assert ranks(groups, keys).tolist() == [2, 1, 0, 1, 0]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any), st.integers(0, 99))
def test_every_molecule_gives_its_share(sizes: list[int], seed: int) -> None:
    batch = example_batch(sizes)
    chosen = some_atoms(batch, 0.3, torch.rand(batch.num_atoms, generator=generator(seed)))
    counts = torch.bincount(batch.molecule[chosen], minlength=len(sizes)).tolist()
    assert counts == [min(max(int(0.3 * n), 1), n) for n in sizes]


def test_hidden_elements_are_hidden() -> None:
    method, batch = method_with("attr-mask"), example_batch()
    hidden = method.draw(batch, generator())
    changed = torch.where(hidden, (batch.atomic_numbers + 7) % 90 + 1, batch.atomic_numbers)
    scores = []
    method.element.register_forward_hook(lambda module, inputs, output: scores.append(output))
    for numbers in (batch.atomic_numbers, changed):
        method.loss_given(batch.replace(atomic_numbers=numbers), hidden)
    torch.testing.assert_close(*scores)


def test_pairs_asked_for_are_half_the_bonds_and_as_many_others() -> None:
    method, batch = method_with("edge-pred"), graph_batch()
    draws = method.draw(batch, generator())
    bonds = {tuple(sorted(bond)) for bond in GRAPH.tolist()}
    assert batch.molecule[draws.bonded[:, 0]].bincount(minlength=3).tolist() == [4, 1, 0]
    assert batch.molecule[draws.others[:, 0]].bincount(minlength=3).tolist() == [4, 1, 0]
    assert {tuple(sorted(pair)) for pair in draws.bonded.tolist()} <= bonds
    assert not {tuple(sorted(pair)) for pair in draws.others.tolist()} & bonds
    assert torch.equal(batch.molecule[draws.others[:, 0]], batch.molecule[draws.others[:, 1]])


def test_an_oracle_finds_every_place() -> None:
    method, batch = method_with("pos-pred"), example_batch()
    draws = method.draw(batch, generator())

    class Oracle(nn.Module):
        def forward(self, actual: Representation, moved: MoleculeBatch) -> Tensor:
            assert torch.equal(moved.positions[~draws.moved], batch.positions[~draws.moved])
            return batch.positions - moved.positions

    method.displacement = Oracle()
    assert method.loss_given(batch, draws)[0].item() == pytest.approx(0, abs=1e-20)


def test_moved_atoms_are_on_the_centroid_as_released() -> None:
    method, batch = method_with("pos-pred", "egnn", jitter=0.0), example_batch((4,))
    draws = method.draw(batch, generator())

    class Standstill(nn.Module):
        def forward(self, actual: Representation, moved: MoleculeBatch) -> Tensor:
            return torch.zeros_like(moved.positions)

    method.displacement = Standstill()
    away = (batch.positions - batch.positions.mean(0))[draws.moved].square().sum(1).mean()
    torch.testing.assert_close(method.loss_given(batch, draws)[0], away)


def test_each_kind_of_change() -> None:
    batch = example_batch((10,) * len(KINDS))
    batch = batch.replace(bonds=distance_bonds(batch))
    changed = augment(batch, 0.3, draw_augmentation(batch, torch.arange(len(KINDS)), generator()))
    expected = [10] * len(KINDS)
    expected[DROP], expected[PIECE] = 7, int(kept_sizes(batch, 0.3)[0])
    assert changed.sizes.tolist() == expected

    def part(of: MoleculeBatch, kind: int) -> MoleculeBatch:
        return keep_atoms(of, of.molecule == kind)

    for kind in (MASK, BONDS, NONE):
        before, after = part(batch, kind), part(changed, kind)
        assert torch.equal(before.positions, after.positions)
        hidden = after.atomic_numbers != before.atomic_numbers
        assert int(hidden.sum()) == (3 if kind == MASK else 0)
        assert not after.atomic_numbers[hidden].any()
        exchanged = (before.bonds != after.bonds).any(1)
        assert int(exchanged.sum()) <= int(0.3 * len(before.bonds))
        assert bool(exchanged.any()) == (kind == BONDS)
        assert (after.bonds[:, 0] != after.bonds[:, 1]).all()
    for kind in (DROP, PIECE):
        after = {tuple(place) for place in part(changed, kind).positions.tolist()}
        assert after < {tuple(place) for place in part(batch, kind).positions.tolist()}


def test_unchanged_molecules_are_recognised_by_any_encoder() -> None:
    method, batch = method_with("graphcl"), example_batch((4, 6, 7))
    batch = batch.replace(bonds=distance_bonds(batch))
    none = draw_augmentation(batch, torch.full((3,), NONE), generator())
    # One vector for both forms, scaled so that every product with another is smaller.
    method.project = nn.Sequential(nn.BatchNorm1d(16, affine=False), nn.Threshold(-1e9, 0.0)).double()
    assert method.loss_given(batch, (none, none))[1]["accuracy"].item() == 1


def test_walks_see_the_neighbours_of_the_most_bonded_atom() -> None:
    batch = graph_batch()
    seen = torch.stack([walk(batch, torch.rand(64, 2, 3, generator=generator(s)), 0.8) for s in range(40)])
    assert seen[:, 2].all()  # the atom with three bonds
    assert seen[:, 8].all()  # the middle of the chain
    assert seen[:, 10].all()  # an atom alone
    share = seen.double().mean(0)
    assert share[[1, 3, 5]].min() > 0.9
    assert share[[0, 4]].max() < share[[1, 3, 5]].min()
    assert walk(batch, torch.zeros(5, 2, 3), 0.8).nonzero().squeeze(1).tolist() == [2, 8, 10]
    # Always on, to the neighbour that the bonds list last: from 2 to 1, from there to 0.
    onwards = torch.ones(2, 2, 3) * 0.99
    assert walk(batch, onwards, 0.8)[:7].nonzero().squeeze(1).tolist() == [0, 1, 2]


def test_breadth_first_by_hand() -> None:
    batch = graph_batch()
    place = breadth_first(batch, torch.tensor([5, 0, 0]))
    # From 5: then 2 and 6, then 1 and 3, then 0 and 4.
    assert place.tolist() == [5, 3, 1, 4, 6, 0, 2, 0, 1, 2, 0]


def test_atoms_out_of_reach_come_last() -> None:
    batch = example_batch((4,)).replace(bonds=torch.tensor([[0, 3]]))
    assert breadth_first(batch, torch.tensor([3])).tolist() == [1, 2, 3, 0]


def test_the_next_atom_is_not_seen() -> None:
    method, batch = method_with("gpt-gnn"), graph_batch()
    draws = method.draw(batch, generator(3))
    place = breadth_first(batch, (draws.start * batch.sizes).long())
    known = 2 + (draws.known * (batch.sizes - 2).clamp(min=0)).long()
    later = place > known[batch.molecule]
    assert later.any()
    changed = batch.replace(
        atomic_numbers=torch.where(later, 17, batch.atomic_numbers),
        positions=batch.positions + later[:, None],
    )
    assert torch.equal(method.loss_given(batch, draws)[0], method.loss_given(changed, draws)[0])
    asked = place == known[batch.molecule]
    assert asked.sum() == 2  # the third molecule has one atom
    other = batch.replace(atomic_numbers=torch.where(asked, 17, batch.atomic_numbers))
    assert not torch.equal(method.loss_given(batch, draws)[0], method.loss_given(other, draws)[0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_projection_onto_the_simplex(values: list[float]) -> None:
    b = torch.tensor(values, dtype=torch.float64)
    p = onto_simplex(b)
    assert p.min() >= 0
    assert p.sum().item() == pytest.approx(1)
    # As the original finds it, by bisection.
    low, high = b.min() - 1.0, b.max()
    for _ in range(80):
        mu = (low + high) / 2
        low, high = (mu, high) if (b - mu).clamp(min=0).sum() > 1 else (low, mu)
    torch.testing.assert_close(p, (b - low).clamp(min=0), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["joao", "joaov2"])
def test_hard_pairs_are_drawn_more_often_after_an_epoch(name: str) -> None:
    method = method_with(name).train()
    method._learn(torch.arange(PAIRS), torch.zeros(PAIRS))
    assert torch.equal(method.probability, torch.full_like(method.probability, 1 / PAIRS))
    method.counts.zero_()
    method.prepare(None, np.arange(2 * PAIRS))
    losses = torch.linspace(0, 0.05, PAIRS, dtype=torch.float64)
    method._learn(torch.arange(PAIRS), losses)
    assert method.counts.sum() == PAIRS
    method._learn(torch.arange(PAIRS), losses)
    torch.testing.assert_close(method.probability, onto_simplex(1 / PAIRS + losses))
    assert not method.counts.any()
    # A pair that nobody drew keeps the loss it had.
    method._learn(torch.zeros(2 * PAIRS, dtype=torch.int64), torch.ones(2 * PAIRS))
    torch.testing.assert_close(method.losses[1:], losses[1:])
    batch = example_batch((3,) * 4000).replace(bonds=torch.zeros(0, 2, dtype=torch.int64))
    method.probability.copy_(torch.eye(PAIRS)[7] / 2 + torch.eye(PAIRS)[24] / 2)
    first, second = method.draw(batch, generator())
    drawn = (first.kinds * len(KINDS) + second.kinds).bincount(minlength=PAIRS)
    assert drawn.nonzero().squeeze(1).tolist() == [7, 24]
    assert abs(drawn[7] - 2000) < 150


def test_probabilities_survive_a_restart() -> None:
    method, other = method_with("joao"), method_with("joao")
    method.probability.copy_(torch.eye(PAIRS)[3])
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.probability, method.probability)


def test_each_change_has_its_own_projection() -> None:
    method = method_with("joaov2")
    vectors, kinds = torch.randn(6, 16).double(), torch.tensor([0, 4, 2, 2, 1, 3])
    expected = torch.stack([method.project[k](v) for k, v in zip(kinds, vectors, strict=True)])
    torch.testing.assert_close(method.projected(vectors, kinds), expected)


def test_nt_xent_by_hand() -> None:
    scores = torch.tensor([[3.0, 1.0, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, 5.0]])
    expected = (np.log(np.e + 1) - 3 + np.log(2) + 2 - 2 + np.log(2) - 5) / 3
    assert nt_xent_of_scores(scores).item() == pytest.approx(expected)
    assert nt_xent_of_scores(torch.tensor([[4.0]])).item() == 0


def test_reconstruction_by_hand() -> None:
    torch.manual_seed(0)
    block = Reconstruction(3, beta=2.0).double()
    for layer in (block.mean, block.log_variance):
        nn.init.zeros_(layer.weight)
    block.mean.bias.data.copy_(torch.tensor([1.0, 0, 0]))
    block.log_variance.bias.data.copy_(torch.tensor([0.0, np.log(4), 0]))
    block.decoder = nn.Identity()
    noise = torch.tensor([[0.0, 1.0, 2.0]]).double()
    # Decoded: (1, 2, 2). Divergence: ½ · 1, and ½ (4 - 1 - ln 4).
    loss = block(torch.randn(1, 3).double(), torch.tensor([[1.0, 2.0, 5.0]]).double(), noise)
    assert loss.item() == pytest.approx(9 / 3 + 2 * (0.5 + 0.5 * (3 - np.log(4))))


def test_the_release_exchanges_a_contrast_for_a_reconstruction() -> None:
    batch = example_batch()
    intended, faithful = (
        method_with("graphmvp", contrast_with_reconstruction=released) for released in (False, True)
    )
    noise = intended.draw(batch, generator())
    (_, right), (total, wrong) = (m.loss_given(batch, noise) for m in (intended, faithful))
    torch.testing.assert_close(right["reconstruction"], wrong["reconstruction"])
    assert not torch.isclose(right["contrast"], wrong["contrast"])
    torch.testing.assert_close(total.detach(), wrong["contrast"] + wrong["reconstruction"])


def test_contrast_of_equal_vectors_by_hand() -> None:
    method = method_with("graphmvp")
    vectors = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    # Cosines 1 with oneself and 0 with the other.
    expected = (np.log1p(np.exp(-10)) + np.log(2)) / 2
    assert method.contrast(vectors, vectors).item() == pytest.approx(expected, rel=1e-5)


def test_angles_between_bonds_by_hand() -> None:
    actual = {(c, *sorted((a, b))) for c, a, b in bond_angles(GRAPH, 11).t().tolist()}
    expected = {
        (0, 1, 4),
        (1, 0, 2),
        (2, 1, 3),
        (2, 1, 5),
        (2, 3, 5),
        (3, 2, 4),
        (4, 0, 3),
        (5, 2, 6),
        (8, 7, 9),
    }
    assert actual == expected
    assert bond_angles(GRAPH, 11).shape == (3, len(expected))


def test_an_oracle_of_internal_coordinates_has_no_loss() -> None:
    """Positions as features, and heads that compute from them what is asked."""
    method, batch = method_with("gem"), graph_batch()
    from molbench.methods.angle_prediction import triple_angles

    class Lengths(nn.Module):
        def forward(self, atoms: Tensor, pairs: object) -> Tensor:
            return pairs.distances(batch.positions).unsqueeze(1)

    class Classes(nn.Module):
        def forward(self, atoms: Tensor, pairs: object) -> Tensor:
            number = (pairs.distances(batch.positions) * 1.5).long().clamp(max=29)
            return 1e4 * nn.functional.one_hot(number, 30).double()

    class Angles(nn.Module):
        def forward(self, seen: Tensor) -> Tensor:
            return (triple_angles(batch.positions, bond_angles(GRAPH, 11)) / np.pi).unsqueeze(1)

    method.length, method.distance, method.angle = Lengths(), Classes(), Angles()
    assert method.loss(batch, generator())[0].item() == pytest.approx(0, abs=1e-12)


def test_the_release_reads_angles_at_the_second_atom() -> None:
    seen = []
    for released in (False, True):
        method, batch = method_with("gem", centre_is_second_atom=released), graph_batch()
        method.angle.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
        method.loss(batch, generator())
        atoms = method.backbone(batch).scalars
        center = bond_angles(GRAPH, 11)[0]
        expected = atoms[torch.where(center < 7, 1, 8) if released else center]
        torch.testing.assert_close(seen[-1][:, :16], expected)
