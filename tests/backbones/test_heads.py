import torch
from torch import Tensor

from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.heads.values import EnergyHead, energy_and_forces, halving
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.kernels.edges import EdgeList
from molbench.testing import assert_conservative, example_batch


class Springs(GeometryBackbone):
    """Atom scalars, twice the same: half the squared distances to all others."""

    width = 2

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        return all_pairs(batch.ptr)

    def forward(
        self, batch: MoleculeBatch, edges: EdgeList | None = None, *, vectors: bool = False
    ) -> Representation:
        edges = self.neighbors(batch).directed()
        squares = edges.distances(batch.positions).square() / 2
        scalars = squares.new_zeros(batch.num_atoms).index_add(0, edges.target, squares)
        scalars = torch.stack([scalars, scalars], dim=-1)
        return Representation(scalars, scalars)


def total(representation: Representation, batch: MoleculeBatch) -> Tensor:
    return torch.zeros(batch.num_graphs, dtype=torch.float64).index_add(
        0, batch.molecule, representation.scalars[:, 0]
    )


def test_forces_of_springs_by_hand() -> None:
    positions = torch.tensor([[0.0, 0, 0], [2, 0, 0]], dtype=torch.float64)
    batch = MoleculeBatch(torch.tensor([1, 1]), positions, torch.tensor([0, 2]))
    with torch.no_grad():
        energies, forces = energy_and_forces(Springs(), total, batch, create_graph=False)
    # E = d² counted from both ends, F = -2 d.
    assert energies.tolist() == [4.0]
    assert forces.tolist() == [[4.0, 0, 0], [-4.0, 0, 0]]
    assert not energies.requires_grad
    assert not forces.requires_grad


def test_conservative_springs_pass_and_a_lie_does_not() -> None:
    def honest(batch: MoleculeBatch) -> tuple[Tensor, Tensor]:
        return energy_and_forces(Springs(), total, batch, create_graph=False)

    def lying(batch: MoleculeBatch) -> tuple[Tensor, Tensor]:
        energies, forces = honest(batch)
        return energies, 1.01 * forces

    assert_conservative(honest)
    try:
        assert_conservative(lying)
    except AssertionError as error:
        assert "forces against differences of energies" in str(error)
    else:
        raise AssertionError("a wrong force passed")


def test_energy_grows_with_the_molecule() -> None:
    head = EnergyHead(4).double()
    scalars = torch.randn(3, 4, dtype=torch.float64)
    one = MoleculeBatch(torch.ones(3, dtype=torch.int64), torch.zeros(3, 3), torch.tensor([0, 3]))
    twice = MoleculeBatch(torch.ones(6, dtype=torch.int64), torch.zeros(6, 3), torch.tensor([0, 6]))
    single = head(Representation(scalars, scalars), one)
    torch.testing.assert_close(head(Representation(scalars.repeat(2, 1), scalars), twice), 2 * single)


def test_scalar_head_gives_as_many_values_as_asked() -> None:
    assert halving(8, 3)(torch.randn(5, 8)).shape == (5, 3)


def test_second_derivatives_of_forces_reach_the_weights() -> None:
    head = EnergyHead(2).double()
    _, forces = energy_and_forces(Springs(), head, example_batch((3, 2)), create_graph=True)
    forces.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in list(head.parameters())[:2])
