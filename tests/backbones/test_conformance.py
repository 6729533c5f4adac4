"""Laws that every registered backbone obeys."""

import pytest
import torch

from molbench.backbones import BACKBONES, build_backbone
from molbench.backbones.base import Backbone
from molbench.backbones.heads.values import EnergyHead, energy_and_forces
from molbench.errors import UserError
from molbench.testing import (
    assert_batch_independent,
    assert_conservative,
    assert_equivariant,
    assert_permutable,
    example_batch,
    small_backbone,
)

every_backbone = pytest.mark.parametrize(
    "name", [name for name, backbone in BACKBONES.items() if backbone.inputs == "molecules"]
)


def seeded(name: str, dtype: torch.dtype = torch.float64, *, small: bool = False) -> Backbone:
    torch.manual_seed(0)
    built = small_backbone(name) if small else build_backbone(name)
    return built.to(dtype).eval()


@every_backbone
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
def test_symmetries(name: str, dtype: torch.dtype, atol: float) -> None:
    backbone, batch = seeded(name, dtype), example_batch(dtype=dtype)
    assert_equivariant(backbone, batch, atol=atol)
    assert_permutable(backbone, batch, atol=atol)
    assert_batch_independent(backbone, batch, atol=atol)


@every_backbone
def test_forces_are_the_gradient_of_the_energy(name: str) -> None:
    backbone = seeded(name, small=True)  # finite differences take 48 evaluations
    head = EnergyHead(backbone.width).double()
    assert_conservative(lambda batch: energy_and_forces(backbone, head, batch, create_graph=False))


@every_backbone
def test_molecules_without_atoms_have_the_zero_vector(name: str) -> None:
    backbone, batch = seeded(name), example_batch((0, 3, 0, 1))
    batch = batch.replace(positions=batch.positions.requires_grad_())
    graph = backbone(batch, vectors=True).graph
    assert not graph[[0, 2]].any()
    (gradient,) = torch.autograd.grad(graph.square().sum(), batch.positions)
    assert gradient.isfinite().all()


@every_backbone
def test_shapes_and_names(name: str) -> None:
    backbone, batch = seeded(name), example_batch()
    encoded = backbone(batch, vectors=True)
    assert backbone.name == name
    assert encoded.scalars.shape == (batch.num_atoms, backbone.width)
    assert encoded.graph.shape == (batch.num_graphs, backbone.width)
    if encoded.vectors is not None:
        assert encoded.vectors.shape[:2] == (batch.num_atoms, 3)
        assert encoded.vectors.abs().sum() > 0


@every_backbone
def test_features_change_with_geometry_and_elements(name: str) -> None:
    backbone, batch = seeded(name), example_batch((5,))
    before = backbone(batch).graph
    stretched = batch.replace(positions=1.1 * batch.positions)
    exchanged = batch.replace(atomic_numbers=batch.atomic_numbers.roll(1))
    assert not torch.allclose(backbone(stretched).graph, before)
    assert not torch.allclose(backbone(exchanged).graph, before)


@every_backbone
def test_wrong_settings_are_refused_by_name(name: str) -> None:
    with pytest.raises(UserError, match=r"no setting 'depth'.*; settings: .*width"):
        build_backbone(name, {"depth": 3})
    with pytest.raises(UserError, match=r"setting 'width'.*'wide'"):
        build_backbone(name, {"width": "wide"})


def test_unknown_backbone_names_the_known() -> None:
    with pytest.raises(UserError, match=r"unknown backbone 'shcnet' \(did you mean 'schnet'\?\); known: "):
        build_backbone("shcnet")
