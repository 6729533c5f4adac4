"""Outputs, forces and gradients of the Coord and MolSpectra releases."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone, Representation
from molbench.backbones.heads.gated import ScalarVectorHead
from molbench.backbones.heads.values import EnergyHead, energy_and_forces
from molbench.graph.molecules import MoleculeBatch
from molbench.releases import from_released
from tests.golden_files import Golden, read_golden

every_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


QUIRKS = {"regulariser": "anisotropic", "max_neighbors": 31}


def close(ours: Tensor, expected: Tensor, key: str) -> None:
    """Within what the sidecars allow; single precision relative to the largest value."""
    rtol, atol = (1e-6, 1e-9) if ours.dtype == torch.float64 else (1e-3, 1e-4 * max(1, expected.abs().max()))
    torch.testing.assert_close(
        ours, expected.to(ours.dtype), rtol=rtol, atol=float(atol), msg=lambda m: f"{key}: {m}"
    )


def encoder(fixture: Golden, dtype: torch.dtype) -> Backbone:
    flags = fixture.info["flags"]
    state = fixture.state("model.representation_model.")
    config = {
        "width": flags["embedding_dimension"],
        "layers": flags["num_layers"],
        "heads": flags["num_heads"],
        "radial": flags["num_rbf"],
        "layer_norms": "x_norms.0.weight" in state,
    }
    backbone = build_backbone("torchmd-et", config | QUIRKS).to(dtype)
    backbone.load_state_dict(from_released("torchmd-et", state))
    return backbone


def head_of(fixture: Golden, name: str, dtype: torch.dtype) -> ScalarVectorHead:
    head = ScalarVectorHead(fixture.info["flags"]["embedding_dimension"])
    head.load_state_dict(from_released("gated-head", fixture.state(f"model.{name}.")))
    return head.to(dtype)


def batch_of(fixture: Golden, positions: Tensor, dtype: torch.dtype) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return MoleculeBatch(fixture["z"], positions.to(dtype), ptr)


class ReleasedEnergy(EnergyHead):
    """The release's energy: a sum over atoms, in units of the labels."""

    def __init__(self, layers: ScalarVectorHead, mean: Tensor, std: Tensor) -> None:
        width = layers.first.norms.in_features
        super().__init__(width, width)
        self.layers, self.mean, self.std = layers, mean, std

    def forward(self, representation: Representation, batch: MoleculeBatch) -> Tensor:
        return super().forward(representation, batch) * self.std + self.mean


@every_dtype
@pytest.mark.parametrize("line", ["md17line", "qm9line"])
def test_molspectra_features_and_heads(line: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"molspectra_{line}_stage2")
    batch = batch_of(fixture, fixture["pos_clean"] + fixture["pos_noise"], dtype)
    backbone = encoder(fixture, dtype)
    encoded = backbone(batch, vectors=True)
    close(encoded.scalars, fixture["scalar"], "scalar")
    close(encoded.graph, fixture["z_molecule"], "z_molecule")
    assert encoded.vectors is not None
    close(encoded.vectors, fixture["vector"], "vector")
    close(backbone(batch).scalars, fixture["scalar"], "scalar without vectors")
    noise = head_of(fixture, "output_model_noise", dtype)(encoded)[1]
    close(noise, fixture["noise_pred"], "noise_pred")
    values = head_of(fixture, "output_model", dtype)(encoded)[0]
    close(values.unsqueeze(-1), fixture["atom_scalar_head"], "atom_scalar_head")


@pytest.mark.parametrize("line", ["md17line", "qm9line"])
def test_edges_and_basis_are_those_of_the_release(line: str, golden: Path) -> None:
    fixture = read_golden(golden, f"molspectra_{line}_stage2")
    batch = batch_of(fixture, fixture["pos_clean"] + fixture["pos_noise"], torch.float64)
    backbone = encoder(fixture, torch.float64)
    near = backbone._look(batch, backbone.neighbors(batch))
    both = near.edges.directed()
    ours = set(zip(both.source.tolist(), both.target.tolist(), strict=True))
    seen = torch.arange(batch.num_atoms) if near.itself is None else near.itself.squeeze(-1).nonzero()[:, 0]
    theirs = list(zip(*fixture["edge_index"].tolist(), strict=True))
    assert ours | {(i, i) for i in seen.tolist()} == set(theirs)
    basis = torch.cat([near.basis] * 2) if near.edges.symmetric else near.basis
    place = dict(zip(theirs, fixture["edge_attr_rbf"], strict=True))
    pairs = zip(both.source.tolist(), both.target.tolist(), strict=True)
    expected = torch.stack([place[pair] for pair in pairs])
    torch.testing.assert_close(basis, expected, rtol=1e-8, atol=1e-12)


@every_dtype
def test_coord_denoising(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "coord_denoising")
    backbone, head = encoder(fixture, dtype), head_of(fixture, "output_model_noise", dtype)
    clean = batch_of(fixture, fixture["pos_clean"], dtype)
    with torch.no_grad():
        encoded = backbone(clean, vectors=True)
    assert encoded.vectors is not None
    close(encoded.scalars, fixture["scalar_clean"], "scalar_clean")
    close(encoded.vectors, fixture["vector_clean"], "vector_clean")
    for step in range(2):
        noise = fixture[f"noise_{step}"].to(dtype)
        predicted = head(backbone(batch_of(fixture, fixture["pos_clean"] + noise, dtype), vectors=True))[1]
        close(predicted, fixture[f"noise_pred_{step}"], f"noise_pred_{step}")
        mean, std = fixture[f"norm_mean_{step}"].to(dtype), fixture[f"norm_std_{step}"].to(dtype)
        loss = (predicted - (noise - mean) / std).square().mean()
        close(loss, fixture[f"loss_{step}"], f"loss_{step}")
        if step == 0:
            loss.backward()
            name = "attention_layers.2.v_proj.weight"
            ((ours, gradient),) = from_released(
                "torchmd-et", {name: fixture[f"grad.representation_model.{name}"]}
            ).items()
            found_gradient = backbone.get_parameter(ours).grad
            assert found_gradient is not None
            close(found_gradient, gradient, name)


@every_dtype
def test_energies_forces_and_their_gradient(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "molspectra_md17_finetune")
    frames, atoms = fixture["pos"].shape[:2]
    batch = MoleculeBatch(
        fixture["z"].repeat(frames),
        fixture["pos"].to(dtype).flatten(0, 1),
        torch.arange(frames + 1) * atoms,
    )
    backbone, layers = encoder(fixture, dtype), head_of(fixture, "output_model", dtype)
    energy = ReleasedEnergy(layers, fixture["mean"].to(dtype), fixture["std"].to(dtype))
    energies, forces = energy_and_forces(backbone, energy, batch, create_graph=True)
    close(energies, fixture["energy"], "energy")
    close(forces.view(frames, atoms, 3), fixture["forces"], "forces")
    labels = fixture["force_label"].to(dtype).flatten(0, 1)
    difference = energies - fixture["energy_label"].to(dtype)
    loss = 0.2 * difference.square().mean() + 0.8 * (forces - labels).square().mean()
    close(loss, fixture["loss"], "loss")
    loss.backward()
    name = "attention_layers.2.v_proj.weight"
    ((ours, gradient),) = from_released(
        "torchmd-et", {name: fixture[f"grad.representation_model.{name}"]}
    ).items()
    actual = backbone.get_parameter(ours).grad
    assert actual is not None
    close(actual, gradient, name)
