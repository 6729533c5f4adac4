import pytest
import torch
from torch import Tensor

from molbench.backbones.base import Representation
from molbench.backbones.heads.physical import (
    CentreOfMass,
    DipoleHead,
    SpatialExtentHead,
    dipole_moment,
    spatial_extent,
)
from molbench.graph.molecules import MoleculeBatch
from molbench.testing import example_batch, random_rotation

BOND = 1.2746  # Å, hydrogen chloride


def hydrogen_chloride() -> MoleculeBatch:
    positions = torch.tensor([[0.0, 0, 0], [0, 0, BOND]], dtype=torch.float64)
    return MoleculeBatch(torch.tensor([1, 17]), positions, torch.tensor([0, 2]))


def representation(batch: MoleculeBatch, channels: int = 6, turn: Tensor | None = None) -> Representation:
    generator = torch.Generator().manual_seed(0)
    scalars = torch.randn(batch.num_atoms, 6, generator=generator, dtype=torch.float64)
    vectors = torch.randn(batch.num_atoms, 3, channels, generator=generator, dtype=torch.float64)
    if turn is not None:
        vectors = torch.einsum("ij,njv->niv", turn, vectors)
    return Representation(scalars, scalars, vectors)


def test_dipole_by_hand() -> None:
    batch, centres = hydrogen_chloride(), torch.zeros(1, 3, dtype=torch.float64)
    charges = torch.tensor([0.178, -0.178], dtype=torch.float64)
    # One elementary charge over 1 Å is 4.80320 D.
    expected = torch.tensor([0.178 * BOND * 4.80320], dtype=torch.float64)
    actual = dipole_moment(charges, None, centres, batch)
    torch.testing.assert_close(actual.norm(dim=1), expected, rtol=1e-5, atol=0)
    assert actual[0, 2] < 0  # from the negative to the positive end
    # Charges that sum to zero have no origin.
    moved = dipole_moment(charges, None, centres + 7, batch)
    torch.testing.assert_close(moved, actual, rtol=1e-12, atol=1e-12)
    atomic = torch.tensor([[0.0, 0, 0.1], [0, 0, 0.178 * BOND - 0.1]], dtype=torch.float64)
    assert dipole_moment(charges, atomic, centres, batch).abs().max() < 1e-12


def test_spatial_extent_by_hand() -> None:
    charges, centres = torch.tensor([1.0, 17.0]).double(), torch.zeros(1, 3, dtype=torch.float64)
    expected = torch.tensor([17 * (BOND / 0.529177210903) ** 2], dtype=torch.float64)
    torch.testing.assert_close(spatial_extent(charges, centres, hydrogen_chloride()), expected)


def test_centre_of_mass_by_hand() -> None:
    centre = CentreOfMass()(hydrogen_chloride())
    torch.testing.assert_close(centre[0, 2], torch.tensor(35.453 / 36.461 * BOND).double(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("channels", [0, 1, 6])
@pytest.mark.parametrize("head_type", [DipoleHead, SpatialExtentHead])
def test_values_do_not_move_with_the_molecule(
    head_type: type[DipoleHead | SpatialExtentHead], channels: int
) -> None:
    torch.manual_seed(0)
    head, batch = head_type(6, channels).double(), example_batch((4, 0, 1, 7))
    turn = random_rotation(reflect=True)
    still = head(representation(batch, channels), batch)
    moved = head(
        representation(batch, channels, turn),
        batch.replace(positions=batch.positions @ turn.T + torch.tensor([5.0, -3, 2]).double()),
    )
    assert still.shape == (4,)
    assert still[1] == 0
    torch.testing.assert_close(moved, still)


def test_a_vanishing_dipole_has_finite_gradients() -> None:
    head = DipoleHead(6).double()
    batch = example_batch((1,))
    positions = batch.positions.requires_grad_()
    moved = batch.replace(positions=positions)
    (gradient,) = torch.autograd.grad(head(representation(batch), moved).sum(), positions)
    assert gradient.isfinite().all()
