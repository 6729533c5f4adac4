"""GeoSSL's other objectives and its baselines compute what the release computes, given its random draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import build_method, load_settings
from molbench.methods.angle_prediction import triple_angles
from molbench.methods.base import Method
from molbench.methods.parts.crop import draw_pieces, grow, keep_atoms, kept_sizes
from molbench.methods.parts.views import ViewDraws, encode_views
from molbench.releases import from_released, released_name
from tests.golden_files import Golden, read_golden, tolerance

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
NAMES = pytest.mark.parametrize("name", ["schnet", "painn"])


def batch_of(fixture: Golden, dtype: torch.dtype = torch.float64) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    return MoleculeBatch(
        fixture["z"], fixture["pos"].to(dtype), torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    )


def method_of(fixture: Golden, method: str, backbone_name: str, **config: object) -> Method:
    settings = load_settings(method, "faithful", backbone_name)
    backbone: Backbone = build_backbone(backbone_name, settings.backbone)
    backbone.load_state_dict(from_released(backbone_name, fixture.state("model.")))
    return build_method(method, backbone, {**settings.method, **config})


def close(actual: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    torch.testing.assert_close(actual.detach().to(dtype), expected.to(dtype), **tolerance(dtype, loss=True))


@pytest.mark.slow
@DTYPES
@NAMES
@pytest.mark.parametrize("objective", ["rr", "infonce", "ebm_nce"])
def test_two_view_objectives(objective: str, name: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_rr_infonce_ebm")
    flags = fixture.info["flags"]
    config = {"view_noise": flags["GeoSSL_sigma"]} | (
        {"temperature": flags["T"]} if objective == "infonce" else {}
    )
    method = method_of(fixture, f"geossl-{objective.replace('_', '-')}", name, **config)
    if objective == "rr":
        for index, decoder in enumerate(method.get_submodule("decoders"), 1):
            decoder.load_state_dict(fixture.state(f"ae0{index}.decoder."))
    method, batch = method.to(dtype).train(), batch_of(fixture, dtype)
    noise = fixture["position_noise"].to(dtype)

    with torch.no_grad():
        moved = batch.replace(positions=batch.positions + noise)
        views = encode_views(method.backbone, batch, moved, reuse_edges=method.config.reuse_edges)
    for index, view in enumerate(views, 1):
        close(view.graph, fixture[f"graph_vector_view{index}"], dtype)

    loss, logs = method.loss_given(batch, ViewDraws(noise))
    loss.backward()
    close(loss, fixture[f"loss_{objective}"], dtype)
    if objective == "rr":
        assert fixture["acc_rr"] == 0
    else:
        assert logs["accuracy"].item() == pytest.approx(fixture[f"acc_{objective}"].item(), abs=1e-6)
    (key,) = [key for key in fixture.arrays if key.startswith(f"grad_{objective}.")]
    ours = str(released_name(name, key.removeprefix(f"grad_{objective}.")))
    gradient = method.backbone.get_parameter(ours).grad
    assert gradient is not None
    allowed = tolerance(dtype, loss=True)
    if dtype == torch.float32:  # elements of one gradient span seven orders of magnitude
        allowed["atol"] = 1e-4 * float(fixture[key].abs().max())
    torch.testing.assert_close(gradient, fixture[key].to(dtype), **allowed)


@DTYPES
@NAMES
def test_baselines(name: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_baselines")
    batch = batch_of(fixture, dtype)
    generator = torch.Generator()

    infograph = method_of(fixture, "infograph-3d", name).to(dtype)
    infograph.load_state_dict({"weight": fixture["state.infograph.weight"]}, strict=False)
    loss, logs = infograph.loss(batch, generator)
    close(loss, fixture["loss_infograph"], dtype)
    assert logs["accuracy"].item() == pytest.approx(fixture["acc_infograph"].item(), abs=1e-6)

    kind = method_of(fixture, "type-prediction", name, ratio=0.3).to(dtype)
    kind.get_submodule("head.0").load_state_dict(fixture.state("type.predictor."))
    assert len(kind.draw(batch, generator)) == len(fixture["masked_index"])
    close(kind.loss_given(batch, fixture["masked_index"])[0], fixture["loss_type"], dtype)

    distance = method_of(fixture, "distance-prediction", name).to(dtype)
    distance.get_submodule("head").load_state_dict(fixture.state("distance.predictor."))
    close(distance.loss(batch, generator)[0], fixture["loss_distance"], dtype)

    angle = method_of(fixture, "angle-prediction", name, ratio=0.001).to(dtype)
    angle.get_submodule("head").load_state_dict(fixture.state("angle.predictor."))
    triples = fixture["triples"]
    assert torch.equal(
        batch.molecule[angle.draw(batch, generator)[0]].bincount(minlength=12),
        batch.molecule[triples[0]].bincount(minlength=12),
    )
    close(triple_angles(batch.positions, triples), fixture["angles"], dtype)
    close(angle.loss_given(batch, triples)[0], fixture["loss_angle"], dtype)


def test_crop(golden: Path) -> None:
    fixture = read_golden(golden, "geossl_crop_mask0.3")
    batch, both = batch_of(fixture), fixture["bond_index"]
    batch = batch.replace(bonds=both[:, both[0] < both[1]].t())
    sizes = kept_sizes(batch, 0.3)
    assert torch.equal(sizes, fixture["kept_molecule"].bincount())
    # The released draws, as priorities: the atom drawn in a step comes first in it.
    keys = torch.rand(int(sizes.max()), batch.num_atoms, dtype=torch.float64) / 2
    molecule = fixture["draw_molecule"]
    step = torch.arange(len(molecule)) - (sizes.cumsum(0) - sizes)[molecule]
    keys[step, fixture["draw_sequence"] + batch.ptr[molecule]] += 0.5
    kept = grow(batch, sizes, keys)
    expected = fixture["kept_local"] + batch.ptr[fixture["kept_molecule"]]
    assert torch.equal(kept.nonzero().squeeze(1), expected)
    assert torch.equal(keep_atoms(batch, kept).molecule, fixture["kept_molecule"])
    drawn = draw_pieces(batch, 0.3, torch.Generator().manual_seed(0))
    assert torch.equal(keep_atoms(batch, drawn).sizes, sizes)
