"""SpecFormer's weights in the MolSpectra fixtures."""

from __future__ import annotations

import torch
from torch import Tensor

from molbench.backbones.parts.specformer import attend
from tests.golden_files import Golden

NAMES = ("uv", "ir", "raman")


def specformer_state(fixture: Golden) -> dict[str, Tensor]:
    """The weights of MolSpectra's SpecFormer under our names."""
    state = fixture.state("model.representation_spec_model.")
    circulant, outputs = fixture["head_circulant"], len(state["head.linear.bias"])
    count = len(circulant)
    rows = torch.arange(count) + 173 * torch.arange(outputs).unsqueeze(-1)
    ours = {
        "head.weight": circulant[rows % count],
        "head.bias": state["head.linear.bias"],
        "head_norm.weight": state["out_norm.weight"],
        "head_norm.bias": state["out_norm.bias"],
    }
    for index, name in enumerate(NAMES):
        ours[f"places.{name}"] = state[f"backbone.W_pos_{name}"]
        for part in ("weight", "bias"):
            ours[f"embeddings.{name}.{part}"] = state[f"backbone.W_P.{index}.{part}"]
            ours[f"reconstructions.{name}.{part}"] = state[f"reconstruct_heads.{index}.{part}"]
    for index in range(3):
        theirs, mine = f"backbone.encoder.layers.{index}.", f"layers.{index}."
        for part in ("weight", "bias"):
            both = [state[f"{theirs}self_attn.W_{kind}.{part}"] for kind in "QKV"]
            ours[f"{mine}qkv.{part}"] = torch.cat(both)
            ours[f"{mine}mix.{part}"] = state[f"{theirs}self_attn.to_out.0.{part}"]
            ours[f"{mine}feed.0.{part}"] = state[f"{theirs}ff.0.{part}"]
            ours[f"{mine}feed.2.{part}"] = state[f"{theirs}ff.3.{part}"]
        for norm, released_norm in (("mix_norm", "norm_attn.1"), ("feed_norm", "norm_ffn.1")):
            for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                ours[f"{mine}{norm}.{part}"] = state[f"{theirs}{released_norm}.{part}"]
    return ours


def rounded_attend(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
    """Attention as released: the scale of the scores is kept in float32, whatever the model."""
    return attend(queries, keys, values, float(torch.tensor(scale)))
