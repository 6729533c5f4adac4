"""Parameter names of the 3D-EMGP release (commit 1e5ec970) in terms of our EGNN."""

import re
from collections.abc import Mapping

from torch import Tensor

RULES: list[tuple[str, str]] = [
    (r"embedding_in\.(\w+)", r"embedding.\1"),
    (r"gcl_(\d+)\.edge_mlp\.0\.(\w+)", r"layers.\1.edge_in.\2"),
    (r"gcl_(\d+)\.edge_mlp\.2\.(\w+)", r"layers.\1.edge_out.\2"),
    (r"gcl_(\d+)\.att_mlp\.0\.(\w+)", r"layers.\1.gate.\2"),
    (r"gcl_(\d+)\.node_mlp\.(\d)\.(\w+)", r"layers.\1.node.\2.\3"),
    (r"gcl_\d+\.coord_mlp\.(\d)\.(\w+)", r"displacement.\1.\2"),
]


def without_dead(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state without the coordinate networks of all layers but the last, which are never used."""
    layers = (int(found[1]) for name in state if (found := re.match(r"gcl_(\d+)\.", name)))
    last = f"gcl_{max(layers, default=0)}."
    return {
        name: value for name, value in state.items() if ".coord_mlp." not in name or name.startswith(last)
    }
