"""Parameter names of TorchMD-NET's equivariant transformer in terms of ours.

The same in TorchMD-NET, Coord (commit 2d81667c) and MolSpectra (commit 8846530e).
"""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from molbench.errors import UserError

RULES: list[tuple[str, str]] = [
    (r"embedding\.weight", r"embedding.weight"),
    (r"neighbor_embedding\.embedding\.weight", r"neighbor_embedding.weight"),
    (r"neighbor_embedding\.distance_proj\.(\w+)", r"neighbor_filter.\1"),
    (r"neighbor_embedding\.combine\.(\w+)", r"combine.\1"),
    (r"attention_layers\.(\d+)\.layernorm\.(\w+)", r"layers.\1.norm.\2"),
    (r"attention_layers\.(\d+)\.q_proj\.(\w+)", r"layers.\1.query.\2"),
    (r"attention_layers\.(\d+)\.k_proj\.(\w+)", r"layers.\1.key.\2"),
    (r"attention_layers\.(\d+)\.v_proj\.(\w+)", r"layers.\1.value.\2"),
    (r"attention_layers\.(\d+)\.o_proj\.(\w+)", r"layers.\1.output.\2"),
    (r"attention_layers\.(\d+)\.vec_proj\.(\w+)", r"layers.\1.vectors.\2"),
    (r"attention_layers\.(\d+)\.dk_proj\.(\w+)", r"layers.\1.key_filter.\2"),
    (r"attention_layers\.(\d+)\.dv_proj\.(\w+)", r"layers.\1.value_filter.\2"),
    (r"x_norms\.(\d+)\.(\w+)", r"scalar_norms.\1.\2"),
    (r"vec_norms\.(\d+)\.(\w+)", r"vector_norms.\1.\2"),
    (r"out_norm\.(\w+)", r"scalar_norm.\1"),
    (r"out_norm_vec\.(\w+)", r"vector_norm.\1"),
]
# Of the output networks, scalar or vector.
HEAD_RULES: list[tuple[str, str]] = [
    (rf"output_network\.{place}\.{theirs}\.(\w+)", rf"{ours_block}.{ours}.\1")
    for place, ours_block in ((0, "first"), (1, "second"))
    for theirs, ours in (
        ("vec1_proj", "norms"),
        ("vec2_proj", "vectors"),
        (r"update_net\.0", r"update.0"),
        (r"update_net\.2", r"update.2"),
    )
]
_INTERLEAVED = re.compile(r"attention_layers\.\d+\.d?v_proj\.\w+")


def reorder(name: str, value: Tensor, heads: int) -> Tensor:
    """Values (and their filters) as ours, or unchanged where both are alike.

    The release lists, head by head, the channels of scalars, of vectors and along the bond; ours lists all
    heads' scalars first.
    """
    if not _INTERLEAVED.fullmatch(name):
        return value
    return value.view(heads, 3, -1, *value.shape[1:]).transpose(0, 1).reshape(value.shape)


#: What our encoder takes for granted of a file's hyperparameters, where it has them.
FIXED = {
    "model": "equivariant-transformer",
    "activation": "silu",
    "attn_activation": "silu",
    "aggr": "add",
    "rbf_type": "expnorm",
    "distance_influence": "both",
    "neighbor_embedding": True,
    "cutoff_lower": 0.0,
    "layernorm_on_vec": "whitened",
}


def check_basis(state: Mapping[str, Tensor], size: int, cutoff: float) -> None:
    """Refuse a distance basis that was trained, or laid out in another way than ours.

    Raises:
        UserError: If it is another.
    """
    first = math.exp(-cutoff)
    means = torch.linspace(first, 1, size, dtype=torch.float64)
    betas = torch.full((size,), (2 / size * (1 - first)) ** -2, dtype=torch.float64)
    for name, expected in (("means", means), ("betas", betas)):
        found = state[f"distance_expansion.{name}"].double()
        if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-4, atol=1e-5):
            raise UserError(
                f"its distance basis (distance_expansion.{name}) is not the fixed one of the papers"
            )
