"""The Riemann-Gaussian's target and the alignment, by their laws (emgp: a to d)."""

import pytest
import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import centred_per_molecule
from molbench.methods.parts.riemann import align, force_target, perturb
from molbench.testing import example_batch, random_rotation

SIZES = (5, 1, 9, 2, 7)


def clean_and_noisy(scale: float = 0.3) -> tuple[MoleculeBatch, Tensor]:
    batch = example_batch(SIZES)
    noise = torch.randn(batch.positions.shape, generator=torch.Generator().manual_seed(3)).double()
    return batch, batch.positions + scale * noise


def gram_distance(noisy: Tensor, batch: MoleculeBatch) -> Tensor:
    """¼ ‖X~ X~ᵀ - X Xᵀ‖² of all molecules, from the matrices that the code never forms."""
    x, y = centred_per_molecule(batch.positions, batch), centred_per_molecule(noisy, batch)
    same = batch.molecule[:, None] == batch.molecule
    return 0.25 * ((y @ y.t() - x @ x.t()).square() * same).sum()


@pytest.mark.parametrize("reflect", [False, True])
def test_target_turns_with_the_noisy_molecule_and_ignores_the_clean_one(reflect: bool) -> None:
    batch, noisy = clean_and_noisy()
    turn, other = random_rotation(seed=1, reflect=reflect), random_rotation(seed=2, reflect=reflect)
    moved = batch.replace(positions=batch.positions @ other - 4)
    actual = force_target(noisy @ turn + 2, moved)
    torch.testing.assert_close(actual, force_target(noisy, batch) @ turn)


@pytest.mark.parametrize("reflect", [False, True])
def test_rigid_motions_have_no_target(reflect: bool) -> None:
    batch = example_batch(SIZES)
    moved = batch.positions @ random_rotation(reflect=reflect) + 5
    torch.testing.assert_close(force_target(moved, batch), torch.zeros_like(moved), atol=1e-13, rtol=0)


def test_target_is_along_the_gradient_of_the_gram_distance() -> None:
    batch, noisy = clean_and_noisy()
    step, numeric = 1e-5, torch.zeros_like(noisy)
    for place in range(noisy.numel()):
        shift = torch.zeros_like(noisy)
        shift.view(-1)[place] = step
        change = gram_distance(noisy + shift, batch) - gram_distance(noisy - shift, batch)
        numeric.view(-1)[place] = -change / (2 * step)
    x, y = centred_per_molecule(batch.positions, batch), centred_per_molecule(noisy, batch)
    for index, (start, stop) in enumerate(zip(batch.ptr[:-1], batch.ptr[1:], strict=True)):
        own, other = y[start:stop].t() @ y[start:stop], x[start:stop].t() @ y[start:stop]
        scale = 2 / (own.norm() + other.norm()).clamp(min=1e-30)
        actual = force_target(noisy, batch)[start:stop]
        expected = scale * numeric[start:stop] if SIZES[index] > 1 else torch.zeros_like(actual)
        torch.testing.assert_close(actual, expected, atol=1e-7, rtol=1e-7)


def test_target_of_a_swollen_molecule_by_hand() -> None:
    """With X~ = c X and G = XᵀX, A = c² G and B = c G, so that F = -2 (c - 1) X G / ‖G‖."""
    batch = example_batch((9,))
    x = centred_per_molecule(batch.positions, batch)
    gram = x.t() @ x
    torch.testing.assert_close(force_target(1.2 * batch.positions, batch), -0.4 * x @ gram / gram.norm())


def test_one_step_is_plain_noise() -> None:
    batch = example_batch((20,) * 50)
    sigma = torch.full((batch.num_atoms, 1), 0.7, dtype=torch.float64)
    noise = torch.randn(1, batch.num_atoms, 3, generator=torch.Generator().manual_seed(0)).double()
    moved = perturb(batch, sigma, noise) - batch.positions
    torch.testing.assert_close(moved, sigma * noise[0])
    assert moved.std().item() == pytest.approx(0.7, rel=0.03)


def test_alignment_undoes_any_rigid_motion() -> None:
    batch = example_batch((9, 7, 6))
    for reflect in (False, True):
        moved = batch.positions @ random_rotation(reflect=reflect) + 3
        torch.testing.assert_close(align(moved, batch), batch.positions)


def test_aligned_molecules_cannot_be_turned_nearer() -> None:
    batch, noisy = clean_and_noisy()
    best = (align(noisy, batch) - batch.positions).square().sum()
    for seed in range(20):
        turned = centred_per_molecule(noisy, batch) @ random_rotation(seed=seed) + batch.positions
        turned = turned - centred_per_molecule(batch.positions, batch)
        assert (turned - batch.positions).square().sum() >= best - 1e-9
