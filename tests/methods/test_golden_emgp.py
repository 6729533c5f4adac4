"""3D-EMGP computes what the release computes: its target, its losses, and those of its published weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods.attr_mask import AttrMask
from molbench.methods.emgp import EMGP, EMGPConfig, EMGPDraws
from molbench.methods.parts.riemann import align, force_target, perturb
from molbench.releases import from_released, released_name
from tests.golden_files import Golden, read_golden, tolerance

HEADS = {"node_dec": "atoms", "graph_dec": "energy", "noise_pred": "level"}
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def our_name(name: str) -> str | None:
    """Our name of a parameter of the release's whole model, None where we have none."""
    part, layer, parameter = re.fullmatch(r"(.*?)\.(\d+\.)?(\w+)", name).groups(default="")  # type: ignore[union-attr]
    if part in HEADS:
        return f"{HEADS[part]}.{layer}{parameter}"
    encoder = released_name("egnn", name.removeprefix("model."))
    return None if encoder is None else f"backbone.{encoder}"


def load_released(method: EMGP, state: Mapping[str, Tensor]) -> None:
    encoder = {
        name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")
    }
    method.backbone.load_state_dict(from_released("egnn", encoder))
    heads = {name: our_name(name) for name in state if any(name.startswith(f"{part}.") for part in HEADS)}
    missing, unexpected = method.load_state_dict({str(heads[n]): state[n] for n in heads}, strict=False)
    assert not [name for name in missing if not name.startswith("backbone.")]
    wanted = {"energy.0.weight", "energy.0.bias", "energy.2.weight", "energy.2.bias"}
    assert set(unexpected) in (set(), wanted)
    method.sigmas.copy_(state["sigmas"])


def batch_of(fixture: Golden, dtype: torch.dtype) -> MoleculeBatch:
    sizes = torch.bincount(fixture["batch"])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    z = fixture.arrays.get("z", torch.ones_like(fixture["batch"]))
    return MoleculeBatch(z, fixture["pos"].to(dtype), ptr)


@DTYPES
@pytest.mark.parametrize("kind", ["small", "mixed"])
def test_force_target_and_alignment(kind: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_riemann_force_target")
    batch, close = batch_of(fixture, dtype), tolerance(dtype)
    perturbed = fixture[f"{kind}_perturbed"].to(dtype)
    sigma = fixture[f"{kind}_sigma"].to(dtype)[batch.molecule].unsqueeze(-1)
    noise = fixture[f"{kind}_eps"].to(dtype)
    torch.testing.assert_close(perturb(batch, sigma, noise.unsqueeze(0)), perturbed, **close)
    target = force_target(perturbed, batch)
    torch.testing.assert_close(target, fixture[f"{kind}_target"].to(dtype), **close)
    aligned = align(perturbed, batch)
    torch.testing.assert_close(aligned, fixture[f"{kind}_kabsch_aligned"].to(dtype), **close)


@DTYPES
def test_three_steps_of_perturbation(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_perturb_steps3")
    batch = batch_of(fixture, dtype)
    sigma = fixture["sigma"].to(dtype)[batch.molecule].unsqueeze(-1)
    actual = perturb(batch, sigma, fixture["eps"].to(dtype))
    torch.testing.assert_close(actual, fixture["perturbed"].to(dtype), **tolerance(dtype))


@DTYPES
@pytest.mark.parametrize(("mode", "force"), [("energy", "gradient"), ("force", "direct")])
def test_losses_and_gradients(mode: str, force: str, dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, f"emgp_efp_inp_loss_{mode}")
    weights = read_golden(golden, "emgp_efp_inp_loss_energy").state("model.")
    method = EMGP(build_backbone("egnn"), EMGPConfig(force=force))  # type: ignore[arg-type]
    load_released(method, weights)
    method = method.to(dtype)
    both = fixture["bond_index"]
    batch = batch_of(fixture, dtype).replace(bonds=both[:, both[0] < both[1]].t())
    draws = EMGPDraws(fixture["noise_level"], fixture["eps"].to(dtype).unsqueeze(0))

    sigma = method.sigmas.to(dtype)[draws.levels][batch.molecule].unsqueeze(-1)
    noisy, _ = method.perturbed(batch, sigma, draws.noise)
    torch.testing.assert_close(noisy.positions, fixture["perturbed"].to(dtype), **tolerance(dtype))

    loss, logs = method.loss_given(batch, draws)
    loss.backward()
    close = {"rtol": 1e-8, "atol": 1e-9} if dtype == torch.float64 else {"rtol": 1e-3, "atol": 2e-5}
    torch.testing.assert_close(logs["efp"], fixture["loss_efp"].to(dtype), **close)
    torch.testing.assert_close(logs["inp"], fixture["loss_inp"].to(dtype), **close)
    gradients = [key for key in fixture.arrays if key.startswith("grad.")]
    assert len(gradients) == (2 if mode == "energy" else 3)
    for key in gradients:
        gradient = method.get_parameter(str(our_name(key.removeprefix("grad.")))).grad
        assert gradient is not None
        if dtype == torch.float32:  # elements of one gradient span seven orders of magnitude
            close["atol"] = 1e-4 * float(fixture[key].abs().max())
        torch.testing.assert_close(gradient, fixture[key].to(dtype), **close)


@DTYPES
def test_published_attribute_masking_names_elements(dtype: torch.dtype, golden: Path) -> None:
    fixture = read_golden(golden, "emgp_egnn_attrmask_forward")
    method = AttrMask(build_backbone("egnn"))
    method.backbone.load_state_dict(from_released("egnn", fixture.state("model.")))
    method.element.load_state_dict(fixture.state("type_predictor."))
    both = fixture["bond_index"]
    batch = batch_of(fixture, dtype).replace(bonds=both[:, both[0] < both[1]].t())
    scores = method.to(dtype).element(method.backbone(batch).scalars)
    torch.testing.assert_close(scores, fixture["type_predictor_output"].to(dtype), **tolerance(dtype))


@pytest.mark.slow
def test_published_weights_have_learnt_their_task(golden: Path, real_data: Path) -> None:
    """EFP 3.98 and INP 1.79 on the first 100 molecules of QM9, where random weights have 21.6 and 4.80.

    Those are means over 20 draws of other random numbers, so ours agree within the error of the means.
    """
    from rdkit import Chem

    expected = json.loads((golden / "published" / "behaviour_3dmgp.json").read_text())["published_3dmgp"]
    file = torch.load(golden / "published" / "checkpoint-3dmgp", weights_only=True, map_location="cpu")
    state = {name.removeprefix("module."): value for name, value in file["model"].items()}
    method = EMGP(build_backbone("egnn"))
    load_released(method, state)

    path = real_data / "qm9" / "physicsml_first100" / "gdb9.sdf"
    molecules = list(Chem.SDMolSupplier(str(path), removeHs=False, sanitize=False))[:100]
    numbers = [torch.tensor([atom.GetAtomicNum() for atom in m.GetAtoms()]) for m in molecules]
    positions = [torch.tensor(m.GetConformer().GetPositions()) for m in molecules]
    ptr = torch.tensor([0, *(len(n) for n in numbers)]).cumsum(0)
    bonds = [
        torch.tensor([[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in m.GetBonds()]).view(-1, 2) + start
        for m, start in zip(molecules, ptr.tolist(), strict=False)
    ]
    batch = MoleculeBatch(torch.cat(numbers), torch.cat(positions).float(), ptr, bonds=torch.cat(bonds))
    assert batch.num_graphs == 100
    logs = [method.loss(batch, torch.Generator().manual_seed(seed))[1] for seed in range(20)]
    for name in ("efp", "inp"):
        values = torch.stack([one[name] for one in logs])
        error = values.std().item() / len(values) ** 0.5
        # Both means have that error.
        assert abs(values.mean().item() - expected[name]) < 4 * 2**0.5 * error
        assert error < 0.1 * expected[name]
