"""Coord and MolSpectra compute what their releases compute, given their random draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone
from molbench.backbones.parts import specformer
from molbench.backbones.parts.specformer import masked_patches
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import load_settings
from molbench.methods.coord import Coord, CoordConfig
from molbench.methods.molspectra import MolSpectra, MolSpectraConfig, MolSpectraDraws
from molbench.methods.parts.denoising import NoiseHead
from molbench.releases import from_released
from tests.golden_files import Golden, read_golden
from tests.golden_specformer import NAMES, rounded_attend, specformer_state

DTYPES = [torch.float64, torch.float32]


def batch_of(fixture: Golden, dtype: torch.dtype) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return MoleculeBatch(fixture["z"], fixture["pos_clean"].to(dtype), ptr)


def encoder_of(fixture: Golden, method: str, **config: object) -> Backbone:
    flags = fixture.info["flags"]
    settings = load_settings(method, "faithful", "torchmd-et").backbone
    size = {
        "width": flags["embedding_dimension"],
        "layers": flags["num_layers"],
        "heads": flags["num_heads"],
        "radial": flags["num_rbf"],
    }
    backbone = build_backbone("torchmd-et", {**settings, **size, **config})
    backbone.load_state_dict(from_released("torchmd-et", fixture.state("model.representation_model.")))
    return backbone


def load_head(head: NoiseHead, fixture: Golden) -> None:
    head.blocks.load_state_dict(from_released("gated-head", fixture.state("model.output_model_noise.")))


def close(ours: Tensor, theirs: Tensor, what: str, exact: float = 1e-6) -> None:
    """Within the sidecars' relative tolerances, of the largest element where single ones nearly cancel."""
    relative = exact if ours.dtype == torch.float64 else 1e-3
    largest = (1e-8 if ours.dtype == torch.float64 else relative) * float(theirs.abs().max())
    torch.testing.assert_close(
        ours, theirs.to(ours.dtype), rtol=relative, atol=largest, msg=lambda m: f"{what}: {m}"
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_coord_twice(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "coord_denoising")
    settings = load_settings("coord", "faithful").method
    assert settings["noise"] == fixture.info["flags"]["position_noise_scale"]
    method = Coord(encoder_of(fixture, "coord"), CoordConfig(**settings))
    load_head(method.head, fixture)
    method.to(dtype)
    batch = batch_of(fixture, dtype)
    clean = method.backbone(batch, vectors=True)
    close(clean.scalars, fixture["scalar_clean"], "scalars")
    close(clean.vectors, fixture["vector_clean"], "vectors")
    for step in (0, 1):
        noise = fixture[f"noise_{step}"].to(dtype)
        method.zero_grad()
        loss, _ = method.loss_given(batch, noise)
        loss.backward()
        close(loss.detach(), fixture[f"loss_{step}"], f"loss {step}")
        mean, deviation = method.standardise.statistics()
        close(mean, fixture[f"norm_mean_{step}"], "mean")
        close(deviation, fixture[f"norm_std_{step}"], "deviation")
        noisy = batch.replace(positions=batch.positions + noise)
        guess = method.head(method.backbone(noisy, vectors=True))
        close(guess.detach(), fixture[f"noise_pred_{step}"], "noise")
        if step == 0:
            name = "attention_layers.2.v_proj.weight"
            ((ours, expected),) = from_released(
                "torchmd-et", {name: fixture[f"grad.representation_model.{name}"]}
            ).items()
            close(method.backbone.get_parameter(ours).grad, expected, name)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("line", "norms"), [("md17line", False), ("qm9line", True)])
def test_molspectra(
    line: str, norms: bool, dtype: torch.dtype, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specformer, "attend", rounded_attend)
    fixture = read_golden(golden, f"molspectra_{line}_stage2")
    settings = load_settings("molspectra", "faithful", "torchmd-et").method
    encoder = encoder_of(fixture, "molspectra", layer_norms=norms)
    method = MolSpectra(encoder, MolSpectraConfig(**settings))
    load_head(method.head, fixture)
    method.specformer.double().load_state_dict(specformer_state(fixture))
    method.to(dtype)
    spectra = {name: fixture[name].float() for name in NAMES}
    batch = batch_of(fixture, dtype).replace(targets=spectra)
    hidden = {name: masked_patches(fixture[f"mask_uniform_{name}"], 0.1) for name in NAMES}
    noise = fixture["pos_noise"].to(dtype)

    loss, logs = method.loss_given(batch, MolSpectraDraws(noise, hidden))
    loss.backward()
    close(loss.detach(), fixture["loss_total"], "loss")
    close(logs["denoising"], fixture["loss_denoise"], "denoising")
    close(logs["contrast"], fixture["loss_contrastive"], "contrast")
    close(logs["reconstruction"], fixture["train_mpr_loss"], "reconstruction")
    mean, deviation = method.standardise.statistics()
    close(mean, fixture["pos_norm_mean"], "mean")
    close(deviation, fixture["pos_norm_std"], "deviation")

    encoded = method.backbone(batch.replace(positions=batch.positions + noise), vectors=True)
    close(encoded.scalars, fixture["scalar"], "scalars")
    close(encoded.vectors, fixture["vector"], "vectors")
    close(encoded.graph, fixture["z_molecule"], "molecule vectors")
    close(method.head(encoded), fixture["noise_pred"], "noise")

    name = "representation_model.attention_layers.1.q_proj.weight"
    close(method.backbone.get_parameter("layers.1.query.weight").grad, fixture[f"grad.{name}"], name)
    name = "output_model_noise.output_network.0.vec1_proj.weight"
    close(method.head.get_parameter("blocks.first.norms.weight").grad, fixture[f"grad.{name}"], name)
    name = "representation_spec_model.backbone.encoder.layers.0.self_attn.W_Q.weight"
    ours = method.specformer.get_parameter("layers.0.qkv.weight").grad[:128]
    close(ours, fixture[f"grad.{name}"], name)
