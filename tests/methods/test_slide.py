"""SliDe's target is the force of a harmonic potential around the molecule."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.harmonic import Harmonic
from molbench.methods.slide import SliDe, SliDeConfig, SliDeDraws
from molbench.testing import random_rotation
from tests.methods.test_torsions import molecule

SMILES = ("CCOC(=O)c1ccccc1", "CC#CC", "O", "CC=CC", "[H][H]", "[He]")


@pytest.fixture(scope="module")
def batch() -> MoleculeBatch:
    return MoleculeBatch.collate([molecule(smiles)[1] for smiles in SMILES])


def method_with(**config: float) -> SliDe:
    torch.manual_seed(0)
    backbone = build_backbone("painn", {"interactions": 2, "width": 16})
    return SliDe(backbone, SliDeConfig(**config)).double()


def drawn(method: SliDe, batch: MoleculeBatch, seed: int = 0) -> SliDeDraws:
    return method.draw(batch, torch.Generator().manual_seed(seed))


def flexed(batch: MoleculeBatch, draws: SliDeDraws) -> MoleculeBatch:
    from molbench.methods.parts.torsions import flex

    joints = draws.potential.joints
    return batch.replace(positions=flex(batch, joints, draws.twists, draws.tilts, draws.stretches))


def energy(potential: Harmonic, positions: torch.Tensor) -> torch.Tensor:
    return (potential.strain(positions).square() / potential.variance).sum() / 2


def test_along_a_slice_the_target_is_the_gradient_of_the_energy(batch: MoleculeBatch) -> None:
    method = method_with(slice_step=1e-5, slices=4)
    draws = drawn(method, batch)
    moved = flexed(batch, draws)
    positions = moved.positions.requires_grad_()
    (gradient,) = torch.autograd.grad(energy(draws.potential, positions), positions)
    force = -0.058 * gradient
    shares = (draws.slices * force).sum(-1)
    expected = shares.new_zeros(4, batch.num_graphs).index_add(1, batch.molecule, shares)
    actual = method.along(moved, draws.potential, draws.slices)
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3)
    # In the paper's step, coarser and in single precision, still close.
    coarse = method_with(slices=4)
    single = coarse.along(moved, draws.potential, draws.slices.float())
    torch.testing.assert_close(single.double(), expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))
    # The force knows nothing of whole motions: no net force, no torque.
    whole = torch.zeros(batch.num_graphs, 3, dtype=torch.float64)
    assert whole.index_add(0, batch.molecule, force).abs().max() < 1e-9
    assert whole.index_add(0, batch.molecule, torch.linalg.cross(moved.positions, force)).abs().max() < 1e-9


def test_over_many_slices_the_loss_is_the_squared_error_of_the_force(batch: MoleculeBatch) -> None:
    method = method_with(slices=1)
    torch.manual_seed(1)
    force, guess = torch.randn(2, batch.num_atoms, 3, dtype=torch.float64)
    slices = torch.randn(20_000, batch.num_atoms, 3, dtype=torch.float64)
    shares = (slices * force).sum(-1)
    along = shares.new_zeros(20_000, batch.num_graphs).index_add(1, batch.molecule, shares)
    actual = method.sliced(guess, batch, slices, along)
    assert actual.item() == pytest.approx((guess - force).square().mean().item(), rel=0.02)
    assert method.sliced(force, batch, slices, along).item() == pytest.approx(0, abs=1e-20)


def test_the_molecule_is_the_minimum(batch: MoleculeBatch) -> None:
    potential = drawn(method_with(), batch).potential
    assert energy(potential, batch.positions).item() == 0
    torch.manual_seed(0)
    assert energy(potential, batch.positions + 0.1 * torch.randn_like(batch.positions)) > 0
    turn = random_rotation()
    assert energy(potential, batch.positions @ turn.t() + 1.0).item() == pytest.approx(0, abs=1e-12)


def test_joints_move_by_what_was_drawn(batch: MoleculeBatch) -> None:
    method = method_with()
    draws = drawn(method, batch)
    potential, joints = draws.potential, draws.potential.joints.bonds
    nothing = {name: torch.zeros_like(getattr(draws, name)) for name in ("twists", "tilts", "stretches")}
    still = flexed(batch, replace(draws, **nothing))
    torch.testing.assert_close(still.positions, batch.positions, rtol=0, atol=1e-9)

    stretched = flexed(batch, replace(draws, **(nothing | {"stretches": draws.stretches})))
    start, end = stretched.positions[joints].unbind(1)
    before = (batch.positions[joints[:, 1]] - batch.positions[joints[:, 0]]).norm(dim=-1)
    torch.testing.assert_close((end - start).norm(dim=-1) - before, draws.stretches)
    strain = potential.strain(stretched.positions)
    count = len(potential.bonds)
    assert strain[count : count + len(potential.triples)].abs().max() < 1e-6

    tilted = flexed(batch, replace(draws, **(nothing | {"tilts": draws.tilts})))
    strain = potential.strain(tilted.positions)
    assert strain[:count].abs().max() < 1e-9
    assert 0.05 < strain[count : count + len(potential.triples)].std() < 0.3

    twisted = flexed(batch, replace(draws, **(nothing | {"twists": draws.twists})))
    strain = potential.strain(twisted.positions)
    assert strain[: count + len(potential.triples)].abs().max() < 1e-6
    assert strain.abs().max() > 0.5


def test_rings_keep_their_shape(batch: MoleculeBatch) -> None:
    draws = drawn(method_with(), batch)
    ring = torch.arange(5, 11)  # of ethyl benzoate, the batch's first
    moved = flexed(batch, draws).positions[ring]
    torch.testing.assert_close(torch.pdist(moved), torch.pdist(batch.positions[ring]))


def test_widths_by_kind(batch: MoleculeBatch) -> None:
    potential = drawn(method_with(), batch).potential
    count = len(potential.bonds), len(potential.triples)
    bond, angle, torsion = potential.variance.split([*count, len(potential.quadruples)])
    assert set(bond.tolist()) == {0.058**2}
    assert set(angle.tolist()) == {0.129**2}
    # About one bond the stiffnesses add up to that of its kind.
    middle = potential.quadruples[:, 1:3]
    for pair in middle.unique(dim=0):
        stiffness = (1 / torsion[(middle == pair).all(1)]).sum().item()
        assert stiffness == pytest.approx(1.0) or stiffness == pytest.approx(0.18**-2)
    free = potential.joints.bonds[potential.freely].sort(-1).values
    assert len(free) == 3
    for pair in free:
        assert (1 / torsion[(middle == pair).all(1)]).sum().item() == pytest.approx(1.0)
    # Nothing is a dihedral over the linear chain of butyne.
    assert not (potential.molecule[sum(count) :] == 1).any()


def test_the_loss_turns_with_its_noise(batch: MoleculeBatch) -> None:
    method = method_with(slices=8)
    draws, turn = drawn(method, batch), random_rotation(seed=4)
    moved = batch.replace(positions=batch.positions @ turn.t() + 1.0)
    other = replace(
        drawn(method, moved),
        tilts=draws.tilts @ turn.t(),
        noise=draws.noise @ turn.t(),
        slices=draws.slices @ turn.t(),
    )
    torch.testing.assert_close(
        method.loss_given(moved, other)[0], method.loss_given(batch, draws)[0], rtol=1e-5, atol=1e-5
    )
