"""Noisy Nodes: plain training without noise, and a second loss with it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.backbones.heads.values import EnergyHead, energy_and_forces
from molbench.errors import UserError
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.parts.noisy_nodes import NoisyNodes
from molbench.testing import example_batch


class Values(nn.Module):
    """A model of one value a molecule that remembers where it was asked, and how often it encoded."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(backbone.width, 1)
        self.seen: list[Tensor] = []
        self.encoded = 0
        backbone.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.encoded += 1

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        self.seen.append(batch.positions)
        return self.head(self.backbone(batch).graph).square().mean(), {"own": torch.zeros(())}


class Forces(Values):
    """A model whose loss holds a derivative of the encoder."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self.energy = EnergyHead(backbone.width)

    def loss(self, batch: MoleculeBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        _, forces = energy_and_forces(self.backbone, self.energy, batch, create_graph=self.training)
        return forces.square().mean(), {}


def model_of(kind: type[Values] = Values, backbone: str = "painn") -> Values:
    torch.manual_seed(0)
    small = {"interactions": 2, "width": 8}
    return kind(build_backbone(backbone, small)).double()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_noise_and_weight_it_is_plain_training() -> None:
    model, batch = model_of(), example_batch()
    plain, _ = model.loss(batch, seeded())
    loss, logs = NoisyNodes(model, noise=0.0, weight=0.0).loss(batch, seeded())
    assert torch.equal(loss, plain)
    assert set(logs) == {"own"}
    assert not list(
        NoisyNodes(model, weight=0.0).state_dict().keys() ^ {f"model.{n}" for n in model.state_dict()}
    )


def test_loss_is_the_own_of_the_noisy_molecule_and_the_weighted_noise() -> None:
    model, batch = model_of(), example_batch()
    noisy = NoisyNodes(model, weight=0.3).double()
    noise = 0.01 * torch.randn(batch.num_atoms, 3, dtype=torch.float64, generator=seeded(1))
    loss, logs = noisy.loss_given(batch, noise, seeded())
    moved = batch.replace(positions=batch.positions + noise)
    own, _ = model.loss(moved, seeded())
    guess = noisy.head(model.backbone(moved, vectors=True))
    expected = (guess - noise / 0.005).square().mean()
    torch.testing.assert_close(logs["denoising"], expected.detach())
    torch.testing.assert_close(loss, own + 0.3 * expected)


def test_the_molecule_is_encoded_once() -> None:
    model = model_of()
    noisy, before = NoisyNodes(model).double(), model.encoded
    noisy.loss(example_batch(), seeded())
    assert model.encoded == before + 1
    noisy.separate = True
    noisy.loss(example_batch(), seeded())
    assert model.encoded == before + 3
    # Nothing stays behind on the backbone.
    assert model.backbone(example_batch()).vectors is None


def test_separate_leaves_the_own_loss_undisplaced() -> None:
    model, batch = model_of(), example_batch()
    NoisyNodes(model).double().loss(batch, seeded())
    NoisyNodes(model, separate=True).double().loss(batch, seeded())
    displaced, clean = model.seen
    assert torch.equal(clean, batch.positions)
    shift = displaced - batch.positions
    alone = batch.sizes[batch.molecule] == 1
    assert not shift[alone].any()  # centred
    assert 0 < shift[~alone].abs().max() < 0.03


def test_nothing_is_displaced_in_evaluation() -> None:
    model, batch = model_of(), example_batch()
    noisy = NoisyNodes(model).double().eval()
    loss, logs = noisy.loss(batch, seeded())
    assert torch.equal(loss, model.loss(batch, seeded())[0])
    assert "denoising" not in logs


def test_forces_can_be_trained_beside_it() -> None:
    noisy, batch = NoisyNodes(model_of(Forces)).double(), example_batch((5, 4))
    loss, _ = noisy.loss(batch, seeded())
    loss.backward()
    assert all(
        p.grad is not None and p.grad.isfinite().all() for p in noisy.head.parameters() if p.grad is not None
    )
    assert noisy.head.blocks.first.norms.weight.grad.any()
    assert noisy.model.energy.layers[0].weight.grad.any()


def test_a_backbone_without_vectors_is_refused() -> None:
    with pytest.raises(UserError, match="backbone 'schnet' has no vectors to predict noise with"):
        NoisyNodes(model_of(backbone="schnet"))
    NoisyNodes(model_of(backbone="schnet"), weight=0.0)
