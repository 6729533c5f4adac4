"""What the files of 3DMRL's 2-D encoders of pairs hold (Namkyeong/3DMRL at d7678dbd)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from molbench.releases.layers import layers_of

State = Mapping[str, Tensor]

#: CIGIN, its variants with a bottleneck and MPNN have this one in common.
ANCHORS = {
    "cigin": "solute_gather.lin0.weight",
    "attentivefp": "solute_gather.atom_convs.0.lin1.weight",
    "gin-cigin": "gather.node_encoder.weight",
}
#: Heads, and modules that the release builds and does not use.
REST = (
    r"(fc[123]|predictor|predictor\.\d|projector|imap)\.(weight|bias)",
    r"(solute|solvent)_gather\.set2set\..*",
    r"set2set_(solute|solvent)\..*",
    r"gather\.bns\..*",
)
# What the release does and our defaults do not.
_QUIRKS: dict[str, dict[str, Any]] = {
    "cgib": {"uniform_noise": True},
    "cgib-cont": {"uniform_noise": True, "exclude_positive": True},
    "gin-cigin": {"unordered": False},
}


def variant(backbone: str, state: State) -> str:
    """Which of the encoders that share an anchor; CGIB and CGIB-cont cannot be told, and the former is taken.

    Args:
        backbone: By the anchor.
        state: Released name to parameter.
    """
    if backbone != "cigin":
        return backbone
    if any(name.startswith("compressor.") for name in state):
        return "cgib"
    # Only with an interaction map does the readout see as much of the other molecule.
    inputs = state["set2set_solute.lstm.weight_ih_l0"].shape[1]
    return "mpnn" if inputs == 2 * state["solute_gather.lin0.weight"].shape[0] else "cigin"


def config(backbone: str, state: State, _: Mapping[str, Any]) -> dict[str, Any]:
    """Our configuration; rounds of message passing share weights, so that no shape tells their number."""
    sizes: dict[str, Any] = {}
    if backbone == "gin-cigin":
        sizes["hidden"] = state["gather.node_encoder.weight"].shape[0]
        sizes["layers"] = layers_of(state, r"gather\.convs\.(\d+)\.")
    return sizes | _QUIRKS.get(backbone, {})
