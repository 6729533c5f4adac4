"""TorchMD-NET, and Coord (commit 2d81667c) which is built on it: the equivariant transformer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from molbench.errors import UserError, quoted
from molbench.releases.base import Release, Rules, State, layers_of

# What our encoder takes for granted of a file's hyperparameters, where it has them.
_FIXED = {
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
_INTERLEAVED = re.compile(r"attention_layers\.\d+\.d?v_proj\.\w+")


class TorchMDNetRelease(Release):
    """The equivariant transformer, whose number of heads stands in hyperparameters only."""

    name = "torchmd-net"
    title = "TorchMD-NET (torchmd/torchmd-net) or Coord"
    names: ClassVar[Mapping[str, Rules]] = {
        "torchmd-et": [
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
        ],
        # The output networks, scalar or vector.
        "gated-head": [
            (rf"output_network\.{index}\.{theirs}\.(\w+)", rf"{block}.{ours}.\1")
            for index, block in ((0, "first"), (1, "second"))
            for theirs, ours in (
                ("vec1_proj", "norms"),
                ("vec2_proj", "vectors"),
                (r"update_net\.0", r"update.0"),
                (r"update_net\.2", r"update.2"),
            )
        ],
    }
    anchors: ClassVar[Mapping[str, str]] = {"torchmd-et": "attention_layers.0.dk_proj.weight"}
    rest: ClassVar[Sequence[str]] = (
        r"distance_expansion\.(means|betas)",
        r"output_model(_noise)?\..*",
        r"pos_normalizer\..*",
        r"prior_model\..*",
        r"mean|std",
    )

    @override
    def config(self, backbone: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Sizes by the shapes, the cutoff by the basis, heads and neighbours by the hyperparameters."""
        for name, value in _FIXED.items():
            if hyper.get(name) not in (None, value):
                raise UserError(
                    f"its hyperparameter {name} is {quoted(hyper[name])}; only {value!r} is known here"
                )
        elements, width = state["embedding.weight"].shape
        radial = state["attention_layers.0.dk_proj.weight"].shape[1]
        cutoff = round(-math.log(float(state["distance_expansion.means"][0])), 5)
        _check_basis(state, radial, cutoff)
        return {
            "width": width,
            "layers": layers_of(state, r"attention_layers\.(\d+)\."),
            "heads": int(hyper.get("num_heads") or 8),
            "radial": radial,
            "cutoff": cutoff,
            "elements": elements,
            "layer_norms": "vec_norms.0.weight" in state,
            "vector_norm": "out_norm_vec.weight" in state,
            "regulariser": "anisotropic",
            "max_neighbors": int(hyper.get("max_num_neighbors") or 32) - 1,
        }

    @override
    def arrange(self, backbone: str, state: State, heads: int) -> State:
        """Values (and their filters) in our order.

        The release lists, head by head, the channels of scalars, of vectors and along the bond; ours lists
        all heads' scalars first.
        """
        return {
            name: _scalars_first(value, heads) if _INTERLEAVED.fullmatch(name) else value
            for name, value in state.items()
        }


def _scalars_first(value: Tensor, heads: int) -> Tensor:
    return value.view(heads, 3, -1, *value.shape[1:]).transpose(0, 1).reshape(value.shape)


def _check_basis(state: State, size: int, cutoff: float) -> None:
    """Refuse a distance basis that was trained, or laid out in another way than ours.

    Raises:
        UserError: If it is another.
    """
    first = math.exp(-cutoff)
    means = torch.linspace(first, 1, size, dtype=torch.float64)
    betas = torch.full((size,), (2 / size * (1 - first)) ** -2, dtype=torch.float64)
    for name, expected in (("means", means), ("betas", betas)):
        stored = state[f"distance_expansion.{name}"].double()
        if stored.shape != expected.shape or not torch.allclose(stored, expected, rtol=1e-4, atol=1e-5):
            raise UserError(
                f"its distance basis (distance_expansion.{name}) is not the fixed one of the papers"
            )
