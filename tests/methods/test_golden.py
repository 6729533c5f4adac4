"""GeoSSL-DDM computes what the release computes, given its random draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molbench.backbones import build_backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.neighbors import all_pairs
from molbench.methods import load_settings
from molbench.methods.geossl_ddm import GeoSSLDDM, GeoSSLDDMConfig, GeoSSLDDMDraws
from molbench.releases import from_released, released_name
from tests.golden_files import Golden, read_golden, tolerance

HEAD = {
    "input_distance_mlp.layers.0": "distance.0",
    "input_distance_mlp.layers.1": "distance.2",
    "output_mlp.layers.0": "pair",
    "output_mlp.layers.1": "score.1",
    "output_mlp.layers.2": "score.3",
}


def head_name(name: str) -> str:
    layer, _, parameter = name.rpartition(".")
    return f"{HEAD[layer]}.{parameter}"


def method_of(fixture: Golden, backbone_name: str, dtype: torch.dtype) -> GeoSSLDDM:
    settings, flags = load_settings("geossl-ddm", "faithful", backbone_name), fixture.info["flags"]
    backbone = build_backbone(backbone_name, settings.backbone)
    backbone.load_state_dict(from_released(backbone_name, fixture.state("model.")))
    config = {
        **settings.method,
        "view_noise": flags["GeoSSL_sigma"],
        "sigma_begin": float(flags["sigma_begin"]),
        "sigma_end": flags["sigma_end"],
        "levels": flags["num_noise_level"],
        "beta": flags["anneal_power"],
    }
    method = GeoSSLDDM(backbone, GeoSSLDDMConfig(**config))
    for index, head in enumerate(method.heads, 1):
        state = fixture.state(f"head0{index}.")
        # The release stores its levels in float32 too, computed with another rounding.
        torch.testing.assert_close(state.pop("sigmas"), method.sigmas, rtol=1e-6, atol=0)
        head.load_state_dict({head_name(name): value for name, value in state.items()})
    method.sigmas.copy_(fixture["state.head01.sigmas"])
    return method.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("setting", ["beta2_L50", "beta0.05_L30"])
@pytest.mark.parametrize("name", ["schnet", "painn"])
def test_losses_and_gradients(name: str, setting: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_ddm_{setting}")
    sizes = torch.bincount(fixture["batch"])
    batch = MoleculeBatch(
        fixture["z"], fixture["pos"].to(dtype), torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    )
    pairs, (first, second) = all_pairs(batch.ptr), fixture["super_edge_index"]
    # The fixture orders the pairs by molecule; where each of ours is found there:
    ours, theirs = pairs.source * len(fixture["z"]) + pairs.target, first * len(fixture["z"]) + second
    place = torch.searchsorted(theirs, ours)
    assert torch.equal(theirs[place], ours)
    assert len(ours) == len(theirs)
    draws = GeoSSLDDMDraws(
        fixture["position_noise"].to(dtype),
        (fixture["noise_level_01"], fixture["noise_level_02"]),
        (
            fixture["distance_eps_01"].squeeze(-1)[place].to(dtype),
            fixture["distance_eps_02"].squeeze(-1)[place].to(dtype),
        ),
    )
    method = method_of(fixture, name, dtype)
    loss, logs = method.loss_given(batch, draws)
    loss.backward()
    close = tolerance(dtype, loss=True)
    torch.testing.assert_close(loss.detach(), fixture["loss"].to(dtype), **close)
    torch.testing.assert_close(logs["view_1"], fixture["loss_01"].to(dtype), **close)
    torch.testing.assert_close(logs["view_2"], fixture["loss_02"].to(dtype), **close)
    gradients = [key for key in fixture.arrays if key.startswith("grad.")]
    assert len(gradients) == 2
    for key in gradients:
        expected = fixture[key]
        part, _, rest = key.removeprefix("grad.").partition(".")
        if part == "model":
            parameter = method.backbone.get_parameter(str(released_name(name, rest)))
        else:
            parameter = method.heads[int(part[-1]) - 1].get_parameter(head_name(rest))
        assert parameter.grad is not None
        if dtype == torch.float32:  # elements of one gradient span seven orders of magnitude
            close["atol"] = 2e-5 * float(expected.abs().max())
        torch.testing.assert_close(parameter.grad, expected.to(dtype), **close)
