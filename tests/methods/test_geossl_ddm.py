"""The objective of GeoSSL-DDM, by its own algebra."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones import build_backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.edges import EdgeList
from molbench.methods.geossl_ddm import GeoSSLDDM, GeoSSLDDMConfig, GeoSSLDDMDraws
from molbench.testing import example_batch, random_rotation


def method_with(config: GeoSSLDDMConfig, backbone: str = "schnet") -> GeoSSLDDM:
    torch.manual_seed(0)
    small = {"interactions": 2, "width": 16}
    return GeoSSLDDM(build_backbone(backbone, small).double(), config).double()


def draws_for(method: GeoSSLDDM, batch: MoleculeBatch, seed: int = 0) -> GeoSSLDDMDraws:
    return method.draw(batch, torch.Generator().manual_seed(seed))


class Oracle(nn.Module):
    """Knows the clean distances, so it can tell the noise from the noisy ones."""

    def __init__(self, positions: Tensor, sigma: Tensor) -> None:
        super().__init__()
        self.positions, self.sigma = positions, sigma

    def forward(self, atoms: Tensor, pairs: EdgeList, distances: Tensor) -> Tensor:
        return -(distances - pairs.distances(self.positions)) / self.sigma


@pytest.mark.parametrize("beta", [0.05, 2.0, 5.0])
@pytest.mark.parametrize("level", [0, 7, 49])
def test_an_oracle_has_no_loss_at_any_noise(level: int, beta: float) -> None:
    method, batch = method_with(GeoSSLDDMConfig(beta=beta)), example_batch()
    draws = draws_for(method, batch)
    levels = torch.full((batch.num_graphs,), level)
    draws = replace(draws, levels=(levels, levels))
    sigma = method.sigmas[level]
    noisy = batch.positions + draws.position_noise
    method.heads = nn.ModuleList([Oracle(noisy, sigma), Oracle(batch.positions, sigma)])
    loss, _ = method.loss_given(batch, draws)
    assert loss.item() == pytest.approx(0, abs=1e-9)


def test_a_silent_head_loses_half_a_unit_a_pair() -> None:
    method, batch = method_with(GeoSSLDDMConfig(beta=2.0)), example_batch((5, 9, 2))
    for head in method.heads:
        nn.init.zeros_(head.score[-1].weight)
    draws = [draws_for(method, batch, seed) for seed in range(100)]
    losses = torch.stack([method.loss_given(batch, one)[0].detach() for one in draws])
    expected = 0.5 * (10 + 36 + 1) / 3
    # The variance of ½ε² is ½, and two directions are averaged.
    error = (0.5 * 47 / 2) ** 0.5 / 3 / len(draws) ** 0.5
    assert abs(losses.mean().item() - expected) < 4 * error


def test_loss_by_hand() -> None:
    method = method_with(GeoSSLDDMConfig(beta=1.0))
    raw, noise, sigma = torch.tensor([0.5]), torch.tensor([1.5]), torch.tensor([0.25])
    # ½ (raw/σ + ε/σ)² σ = ½ · 64 · 0.25
    assert method.matching(raw, noise, sigma).item() == pytest.approx(8.0)


def test_levels_are_a_geometric_sequence() -> None:
    sigmas = GeoSSLDDM(build_backbone("schnet", {"interactions": 1}), GeoSSLDDMConfig(levels=4)).sigmas
    torch.testing.assert_close(sigmas, torch.tensor([10, 1, 0.1, 0.01]))


@pytest.mark.parametrize("backbone", ["schnet", "painn"])
@pytest.mark.parametrize("reflect", [False, True])
def test_loss_does_not_change_when_both_views_move(backbone: str, reflect: bool) -> None:
    method, batch = method_with(GeoSSLDDMConfig(), backbone), example_batch()
    draws = draws_for(method, batch)
    turn = random_rotation(reflect=reflect)
    moved = batch.replace(positions=batch.positions @ turn.t() + 2.0)
    turned = replace(draws, position_noise=draws.position_noise @ turn.t())
    torch.testing.assert_close(method.loss_given(moved, turned)[0], method.loss_given(batch, draws)[0])


def test_both_views_in_one_pass_equal_one_pass_each() -> None:
    method, batch = method_with(GeoSSLDDMConfig()), example_batch()
    noisy = batch.replace(positions=batch.positions + draws_for(method, batch).position_noise)
    for together, alone in zip(method._encode(batch, noisy), (batch, noisy), strict=True):
        torch.testing.assert_close(together, method.backbone(alone).scalars)


def test_reused_edges_are_those_of_the_clean_view() -> None:
    fresh = method_with(GeoSSLDDMConfig(view_noise=0.5))
    reusing = method_with(GeoSSLDDMConfig(view_noise=0.5, reuse_edges=True))
    for method in (fresh, reusing):
        method.backbone.config = replace(method.backbone.config, cutoff=2.0)
    batch = example_batch((9, 9))
    noisy = batch.replace(positions=batch.positions + draws_for(fresh, batch).position_noise)
    edges = fresh.backbone.neighbors(batch)
    clean, reused = reusing._encode(batch, noisy)
    torch.testing.assert_close(clean, fresh._encode(batch, noisy)[0])
    torch.testing.assert_close(reused, fresh.backbone(noisy, edges).scalars)
    assert not torch.allclose(reused, fresh._encode(batch, noisy)[1])


def test_draws_have_the_right_sizes_and_scales() -> None:
    method, batch = method_with(GeoSSLDDMConfig(levels=3)), example_batch((20,) * 30)
    draws = draws_for(method, batch)
    pairs = all_pairs(batch.ptr).num_edges
    assert draws.position_noise.std().item() == pytest.approx(0.3, rel=0.1)
    for levels, noise in zip(draws.levels, draws.distance_noise, strict=True):
        assert set(levels.tolist()) == {0, 1, 2}
        assert len(levels) == batch.num_graphs
        assert len(noise) == pairs
        assert noise.std().item() == pytest.approx(1, rel=0.1)
    assert not torch.equal(*draws.distance_noise)
