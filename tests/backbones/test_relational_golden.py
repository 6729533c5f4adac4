"""Encoders of pairs compute what the 3DMRL release computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from molbench.backbones import build_backbone
from molbench.backbones.base import Representation
from molbench.backbones.pairs.base import PairBackbone
from molbench.backbones.pairs.bottleneck import BottleneckDraws
from molbench.backbones.pairs.cgib import CGIB
from molbench.backbones.pairs.interaction import interaction_maps
from molbench.releases import from_released, released_name
from molbench.releases.mrl3d import MRL3DRelease
from tests.backbones.relational_pairs import golden_pairs
from tests.golden_files import Golden, read_golden, tolerance
from tests.releases.heads import head_from_released

# What each release does and the intended defaults do not.
QUIRKS: dict[str, dict[str, object]] = {
    "cgib": {"uniform_noise": True},
    "cgib-cont": {"uniform_noise": True, "exclude_positive": True},
    "gin-cigin": {"unordered": False},
}


def fixture_of(name: str, golden: Path) -> Golden:
    dataset = "ddi" if name == "gin-cigin" else "mi"
    return read_golden(golden, f"mrl3d_{dataset}_{name.replace('-', '_')}")


def released(name: str, fixture: Golden, dtype: torch.dtype) -> tuple[PairBackbone, nn.Module]:
    backbone = build_backbone(name, QUIRKS.get(name, {}))
    assert isinstance(backbone, PairBackbone)
    backbone.load_state_dict(from_released(name, fixture.state("model.")))
    head = backbone.paper_head()
    head.load_state_dict(head_from_released(fixture.state("model.")))
    return backbone.to(dtype).eval(), head.to(dtype)


def close(ours: Tensor, fixture: Golden, key: str, *, loss: bool = False) -> None:
    expected = fixture[key].to(ours.dtype)
    torch.testing.assert_close(
        ours, expected, **tolerance(ours.dtype, loss=loss), msg=lambda m: f"{key}: {m}"
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", MRL3DRelease.names)
def test_representations_predictions_and_gradients(name: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = fixture_of(name, golden)
    backbone, head = released(name, fixture, dtype)
    encoded = backbone.encode(golden_pairs(fixture, dtype))
    prediction = head(encoded.graph)
    close(prediction, fixture, "prediction")
    outputs = {
        "solute_atom_repr": encoded.scalars,
        "solvent_atom_repr": encoded.b_atoms,
        "pair_vector": encoded.graph,
    }
    for key, ours in outputs.items():
        if key in fixture.arrays:
            assert ours is not None
            close(ours, fixture, key)
    prediction.square().sum().backward()
    gradients = [key for key in fixture.arrays if key.startswith("grad.")]
    assert gradients
    for key in gradients:
        parameter = backbone.get_parameter(str(released_name(name, key.removeprefix("grad."))))
        assert parameter.grad is not None
        # A sum over many atoms in single precision is as exact as its largest entries.
        scale = fixture[key].abs().max().item()
        torch.testing.assert_close(
            parameter.grad / scale, fixture[key].to(dtype) / scale, **tolerance(dtype, loss=True)
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "term"), [("cgib", "recon_loss"), ("cgib-cont", "contrastive_loss")])
def test_bottleneck(name: str, term: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = fixture_of(name, golden)
    backbone, head = released(name, fixture, dtype)
    assert isinstance(backbone, CGIB)
    pairs, labels = golden_pairs(fixture, dtype), fixture["y"].to(dtype)
    predictions: list[Tensor] = []

    def predict(actual: Representation) -> Tensor:
        predictions.append(head(actual.graph))
        return predictions[-1]

    draws = BottleneckDraws(fixture["gumbel_uniform"].to(dtype), fixture["noise_uniform"].to(dtype))
    total, logs = backbone.objective_given(predict, lambda y: mse_loss(y, labels), pairs, draws)
    close(total, fixture, "total_loss_beta1", loss=True)
    close(predictions[0], fixture, "prediction")
    close(predictions[1], fixture, "bottleneck_prediction")
    close(logs["divergence"], fixture, "kl_loss", loss=True)
    close(logs["partner"], fixture, term, loss=True)
    close(logs["preserved"], fixture, "preserve_rate")

    a, b = backbone.interacting_atoms(pairs)
    close(backbone.bottleneck.importance(a).unsqueeze(-1), fixture, "importance")
    own = backbone.atom_width // 2
    blocks = interaction_maps(a[:, :own], b[:, :own], pairs)
    close(torch.block_diag(*blocks), fixture, "interaction_map")
