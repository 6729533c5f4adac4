"""GeoSSL's two-view objectives, its crop, and its baselines, by hand and by their laws."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from molbench.backbones import build_backbone
from molbench.errors import UserError
from molbench.graph.bonds import distance_bonds
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import build_method
from molbench.methods.angle_prediction import AnglePrediction, AnglePredictionConfig, hashed, triple_angles
from molbench.methods.geossl_ddm import GeoSSLDDM, GeoSSLDDMConfig
from molbench.methods.geossl_rr import GeoSSLRR, GeoSSLRRConfig
from molbench.methods.parts.contrast import against_next, info_nce
from molbench.methods.parts.crop import draw_pieces, keep_atoms, kept_sizes
from molbench.methods.parts.views import ViewDraws, encode_views
from molbench.methods.supervised import Supervised
from molbench.methods.type_prediction import TypePrediction, TypePredictionConfig
from molbench.testing import example_batch, random_rotation, with_random_labels

TWO_VIEWS = ("geossl-rr", "geossl-infonce", "geossl-ebm-nce")
BASELINES = ("supervised", "type-prediction", "distance-prediction", "angle-prediction", "infograph-3d")
SMALL = {"interactions": 2, "width": 16}


def method_with(name: str, backbone: str = "schnet", **config: object):
    torch.manual_seed(0)
    return build_method(name, build_backbone(backbone, SMALL), config).double()


@pytest.mark.parametrize("name", TWO_VIEWS)
@pytest.mark.parametrize("reflect", [False, True])
def test_two_view_losses_do_not_change_when_both_views_move(name: str, reflect: bool) -> None:
    method, batch = method_with(name, "painn"), example_batch()
    draws, turn = method.draw(batch, torch.Generator().manual_seed(0)), random_rotation(reflect=reflect)
    moved, turned = (
        batch.replace(positions=batch.positions @ turn.t() + 2.0),
        ViewDraws(draws.noise @ turn.t()),
    )
    torch.testing.assert_close(method.loss_given(moved, turned)[0], method.loss_given(batch, draws)[0])


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_do_not_change_when_molecules_move(name: str) -> None:
    method = method_with(name, "painn")
    batch = with_random_labels(example_batch(), method.columns)
    moved = batch.replace(positions=batch.positions @ random_rotation(reflect=True) - 1.0)
    first, second = (method.loss(b, torch.Generator().manual_seed(0))[0] for b in (batch, moved))
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("name", ["geossl-rr", "geossl-infonce"])
def test_the_order_of_molecules_does_not_matter(name: str) -> None:
    method, batch = method_with(name), example_batch((4, 6, 3, 5))
    draws = method.draw(batch, torch.Generator().manual_seed(0))
    order = torch.tensor([2, 0, 3, 1])
    spans = list(pairwise(batch.ptr.tolist()))
    atoms = torch.cat([torch.arange(*spans[i]) for i in order])
    ptr = torch.cat([torch.zeros(1, dtype=torch.int64), batch.sizes[order].cumsum(0)])
    shuffled = MoleculeBatch(batch.atomic_numbers[atoms], batch.positions[atoms], ptr)
    other = ViewDraws(draws.noise[atoms])
    torch.testing.assert_close(method.loss_given(shuffled, other)[0], method.loss_given(batch, draws)[0])


def test_bonds_of_both_views_are_those_of_the_clean_one() -> None:
    torch.manual_seed(0)
    encoder = build_backbone("egnn", {"layers": 2, "width": 16}).double()
    clean = example_batch()
    noisy = clean.replace(positions=clean.positions * 1.4)
    first, second = encode_views(encoder, clean, noisy, vectors=True)
    bonds = distance_bonds(clean)
    assert len(bonds) > len(distance_bonds(noisy))
    for view, of in ((first, clean), (second, noisy)):
        alone = encoder(of.replace(bonds=bonds), vectors=True)
        torch.testing.assert_close(view.scalars, alone.scalars)
        torch.testing.assert_close(view.graph, alone.graph)
        torch.testing.assert_close(view.vectors, alone.vectors)


def test_contrast_by_hand() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    second = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    loss, actual = info_nce(first, second, 0.5)
    # Scores [[2, 2], [0, 4]]: ln 2, and ln(1 + e^-4).
    assert loss.item() == pytest.approx((np.log(2) + np.log1p(np.exp(-4))) / 2)
    assert actual.item() == 1
    loss, right = against_next(torch.tensor([0.0, 3.0]), torch.tensor([-1.0, 2.0]))
    softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
    assert loss.item() == pytest.approx((np.log(2) + softplus(-3) + softplus(-1) + softplus(2)) / 2)
    assert right.item() == 0.5


def test_ebm_nce_by_hand() -> None:
    method = method_with("geossl-ebm-nce")
    vectors = torch.tensor([[1.0], [2.0], [-1.0]])
    # Own: 1, 4, 1. Next: 1·2, 2·-1, -1·1.
    loss, _ = method.compare(vectors, vectors)
    own, other = torch.tensor([1.0, 4.0, 1.0]), torch.tensor([2.0, -2.0, -1.0])
    expected = (torch.log1p((-own).exp()).mean() + torch.log1p(other.exp()).mean()) / 2
    torch.testing.assert_close(loss, expected)


def test_reconstruction_does_not_pull_its_target() -> None:
    method = method_with("geossl-rr")
    first = torch.randn(4, 16, dtype=torch.float64, requires_grad=True)
    second = torch.randn(4, 16, dtype=torch.float64, requires_grad=True)
    nn_identity = torch.nn.Identity()
    method.decoders = torch.nn.ModuleList([nn_identity, nn_identity])
    loss, _ = method.compare(first, second)
    torch.testing.assert_close(loss, (first - second).square().mean())
    loss.backward()
    assert first.grad is not None
    torch.testing.assert_close(first.grad, (first - second).detach() / first.numel())


def test_a_single_molecule_can_be_reconstructed() -> None:
    method, batch = method_with("geossl-rr"), example_batch((7,))
    loss, _ = method.loss(batch, torch.Generator().manual_seed(0))
    assert loss.isfinite()


def test_the_released_decoders_learn_at_one() -> None:
    config = GeoSSLRRConfig(decoder_lr_factor=2000.0)
    method = GeoSSLRR(build_backbone("schnet", SMALL), config)
    (prefix, factor), *_ = method.lr_factors.items()
    assert 5e-4 * factor == 1.0
    assert any(name.startswith(prefix) for name, _ in method.named_parameters())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([0.15, 0.3, 0.7]), st.booleans())
def test_crops_are_connected_pieces_of_the_right_size(seed: int, ratio: float, known: bool) -> None:
    batch = example_batch((9, 1, 5, 14), seed=seed)
    bonds = distance_bonds(batch)
    batch = batch.replace(bonds=bonds if known else None, forces=batch.positions * 2)
    cropped = keep_atoms(batch, draw_pieces(batch, ratio, torch.Generator().manual_seed(seed)))
    assert torch.equal(cropped.sizes, kept_sizes(batch, ratio))
    assert cropped.sizes.tolist() == [min(int(n * (1 - ratio)) + 1, n) for n in (9, 1, 5, 14)]
    torch.testing.assert_close(cropped.forces, cropped.positions * 2)

    def pieces(of: MoleculeBatch) -> np.ndarray:
        actual = distance_bonds(of).numpy() if of.bonds is None else of.bonds.numpy()
        graph = coo_array((np.ones(len(actual)), tuple(actual.T)), shape=(of.num_atoms, of.num_atoms))
        return connected_components(graph, directed=False)[1]

    before, after = pieces(batch), pieces(cropped)
    for (start, stop), (first, last) in zip(
        pairwise(batch.ptr.tolist()), pairwise(cropped.ptr.tolist()), strict=True
    ):
        # A new seed is only planted where a piece has nowhere left to grow.
        assert len(set(after[first:last])) <= len(set(before[start:stop]))


def test_crops_start_anywhere() -> None:
    batch = MoleculeBatch(
        torch.ones(4, dtype=torch.int64), torch.arange(12.0).view(4, 3), torch.tensor([0, 4])
    )
    batch = batch.replace(bonds=torch.tensor([[0, 1], [1, 2], [2, 3]]))
    generator = torch.Generator().manual_seed(0)
    pieces = [keep_atoms(batch, draw_pieces(batch, 0.7, generator)) for _ in range(300)]
    kept = [tuple(piece.positions[:, 0].tolist()) for piece in pieces]
    # ⌊4 · 0.3⌋ + 1 = 2 atoms: the chain's ends can only grow inwards.
    shares = [kept.count((3.0 * i, 3.0 * i + 3)) / 300 for i in range(3)]
    assert shares == pytest.approx([3 / 8, 1 / 4, 3 / 8], abs=0.1)


def test_a_crop_of_nothing_draws_nothing() -> None:
    batch, generator = example_batch(), torch.Generator().manual_seed(0)
    state = generator.get_state()
    assert draw_pieces(batch, 0.0, generator) is None
    assert keep_atoms(batch, None) is batch
    assert torch.equal(generator.get_state(), state)


def test_a_crop_of_a_crop_is_a_crop_of_what_is_left() -> None:
    batch = example_batch((9, 1, 5, 14))
    one, other = (torch.Generator().manual_seed(3) for _ in range(2))
    kept = draw_pieces(batch, 0.3, one, twice=True)
    left = keep_atoms(batch, draw_pieces(batch, 0.3, other))
    again = keep_atoms(left, draw_pieces(left, 0.3, other))
    assert torch.equal(keep_atoms(batch, kept).positions, again.positions)
    assert torch.equal(again.sizes, kept_sizes(left, 0.3))


def test_ddm_of_cropped_molecules() -> None:
    method = GeoSSLDDM(build_backbone("schnet", SMALL), GeoSSLDDMConfig(crop=0.3, crop_twice=True))
    loss, _ = method.loss(example_batch(dtype=torch.float32), torch.Generator().manual_seed(0))
    assert loss.isfinite()


def test_angles_by_hand() -> None:
    positions = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 3, 0], [-1, 0, 0]], dtype=torch.float64)
    actual = triple_angles(positions, torch.tensor([[0, 0, 1], [1, 1, 0], [2, 3, 2]]))
    expected = torch.tensor([np.pi / 2, np.pi, np.arctan2(3, 2)])
    # The guard in the norm costs some digits, most at 180°, where the arccosine is steep.
    torch.testing.assert_close(actual, expected, atol=7e-3, rtol=0)


def test_triples_are_of_three_different_atoms_and_fixed_where_asked() -> None:
    backbone = build_backbone("schnet", SMALL)
    fixed = AnglePrediction(backbone, AnglePredictionConfig(ratio=0.1, fixed_triples=True))
    batch = example_batch((9, 2, 12)).replace(rows=torch.tensor([7, 8, 9]))
    first, second = (fixed.draw(batch, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(first, second)
    assert first.shape[1] == int(0.1 * 9 * 8 * 7) + int(0.1 * 12 * 11 * 10)
    a, b, c = first
    assert not ((a == b) | (b == c) | (a == c)).any()
    assert (batch.molecule[a] == batch.molecule[b]).all()
    assert (batch.molecule[a] == batch.molecule[c]).all()
    fresh = AnglePrediction(backbone, AnglePredictionConfig(ratio=1e-4))
    assert fresh.draw(batch, torch.Generator().manual_seed(0)).shape == (3, 2)


def test_every_triple_is_as_likely() -> None:
    method = AnglePrediction(build_backbone("schnet", SMALL), AnglePredictionConfig(ratio=1.0))
    batch = example_batch((4,) * 500)
    triples = method.draw(batch, torch.Generator().manual_seed(0)) - batch.ptr[:-1].repeat_interleave(24)
    counts = torch.unique(triples, dim=1, return_counts=True)[1]
    assert len(counts) == 24
    assert counts.min() > 400


def test_hashes_are_spread_evenly() -> None:
    rows = torch.arange(10_000)
    for values in (hashed(rows, torch.zeros_like(rows)), hashed(torch.zeros_like(rows), rows)):
        assert ((values >= 0) & (values < 1)).all()
        counts = torch.histc(values.float(), 10, 0, 1)
        assert counts.min() > 850
        assert counts.max() < 1150


def test_hidden_atoms_are_hidden() -> None:
    method = method_with("type-prediction", ratio=1.0)
    batch, generator = example_batch((5, 9)), torch.Generator().manual_seed(0)
    drawn = method.draw(batch, generator)
    assert sorted(drawn.tolist()) == list(range(14))
    other = batch.replace(atomic_numbers=batch.atomic_numbers.flip(0))
    seen = [
        method.head(method.backbone(b.replace(atomic_numbers=b.atomic_numbers * 0)).scalars)
        for b in (batch, other)
    ]
    torch.testing.assert_close(*seen)
    loss, _ = method.loss_given(batch, drawn)
    expected = torch.nn.functional.cross_entropy(seen[0][drawn], batch.atomic_numbers[drawn])
    torch.testing.assert_close(loss, expected)


def test_the_released_vocabulary_has_nine_classes() -> None:
    method = TypePrediction(build_backbone("schnet", SMALL), TypePredictionConfig(vocabulary="geossl"))
    assert method.head[-1].out_features == 9


@dataclass
class Labels:
    """As much of a store as standardising needs."""

    values: np.ndarray
    dataset_id: str = "made-up"

    def target(self, name: str) -> np.ndarray:
        assert name == "scf_energy"
        return self.values


def test_labels_are_standardised_and_missing_ones_ignored() -> None:
    method, batch = method_with("supervised"), example_batch((5, 9, 4))
    assert method.columns == ("scf_energy",)
    method.prepare(Labels(np.array([1.0, 5.0, np.nan, 3.0, 100.0])), np.array([0, 1, 2, 3]))  # type: ignore[arg-type]
    assert method.mean.item() == pytest.approx(3)
    assert method.std.item() == pytest.approx(2)
    batch = batch.replace(targets={"scf_energy": torch.tensor([5.0, float("nan"), 3.0], dtype=torch.float64)})
    values = method.head(method.backbone(batch).graph).squeeze(-1)
    loss, logs = method.loss(batch, torch.Generator())
    expected = ((values[0] - 1).abs() + values[2].abs()) / 2
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(logs["mae"], 2 * expected.detach())
    loss.backward()
    assert all(p.grad.isfinite().all() for p in method.parameters() if p.grad is not None)


def test_labels_that_teach_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="made-up: column 'scf_energy' has no two different values"):
        Supervised(build_backbone("schnet", SMALL)).prepare(Labels(np.ones(5)), np.arange(5))  # type: ignore[arg-type]
