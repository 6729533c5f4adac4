"""The virtual interaction environment: that of the release, and what must hold of any."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.graph.molecules import MoleculeBatch
from molbench.methods.mrl3d.solvent_shell import (
    SolventShell,
    SolventShellDraws,
    draw_shells,
    rotation_matrices,
    surround,
)
from molbench.testing import example_batch, random_rotation
from tests.golden_files import read_golden, tolerance
from tests.methods.mrl3d_golden import conformers, golden_draws

COPIES = 5


@pytest.mark.parametrize(("dataset", "epsilon"), [("mi", 0.0), ("ddi", 1e-6)])
def test_the_shell_of_the_release(dataset: str, epsilon: float, golden: Path) -> None:
    fixture = read_golden(golden, f"mrl3d_{dataset}_virtual_environment")
    number = len(fixture.info["pairs"])

    def each(name: str) -> list[Tensor]:
        return [fixture[f"pair{pair}_{name}"] for pair in range(number)]

    a, b = conformers(each("solute_pos")), conformers(each("solvent_pos"))
    draws = golden_draws(fixture, number)
    actual = surround(
        a, b, torch.cat(each("solute_in_ring")).bool(), draws, wrong_anchors=True, epsilon=epsilon
    )
    near = tolerance(torch.float64)
    torch.testing.assert_close(actual.positions, torch.cat(each("pos")), **near)
    torch.testing.assert_close(actual.ptr.diff(), torch.tensor([len(part) for part in each("pos")]))
    solute = torch.cat(each("is_solute"))
    assert torch.equal(actual.is_solute, solute)
    torch.testing.assert_close(actual.forces, torch.cat(each("pos_target"))[~solute], **near)
    pair = actual.batch().molecule[actual.placed]
    assert torch.equal(actual.anchor - a.ptr[pair], torch.cat(each("solute_2d_idx"))[~solute])
    assert torch.equal(actual.origin - b.ptr[pair], torch.cat(each("solvent_2d_idx"))[~solute])


def example(
    seed: int = 0, rings: float = 0.3
) -> tuple[MoleculeBatch, MoleculeBatch, Tensor, SolventShellDraws]:
    a, b = example_batch((12, 3, 9, 6), seed=1), example_batch((4, 1, 6, 2), seed=2)
    generator = torch.Generator().manual_seed(seed)
    in_ring = torch.rand(a.num_atoms, generator=generator) < rings
    return a, b, in_ring, draw_shells(a, COPIES, generator)


def test_forces_are_unit_vectors_away_from_anchors_that_are_in_no_ring() -> None:
    a, b, in_ring, draws = example()
    actual = surround(a, b, in_ring, draws)
    assert not in_ring[actual.anchor].any()
    points = actual.positions[actual.placed]
    torch.testing.assert_close(actual.forces.norm(dim=-1), torch.ones(len(points), dtype=torch.float64))
    away = points - a.positions[actual.anchor]
    assert ((actual.forces * away).sum(-1) > 0).all()
    torch.testing.assert_close(torch.linalg.cross(actual.forces, away), torch.zeros_like(away))
    pair = actual.batch().molecule[actual.placed]
    assert torch.equal(pair, a.molecule[actual.anchor])
    assert torch.equal(pair, b.molecule[actual.origin])


def test_every_pair_has_as_many_copies_as_it_has_anchors_for() -> None:
    a, b, in_ring, draws = example()
    actual = surround(a, b, in_ring, draws)
    candidates = torch.zeros(4, dtype=torch.int64).index_add(0, a.molecule, (~in_ring).long())
    copies = candidates.clamp(max=COPIES)
    assert torch.equal(actual.ptr.diff(), a.sizes + copies * b.sizes)
    chosen = {(int(anchor), int(slot)) for anchor, slot in zip(actual.anchor, actual.slot, strict=True)}
    assert len(chosen) == int(copies.sum()) == len({anchor for anchor, _ in chosen})


def test_copies_are_rigid_and_a_radius_away() -> None:
    a, b, in_ring, draws = example()
    actual = surround(a, b, in_ring, draws)
    points = actual.positions[actual.placed]
    copy = actual.anchor
    for anchor in copy.unique():
        own = copy == anchor
        original = b.positions[actual.origin[own]]
        torch.testing.assert_close(torch.cdist(points[own], points[own]), torch.cdist(original, original))
    # The origin of coordinates is moved by the radius, whatever the rotation.
    single = MoleculeBatch(
        b.atomic_numbers[:2], torch.tensor([[0.0, 0, 0], [0, 0, 2.0]]).double(), torch.tensor([0, 2])
    )
    lone = MoleculeBatch(a.atomic_numbers[:1], a.positions[:1], torch.tensor([0, 1]))
    actual = surround(
        lone, single, torch.tensor([False]), draw_shells(lone, 1, torch.Generator().manual_seed(3))
    )
    assert (actual.positions[1] - actual.positions[0]).norm().item() == pytest.approx(1.0)


def test_the_shell_turns_with_the_solute() -> None:
    """Anchors and forces turn with it, and so does all else once what is drawn is turned too."""
    a, b, in_ring, draws = example()
    rotation = random_rotation()
    before = surround(a, b, in_ring, draws)

    def turned(batch: MoleculeBatch) -> MoleculeBatch:
        return batch.replace(positions=batch.positions @ rotation.t())

    # R rows -> a copy turned in the frame of the solute: X M R' = (X R')(R M R').
    moved = SolventShellDraws(
        draws.order,
        draws.directions @ rotation.t(),
        (draws.axes - 0.5) @ rotation.t() + 0.5,
        draws.angles,
    )
    after = surround(turned(a), turned(b), in_ring, moved)
    torch.testing.assert_close(after.positions, before.positions @ rotation.t())
    torch.testing.assert_close(after.forces, before.forces @ rotation.t())
    assert torch.equal(after.anchor, before.anchor)


def test_the_shell_moves_with_the_solute() -> None:
    a, b, in_ring, draws = example()
    step = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    before = surround(a, b, in_ring, draws)
    after = surround(a.replace(positions=a.positions + step), b, in_ring, draws)
    torch.testing.assert_close(after.positions, before.positions + step)
    torch.testing.assert_close(after.forces, before.forces)


def test_the_released_choice_of_anchors_takes_the_first_atoms() -> None:
    a, b = example_batch((12,)), example_batch((2,))
    in_ring = torch.zeros(12, dtype=torch.bool)
    in_ring[:5] = True
    chosen: dict[bool, set[int]] = {True: set(), False: set()}
    for seed in range(30):
        draws = draw_shells(a, COPIES, torch.Generator().manual_seed(seed))
        for wrong in chosen:
            actual = surround(a, b, in_ring, draws, wrong_anchors=wrong)
            chosen[wrong] |= set(actual.anchor.tolist())
    assert chosen == {True: set(range(7)), False: set(range(5, 12))}


def test_no_copies_leave_the_bare_solute() -> None:
    a, b, in_ring, _ = example()
    for rings, draws in (
        (in_ring, draw_shells(a, 0, torch.Generator())),
        (torch.ones_like(in_ring), draw_shells(a, COPIES, torch.Generator())),
    ):
        actual = surround(a, b, rings, draws)
        assert torch.equal(actual.positions, a.positions)
        assert torch.equal(actual.ptr, a.ptr)
        assert actual.is_solute.all()
        assert len(actual.forces) == len(actual.placed) == 0


def test_rotation_matrices() -> None:
    axes, angles = torch.rand(7, 2, 3, dtype=torch.float64), torch.rand(7, 2, dtype=torch.float64)
    matrices = rotation_matrices(axes, angles)
    identity = torch.eye(3, dtype=torch.float64).expand_as(matrices)
    torch.testing.assert_close(matrices @ matrices.transpose(-1, -2), identity)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(7, 2, dtype=torch.float64))
    torch.testing.assert_close((matrices @ (axes - 0.5)[..., None])[..., 0], axes - 0.5)
    traces = matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
    torch.testing.assert_close(traces, 1 + 2 * (2 * math.pi * angles).cos())


def test_an_shell_is_a_function_of_its_draws() -> None:
    a, b, in_ring, _ = example()

    def positions(seed: int) -> SolventShell:
        return surround(a, b, in_ring, draw_shells(a, COPIES, torch.Generator().manual_seed(seed)))

    assert torch.equal(positions(1).positions, positions(1).positions)
    assert not torch.equal(positions(1).forces, positions(2).forces)
