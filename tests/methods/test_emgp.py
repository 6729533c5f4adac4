"""3D-EMGP's losses, by their own algebra."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones.base import Representation
from molbench.backbones.heads.values import energy_and_forces
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.emgp import EMGP, EMGPConfig, EMGPDraws
from molbench.testing import assert_method, example_batch, random_rotation, small_backbone
from tests.methods.learning import losses_on


def method_with(backbone: str = "egnn", **config: object) -> EMGP:
    torch.manual_seed(0)
    return EMGP(small_backbone(backbone), EMGPConfig(**config)).double()  # type: ignore[arg-type]


def draws_for(method: EMGP, batch: MoleculeBatch, seed: int = 0) -> EMGPDraws:
    return method.draw(batch, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("backbone", ["egnn", "schnet", "painn"])
@pytest.mark.parametrize("noise", ["riemann", "gaussian", "kabsch"])
@pytest.mark.parametrize("force", ["gradient", "direct"])
def test_every_ablation_can_be_trained(force: str, noise: str, backbone: str) -> None:
    assert_method(method_with(backbone, force=force, noise=noise, steps=2))


@pytest.mark.parametrize("force", ["gradient", "direct"])
def test_either_loss_alone_is_its_part_of_both(force: str) -> None:
    batch = example_batch()
    both = method_with(force=force)
    draws = draws_for(both, batch)
    total, parts = both.loss_given(batch, draws)
    torch.testing.assert_close(total.detach(), parts["efp"] + 0.2 * parts["inp"])
    for name, weights in {"efp": {"inp_weight": 0.0}, "inp": {"efp_weight": 0.0, "inp_weight": 1.0}}.items():
        alone = method_with(force=force, **weights)
        alone.load_state_dict(both.state_dict(), strict=False)
        loss, logs = alone.loss_given(batch, draws)
        assert list(logs) == [name]
        torch.testing.assert_close(loss.detach(), parts[name])


@pytest.mark.parametrize("backbone", ["egnn", "painn"])
@pytest.mark.parametrize("force", ["gradient", "direct"])
@pytest.mark.parametrize("noise", ["riemann", "gaussian"])
@pytest.mark.parametrize("reflect", [False, True])
def test_losses_do_not_change_when_all_moves(backbone: str, force: str, noise: str, reflect: bool) -> None:
    method, batch = method_with(backbone, force=force, noise=noise), example_batch()
    draws, turn = draws_for(method, batch), random_rotation(reflect=reflect)
    # Moderate noise: at 10 Å a tolerance on the sum says little about its small terms.
    draws = replace(draws, levels=draws.levels.clamp(min=20))
    moved = batch.replace(positions=batch.positions @ turn.t() + 2)
    turned = replace(draws, noise=draws.noise @ turn.t())
    torch.testing.assert_close(method.loss_given(moved, turned)[0], method.loss_given(batch, draws)[0])


def test_forces_are_those_of_the_energy() -> None:
    method, batch = method_with(), example_batch((5, 7))
    draws = draws_for(method, batch)
    draws = replace(draws, levels=torch.full_like(draws.levels, 30))
    sigma = method.sigmas.double()[draws.levels][batch.molecule].unsqueeze(-1)
    noisy, target = method.perturbed(batch, sigma, draws.noise)

    def energy(actual: Representation, of: MoleculeBatch) -> Tensor:
        values: Tensor = method.energy(method._graph(actual, of))
        return values.squeeze(-1)

    from molbench.graph.bonds import distance_bonds

    bonded = noisy.replace(bonds=distance_bonds(batch))
    _, forces = energy_and_forces(method.backbone, energy, bonded, create_graph=False)
    expected = (forces - target / sigma).square().sum() / 2
    torch.testing.assert_close(method.loss_given(batch, draws)[1]["efp"], expected)


def test_an_oracle_has_no_force_loss() -> None:
    method, batch = method_with(force="direct", inp_weight=0.0), example_batch()
    draws = draws_for(method, batch)
    sigma = method.sigmas.double()[draws.levels][batch.molecule].unsqueeze(-1)
    _, target = method.perturbed(batch, sigma, draws.noise)

    class Oracle(nn.Module):
        def forward(self, actual: Representation, of: MoleculeBatch) -> Tensor:
            return target

    method.displacement = Oracle()
    assert method.loss_given(batch, draws)[0].item() == pytest.approx(0, abs=1e-18)


def test_bonds_of_the_perturbed_molecule_are_those_of_the_clean_one() -> None:
    """At the strongest noise no distance says anything about bonds."""
    method, batch = method_with(efp_weight=0.0), example_batch((9, 9))
    draws = draws_for(method, batch)
    draws = replace(draws, levels=torch.zeros_like(draws.levels))
    from molbench.graph.bonds import distance_bonds

    known = batch.replace(bonds=distance_bonds(batch))
    torch.testing.assert_close(method.loss_given(batch, draws)[0], method.loss_given(known, draws)[0])


def test_loss_falls_on_one_batch() -> None:
    torch.manual_seed(0)
    method = EMGP(small_backbone("egnn"), EMGPConfig(sigma_begin=0.5))
    batch = example_batch(dtype=torch.float32)
    losses = losses_on(batch, method, 40, 3e-3)
    assert losses[-1] < 0.8 * losses[0]
