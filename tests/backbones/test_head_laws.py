"""Laws of every head behind real encoders: what turns with a molecule, what stays, and what forces are."""

from collections.abc import Callable
from functools import cache

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone, Representation
from molbench.backbones.heads.node_class import NodeClassHead
from molbench.backbones.heads.physical import DipoleHead, SpatialExtentHead
from molbench.backbones.heads.values import AtomHead, EnergyHead, energy_and_forces
from molbench.graph.molecules import MoleculeBatch
from molbench.testing import (
    assert_batch_independent,
    assert_conservative,
    assert_equivariant,
    assert_permutable,
    example_batch,
)

# Backbone, its settings, and how many vectors of an atom its heads read.
ENCODERS = {
    "scalars": ("schnet", {"width": 16, "filters": 16, "interactions": 2}, 0),
    "vectors": ("painn", {"width": 16, "interactions": 2}, 16),
    "one vector": ("egnn", {"width": 16, "layers": 2}, 1),
}
HEADS = [EnergyHead, DipoleHead, SpatialExtentHead]
every_encoder = pytest.mark.parametrize("encoder", ENCODERS)
every_head = pytest.mark.parametrize("head_type", HEADS)


@cache
def encoder_of(encoder: str) -> Backbone:
    name, config, _ = ENCODERS[encoder]
    torch.manual_seed(0)
    return build_backbone(name, config).double().eval()


def head_of(head_type: type[AtomHead], encoder: str) -> AtomHead:
    torch.manual_seed(1)
    return head_type(16, ENCODERS[encoder][2]).double()


def assert_lawful(function: Callable[[MoleculeBatch], Representation]) -> None:
    batch = example_batch((5, 1, 4))
    assert_equivariant(function, batch)
    assert_permutable(function, batch)
    assert_batch_independent(function, batch)


@every_encoder
@every_head
def test_values_are_invariant(head_type: type[AtomHead], encoder: str) -> None:
    backbone, head = encoder_of(encoder), head_of(head_type, encoder)

    def values(batch: MoleculeBatch) -> Representation:
        encoded = backbone(batch, vectors=head.vectors)
        return Representation(head.read(encoded)[0].unsqueeze(1), head(encoded, batch).unsqueeze(1))

    assert_lawful(values)
    assert values(example_batch()).graph.std() > 0


@pytest.mark.parametrize("encoder", ["vectors", "one vector"])
def test_vectors_of_atoms_turn_with_the_molecule(encoder: str) -> None:
    backbone, head = encoder_of(encoder), head_of(DipoleHead, encoder)

    def vectors(batch: MoleculeBatch) -> Representation:
        charges, dipoles = head.read(backbone(batch, vectors=True))
        assert dipoles is not None
        return Representation(
            charges.unsqueeze(1), charges.new_zeros(batch.num_graphs, 1), dipoles.unsqueeze(2)
        )

    assert_lawful(vectors)


@every_encoder
def test_dipole_vectors_turn_with_the_molecule(encoder: str) -> None:
    backbone, head = encoder_of(encoder), head_of(DipoleHead, encoder)
    assert isinstance(head, DipoleHead)

    def dipoles(batch: MoleculeBatch) -> Representation:
        # As the vector of every atom of the molecule, which is what the laws know how to turn.
        actual = head.moment(backbone(batch, vectors=head.vectors), batch)
        of_atoms = actual[batch.molecule].unsqueeze(2)
        return Representation(of_atoms[..., 0].norm(dim=1, keepdim=True), actual.norm(dim=1), of_atoms)

    assert_lawful(dipoles)


@every_encoder
@every_head
def test_forces_are_the_gradient_whatever_the_head_reads(head_type: type[AtomHead], encoder: str) -> None:
    backbone, head = encoder_of(encoder), head_of(head_type, encoder)
    # A molecule of one atom has no dipole, and the length of nothing no derivative.
    batch = example_batch((3, 2))
    assert_conservative(lambda moved: energy_and_forces(backbone, head, moved, create_graph=False), batch)


def test_a_head_that_reads_vectors_depends_on_them() -> None:
    backbone, head, batch = encoder_of("vectors"), head_of(EnergyHead, "vectors"), example_batch()
    encoded = backbone(batch, vectors=True)
    assert encoded.vectors is not None
    silent = Representation(encoded.scalars, encoded.graph, 0 * encoded.vectors)
    assert not torch.allclose(head(encoded, batch), head(silent, batch))
    with pytest.raises(ValueError, match="vectors=True"):
        head(backbone(batch), batch)


def test_an_energy_of_two_far_molecules_is_the_sum_of_both() -> None:
    for encoder in ENCODERS:
        if encoder == "one vector":  # EGNN has no cutoff
            continue
        backbone, head, batch = encoder_of(encoder), head_of(EnergyHead, encoder), example_batch((4, 3))
        apart = batch.positions + 100.0 * batch.molecule.unsqueeze(1)
        together = MoleculeBatch(batch.atomic_numbers, apart, torch.tensor([0, 7]))
        one, both = (head(backbone(b, vectors=head.vectors), b) for b in (together, batch))
        torch.testing.assert_close(one[0], both.sum())


@pytest.mark.parametrize("hidden", [False, True])
def test_classes_of_atoms(hidden: bool) -> None:
    torch.manual_seed(0)
    head, atoms = NodeClassHead(4, 3, hidden=hidden).double(), torch.randn(6, 4).double()
    scores = head(atoms)
    truth = scores.argmax(1)
    assert scores.shape == (6, 3)
    loss, right = head.compare(atoms, truth)
    chosen = scores.log_softmax(1)[torch.arange(6), truth]
    torch.testing.assert_close(loss, -chosen.mean())
    assert right == 1
    _, wrong = head.compare(atoms, (truth + 1) % 3)
    assert wrong == 0
    order = torch.randperm(6)
    torch.testing.assert_close(head.compare(atoms[order], truth[order])[0], loss)
    empty, share = head.compare(atoms[:0], truth[:0])
    assert empty == 0 and share == 0 and empty.requires_grad
