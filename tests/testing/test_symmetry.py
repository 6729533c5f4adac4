"""The assertions notice what they are there to notice."""

from collections.abc import Callable

import pytest
import torch

from molbench.backbones.base import Representation
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms, sum_atoms
from molbench.testing import (
    assert_batch_independent,
    assert_equivariant,
    assert_permutable,
    example_batch,
    random_rotation,
)


def centred(batch: MoleculeBatch) -> Representation:
    """Distance from the centre, and the way there: all laws hold."""
    way = batch.positions - mean_atoms(batch.positions, batch)[batch.molecule]
    distance = way.norm(dim=-1, keepdim=True)
    return Representation(distance, sum_atoms(distance, batch), way.unsqueeze(-1))


def test_a_lawful_encoder_passes() -> None:
    for law in (assert_equivariant, assert_permutable, assert_batch_independent):
        law(centred)


def squared_components(batch: MoleculeBatch) -> Representation:
    actual = centred(batch)
    return Representation(actual.scalars, actual.graph, actual.vectors.square())


def pseudovectors(batch: MoleculeBatch) -> Representation:
    actual, way = centred(batch), centred(batch).vectors.squeeze(-1)
    spin = torch.linalg.cross(way, (way.norm(dim=-1, keepdim=True) * way).roll(1, 0))
    return Representation(actual.scalars, actual.graph, spin.unsqueeze(-1))


def absolute(batch: MoleculeBatch) -> Representation:
    distance = batch.positions.norm(dim=-1, keepdim=True)
    return Representation(distance, sum_atoms(distance, batch))


def numbered(batch: MoleculeBatch) -> Representation:
    actual = centred(batch)
    place = torch.arange(batch.num_atoms) - batch.ptr[batch.molecule]
    scalars = actual.scalars * place.unsqueeze(-1)
    return Representation(scalars, sum_atoms(scalars, batch))


def normalised_over_the_batch(batch: MoleculeBatch) -> Representation:
    actual = centred(batch)
    return Representation(actual.scalars / actual.scalars.mean(), actual.graph)


@pytest.mark.parametrize(
    ("encoder", "law", "message"),
    [
        (squared_components, assert_equivariant, "vectors after rotation"),
        (pseudovectors, assert_equivariant, "vectors after reflection"),
        (absolute, assert_equivariant, "scalars after translation"),
        (numbered, assert_permutable, "scalars of reordered atoms"),
        (normalised_over_the_batch, assert_batch_independent, "scalars of molecule 0 alone"),
    ],
)
def test_a_broken_law_is_named(
    encoder: Callable[[MoleculeBatch], Representation], law: Callable[..., None], message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        law(encoder)


def test_rotations_are_proper_and_reflections_are_not() -> None:
    for seed in range(5):
        for reflect, determinant in ((False, 1.0), (True, -1.0)):
            matrix = random_rotation(seed=seed, reflect=reflect)
            torch.testing.assert_close(matrix @ matrix.t(), torch.eye(3, dtype=torch.float64))
            assert torch.linalg.det(matrix).item() == pytest.approx(determinant)


def test_example_atoms_keep_their_distance() -> None:
    for seed in range(5):
        batch = example_batch((20, 5), seed=seed)
        distances = torch.cdist(batch.positions, batch.positions)
        same = batch.molecule[:, None] == batch.molecule
        assert distances[same & ~torch.eye(25, dtype=torch.bool)].min() > 0.69
