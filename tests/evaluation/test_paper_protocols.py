"""The recipes of papers for single molecules, and their small twins."""

import numpy as np
import pytest
import torch
from torch.nn.functional import l1_loss, mse_loss

from molbench.backbones import build_backbone
from molbench.backbones.heads.values import EnergyHead, energy_and_forces
from molbench.evaluation.models import ForceModel
from molbench.evaluation.protocols import load_protocols
from molbench.methods.parts.noisy_nodes import NoisyNodes
from molbench.spec.protocol import NoisyNodesSettings
from tests.evaluation.test_models import SMALL
from tests.evaluation.toy import opened

#: What a twin may change: how much is spent, and how the rate falls where a plateau cannot be seen.
BUDGET = {"steps", "epochs", "batch_size", "warmup_steps", "schedule", "plateau_factor", "plateau_patience"}


@pytest.mark.parametrize("name", ["emgp", "torchmd"])
def test_a_twin_is_the_same_recipe_on_another_budget(name: str) -> None:
    known = load_protocols()
    paper, twin = known[name].model_dump(), known[f"{name}-lite"].model_dump()
    for budget in ("training", "forces"):
        ours, theirs = twin.pop(budget), paper.pop(budget)
        changed = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
        assert changed <= BUDGET
    for own in ("name", "description", "evaluations"):
        del paper[own], twin[own]
    assert twin == paper


@pytest.mark.parametrize("loss", ["l1", "mse"])
def test_the_loss_of_forces_is_the_protocols(toy_home, loss: str) -> None:
    data = opened("toy-frames/co")
    torch.manual_seed(0)
    backbone = build_backbone("schnet", SMALL)
    model = ForceModel(backbone, EnergyHead(backbone.width), data, 0.3, loss)
    batch = data.store.batch(data.rows["train"][:4], forces=True)
    energies, forces = energy_and_forces(backbone, model.head, batch, create_graph=False)
    compare = {"l1": l1_loss, "mse": mse_loss}[loss]
    labels = torch.tensor(data.normalised[data.rows["train"][:4]], dtype=energies.dtype)
    wanted = 0.3 * compare(energies, labels) + 0.7 * compare(forces, batch.forces / model.force_scale)
    torch.testing.assert_close(model.loss(batch, torch.Generator())[0].detach(), wanted)


def test_a_separate_copy_leaves_the_models_own_loss_undisturbed(toy_home) -> None:
    data = opened("toy-frames/co")
    torch.manual_seed(0)
    backbone = build_backbone("painn", {"width": 8, "interactions": 1, "radial": 4})
    model = ForceModel(backbone, EnergyHead(backbone.width), data, 0.2)
    batch = data.store.batch(data.rows["train"][:4], forces=True)
    alone = model.loss(batch, torch.Generator())[0].item()
    own = []
    for separate in (True, False):
        settings = NoisyNodesSettings(noise=0.1, weight=0.1, separate=separate)
        noisy = NoisyNodes(model, **settings.model_dump())
        loss, logs = noisy.loss(batch, torch.Generator().manual_seed(0))
        own.append(loss.item() - 0.1 * logs["denoising"].item())
    assert own[0] == pytest.approx(alone, rel=1e-5)
    assert abs(own[1] / alone - 1) > 1e-4
    assert np.isfinite(own).all()
