"""3D-EMGP (commit 1e5ec970): EGNN, pretrained by its authors in eight ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from molbench.releases.base import Release, Rules, State, layers_of


class EMGP3DRelease(Release):
    """EGNN with a coordinate network in every layer, of which only the last is used."""

    name = "3d-emgp"
    title = "3D-EMGP (jiaor17/3D-EMGP)"
    names: ClassVar[Mapping[str, Rules]] = {
        "egnn": [
            (r"embedding_in\.(\w+)", r"embedding.\1"),
            (r"gcl_(\d+)\.edge_mlp\.0\.(\w+)", r"layers.\1.edge_in.\2"),
            (r"gcl_(\d+)\.edge_mlp\.2\.(\w+)", r"layers.\1.edge_out.\2"),
            (r"gcl_(\d+)\.att_mlp\.0\.(\w+)", r"layers.\1.gate.\2"),
            (r"gcl_(\d+)\.node_mlp\.(\d)\.(\w+)", r"layers.\1.node.\2.\3"),
            (r"gcl_\d+\.coord_mlp\.(\d)\.(\w+)", r"displacement.\1.\2"),
        ]
    }
    anchors: ClassVar[Mapping[str, str]] = {"egnn": "embedding_in.weight"}
    rest: ClassVar[Sequence[str]] = (
        r"gcl_\d+\.coord_mlp\..*",
        r"(node_dec|graph_dec|graph_dec_proj|noise_pred|type_predictor|projector)\..*",
        r"sigmas|mean|std",
    )

    @override
    def config(self, backbone: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Sizes by the shapes."""
        width, inputs = state["embedding_in.weight"].shape
        features = state["gcl_0.edge_mlp.0.weight"].shape[1] - 2 * width
        return {
            "width": width,
            "layers": layers_of(state, r"gcl_(\d+)\."),
            "elements": inputs // 3,
            "hops": features - 2,
        }

    @override
    def arrange(self, backbone: str, state: State, heads: int) -> State:
        """Without the coordinate networks of all layers but the last."""
        layers = (int(match[1]) for name in state if (match := re.match(r"gcl_(\d+)\.", name)))
        last = f"gcl_{max(layers, default=0)}."
        return {
            name: value for name, value in state.items() if ".coord_mlp." not in name or name.startswith(last)
        }
