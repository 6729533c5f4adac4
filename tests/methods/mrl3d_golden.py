"""The reference of one 3DMRL step: its method and its batch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from molbench.backbones import build_backbone
from molbench.graph.molecules import MoleculeBatch
from molbench.methods import load_settings
from molbench.methods.mrl3d.objective import MRL3D, MRL3DConfig
from molbench.methods.mrl3d.reader import ConformerPairBatch
from molbench.methods.mrl3d.solvent_shell import SolventShellDraws
from molbench.releases import from_released
from tests.backbones.relational_pairs import golden_pairs
from tests.golden_files import Golden, read_golden

_ATTENTION = r"score_network\.gnn_layers\.(\d)\.(\d)\."
_HEAD = [
    (r"coff_gaussian_fourier\.W", r"fourier"),
    (r"coff_mlp\.(\w+)", r"component.\1"),
    (r"node_emb\.(\w+)", r"node.\1"),
    (r"edge_2D_emb\.(.+)", r"edge.\1"),
    (r"project\.(.+)", r"frame.\1"),
    (_ATTENTION + r"MHA\.(.+)", r"blocks.\1.layers.\2.attention.\3"),
    (_ATTENTION + r"FFN\.(.+)", r"blocks.\1.layers.\2.feed.\3"),
    (_ATTENTION + r"norm1\.(.+)", r"blocks.\1.layers.\2.norms.0.\3"),
    (_ATTENTION + r"norm2\.(.+)", r"blocks.\1.layers.\2.norms.1.\3"),
    (r"score_network\.basis_mlp_modules\.(\d)\.(.+)", r"blocks.\1.coefficients.\2"),
]


def released_method(fixture: Golden, dtype: torch.dtype, **changes: Any) -> MRL3D:
    """The faithful method with the reference's weights; without dropout, which is not in it."""
    settings = load_settings("3dmrl", "faithful", "cigin")
    config = MRL3DConfig(**{**settings.method, "dropout": 0.0, "frozen_head": False, **changes})
    method = MRL3D(build_backbone("cigin"), config)
    encoder = fixture.state("model2d.")
    method.backbone.load_state_dict(from_released("cigin", encoder))
    method.projector.load_state_dict({kind: encoder[f"projector.{kind}"] for kind in ("weight", "bias")})
    schnet = from_released("schnet", fixture.state("model3d.geometric_encoder."))
    table = method.shell_encoder.schnet.embedding.table.weight.detach().clone()
    table[: len(schnet["embedding.table.weight"])] = schnet["embedding.table.weight"]
    method.shell_encoder.schnet.load_state_dict({**schnet, "embedding.table.weight": table})
    method.head.load_state_dict(_renamed(fixture.state("denoiser.")))
    return method.to(dtype)


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    matches = ((re.fullmatch(theirs, name), ours, name) for name in state for theirs, ours in _HEAD)
    return {match.expand(ours): state[name] for match, ours, name in matches if match}


def released_batch(golden: Path, dtype: torch.dtype) -> tuple[ConformerPairBatch, SolventShellDraws]:
    """The pairs of the reference with their conformers, and the numbers that were drawn."""
    fixture = read_golden(golden, "mrl3d_mi_virtual_environment")
    number = len(fixture.info["pairs"])
    solutes, solvents = ([fixture[f"pair{i}_{s}_pos"] for i in range(number)] for s in ("solute", "solvent"))
    pairs = golden_pairs(read_golden(golden, "mrl3d_mi_pretrain_step"), dtype)
    batch = ConformerPairBatch(
        pairs, conformers(solutes).to("cpu", dtype), conformers(solvents).to("cpu", dtype)
    )
    return batch, golden_draws(fixture, number, dtype)


def golden_draws(fixture: Golden, pairs: int, dtype: torch.dtype = torch.float64) -> SolventShellDraws:
    """The numbers drawn for a reference: a permutation of all candidates says in which order atoms come."""
    orders = []
    for pair in range(pairs):
        order = torch.full((len(fixture[f"pair{pair}_solute_pos"]),), torch.inf, dtype=torch.float64)
        permutation = fixture[f"pair{pair}_randperm"]
        order[permutation] = torch.arange(len(permutation), dtype=torch.float64)
        orders.append(order)
    directions, axes, angles = (
        torch.stack([fixture[f"pair{pair}_{name}"] for pair in range(pairs)]).to(dtype)
        for name in ("gauss", "axis_uniform", "angle")
    )
    return SolventShellDraws(torch.cat(orders), directions, axes, angles / (2 * torch.pi))


def conformers(parts: list[Tensor]) -> MoleculeBatch:
    """Conformers of carbon."""
    sizes = torch.tensor([0, *(len(part) for part in parts)])
    positions = torch.cat(parts)
    return MoleculeBatch(torch.full((len(positions),), 6), positions, sizes.cumsum(0))
