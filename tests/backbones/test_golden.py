"""SchNet and PaiNN compute what the GeoSSL release computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone, Representation
from molbench.backbones.heads.values import energy_and_forces
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.methods import load_settings
from molbench.releases import from_released, released_name
from tests.golden_files import Golden, read_golden, tolerance


def batch_of(fixture: Golden, dtype: torch.dtype) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return MoleculeBatch(fixture["z"], fixture["pos"].to(dtype), ptr)


def released(name: str, fixture: Golden, dtype: torch.dtype) -> Backbone:
    backbone = build_backbone(name, load_settings("geossl-ddm", "faithful", name).backbone).to(dtype)
    backbone.load_state_dict(from_released(name, fixture.state("model.")))
    return backbone


def head_of(name: str, fixture: Golden, dtype: torch.dtype) -> nn.Module:
    state = fixture.state("head.")
    if name == "schnet":
        head: nn.Module = nn.Linear(128, 1)
    else:
        head = nn.Sequential(nn.Linear(128, 64), nn.SiLU(), nn.Linear(64, 1))
        state = {
            key.replace("1.", "2.", 1) if key.startswith("1.") else key: value for key, value in state.items()
        }
    head.load_state_dict(state)
    return head.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ["schnet", "painn"])
def test_outputs_forces_and_gradients(name: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_forward")
    batch, backbone, head = (
        batch_of(fixture, dtype),
        released(name, fixture, dtype),
        head_of(name, fixture, dtype),
    )

    def energy(representation: Representation, _: MoleculeBatch) -> Tensor:
        return head(representation.graph).squeeze(-1)

    def close(ours: Tensor, key: str, loss: bool = False) -> None:
        torch.testing.assert_close(
            ours, fixture[key].to(dtype), **tolerance(dtype, loss=loss), msg=lambda m: f"{key}: {m}"
        )

    representation = backbone(batch)
    close(representation.scalars, "atom_vectors")
    close(representation.graph, "graph_vector")
    energies, forces = energy_and_forces(backbone, energy, batch, create_graph=True)
    close(energies, "energy")
    close(forces, "forces")
    wanted_energies, wanted_forces = fixture["target_energy"].to(dtype), fixture["target_force"].to(dtype)
    loss = 0.05 * (energies - wanted_energies).abs().mean() + 0.95 * (forces - wanted_forces).abs().mean()
    close(loss, "md17_loss", loss=True)
    loss.backward()
    gradients = [key for key in fixture.arrays if key.startswith("grad.")]
    assert gradients
    for key in gradients:
        parameter = backbone.get_parameter(str(released_name(name, key.removeprefix("grad."))))
        assert parameter.grad is not None
        close(parameter.grad, key, loss=True)


@pytest.mark.parametrize(("name", "key"), [("schnet", "edge_index"), ("painn", "radius_edge_index")])
def test_neighbours_of_crowded_atoms_are_truncated_alike(name: str, key: str, golden: Path) -> None:
    fixture = read_golden(golden, f"geossl_{name}_forward")
    edges = released(name, fixture, torch.float64).neighbors(batch_of(fixture, torch.float32))
    # Within 10 Å some atoms of the largest two molecules have more than 32 neighbours, within 5 Å none has.
    assert edges.symmetric == (name == "painn")
    ours, theirs = torch.stack([edges.directed().source, edges.directed().target]), fixture[key]
    assert set(zip(*ours.tolist(), strict=True)) == set(zip(*theirs.tolist(), strict=True))


def test_given_edges_replace_the_search(golden: Path) -> None:
    fixture = read_golden(golden, "geossl_schnet_forward")
    batch, (source, target) = batch_of(fixture, torch.float64), fixture["edge_index"]
    uncapped = build_backbone("schnet", {"vocabulary": "geossl"}).double()
    uncapped.load_state_dict(from_released("schnet", fixture.state("model.")))
    given = uncapped(batch, EdgeList(source, target, False))
    torch.testing.assert_close(given.scalars, fixture["atom_vectors"], **tolerance(torch.float64))
    assert not torch.allclose(uncapped(batch).scalars, fixture["atom_vectors"], atol=1e-3)
