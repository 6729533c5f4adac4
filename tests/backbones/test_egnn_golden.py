"""Outputs, forces and gradients of the 3D-EMGP release, with its published weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone, Representation
from molbench.backbones.heads.values import energy_and_forces
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import sum_atoms
from molbench.kernels.edges import EdgeList
from molbench.releases import from_released, released_name
from tests.golden_files import Golden, read_golden, tolerance

every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def batch_of(fixture: Golden, dtype: torch.dtype) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    bonds = fixture["bond_index"].t()
    bonds = bonds[bonds[:, 0] < bonds[:, 1]]
    return MoleculeBatch(fixture["z"], fixture["pos"].to(dtype), ptr, bonds=bonds)


def released(fixture: Golden, prefix: str, dtype: torch.dtype) -> Backbone:
    backbone = build_backbone("egnn").to(dtype)
    backbone.load_state_dict(from_released("egnn", fixture.state(prefix)))
    return backbone


def perceptron(fixture: Golden, prefix: str, dtype: torch.dtype) -> nn.Module:
    state = fixture.state(prefix)
    outputs, width = state["2.weight"].shape
    layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs))
    layers.load_state_dict(state)
    return layers.to(dtype)


@every_dtype
def test_features_energies_and_forces(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_egnn_3dmgp_forward")
    batch, backbone = batch_of(fixture, dtype), released(fixture, "model.model.", dtype)
    atom, graph = (perceptron(fixture, f"model.{name}.", dtype) for name in ("node_dec", "graph_dec"))

    def energy(representation: Representation, batch: MoleculeBatch) -> Tensor:
        return graph(sum_atoms(atom(representation.scalars), batch)).squeeze(-1)

    def close(ours: Tensor, key: str) -> None:
        expected = fixture[key].to(dtype)
        torch.testing.assert_close(ours, expected, **tolerance(dtype), msg=lambda m: f"{key}: {m}")

    encoded = backbone(batch, vectors=True)
    assert encoded.vectors is not None
    close(encoded.scalars, "atom_features")
    close(batch.positions + encoded.vectors.squeeze(-1), "coord_output")
    close(atom(encoded.scalars), "node_dec_features")
    close(sum_atoms(atom(encoded.scalars), batch), "graph_vector")
    energies, forces = energy_and_forces(backbone, energy, batch, create_graph=False)
    close(energies, "energy")
    close(forces, "neg_dE_dX")
    # Edges as released, both directions listed, are computed by another path.
    source, target = fixture["edge_index"].flip(0)
    close(backbone(batch, EdgeList(source, target, False)).scalars, "atom_features")


@every_dtype
def test_features_of_another_published_checkpoint(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_egnn_attrmask_forward")
    batch, backbone = batch_of(fixture, dtype), released(fixture, "model.", dtype)
    predictor = perceptron(fixture, "type_predictor.", dtype)
    encoded = backbone(batch, vectors=True)
    assert encoded.vectors is not None
    torch.testing.assert_close(encoded.scalars, fixture["atom_features"].to(dtype), **tolerance(dtype))
    moved = batch.positions + encoded.vectors.squeeze(-1)
    torch.testing.assert_close(moved, fixture["coord_output"].to(dtype), **tolerance(dtype))
    types = predictor(encoded.scalars)
    torch.testing.assert_close(types, fixture["type_predictor_output"].to(dtype), **tolerance(dtype))


@pytest.mark.slow
@every_dtype
def test_energies_and_forces_of_a_trajectory_and_their_gradient(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_md17_finetune")
    frames, atoms = fixture["pos"].shape[:2]
    source, target = fixture["edge_index"]
    # The release takes the bonds from the first frame, for all.
    single = fixture["edge_type"] == 1
    first = torch.stack([source, target], dim=-1)[single & (source < target)]
    offsets = atoms * torch.arange(frames)
    batch = MoleculeBatch(
        fixture["z"].repeat(frames),
        fixture["pos"].to(dtype).flatten(0, 1),
        torch.arange(frames + 1) * atoms,
        bonds=(first + offsets.view(-1, 1, 1)).flatten(0, 1),
    )
    encoder = {k: v for k, v in fixture.state("model.").items() if released_name("egnn", k)}
    backbone = build_backbone("egnn").to(dtype)
    backbone.load_state_dict(from_released("egnn", encoder))
    head = perceptron(fixture, "model.graph_dec.", dtype)
    mean, std = fixture["mean"].to(dtype), fixture["std"].to(dtype)

    def energy(representation: Representation, batch: MoleculeBatch) -> Tensor:
        return sum_atoms(head(representation.scalars).squeeze(-1), batch) * std + mean

    def close(ours: Tensor, key: str, loss: bool = False) -> None:
        expected = fixture[key].to(dtype)
        torch.testing.assert_close(ours, expected, **tolerance(dtype, loss=loss), msg=lambda m: f"{key}: {m}")

    energies, forces = energy_and_forces(backbone, energy, batch, create_graph=True)
    close(energies, "energy")
    close(forces.view(frames, atoms, 3), "forces")
    wanted, labels = fixture["energy_label"].to(dtype), fixture["force_label"].to(dtype).flatten(0, 1)
    loss = 0.2 * (energies - wanted).abs().mean() + 0.8 * (forces - labels).abs().mean()
    close(loss, "loss", loss=True)
    loss.backward()
    name = "gcl_3.edge_mlp.0.weight"
    gradient = backbone.get_parameter(str(released_name("egnn", name))).grad
    assert gradient is not None
    close(gradient, f"grad.{name}", loss=True)
