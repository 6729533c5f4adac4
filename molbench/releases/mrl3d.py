"""3DMRL (commit d7678dbd): 2-D encoders of pairs of molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from molbench.releases.base import Release, Rules, State, layers_of

_SIDES = [(f"{kind}_gather", side) for kind, side in (("solute", "network_a"), ("solvent", "network_b"))]

_EDGE_NETWORKS = [
    rule
    for theirs, ours in _SIDES
    for rule in (
        (rf"{theirs}\.lin0\.(\w+)", rf"{ours}.embedding.\1"),
        (rf"{theirs}\.message_layer\.(\w+)", rf"{ours}.update.\1"),
        (rf"{theirs}\.conv\.(.+)", rf"{ours}.conv.\1"),
    )
] + [
    (r"set2set_solute\.(.+)", r"readout_a.\1"),
    (r"set2set_solvent\.(.+)", r"readout_b.\1"),
]

_ATTENTIVE = [
    rule
    for theirs, ours in _SIDES
    for rule in (
        (rf"{theirs}\.atom_convs\.0\.(.+)", rf"{ours}.gate_conv.\1"),
        (rf"{theirs}\.atom_grus\.0\.(.+)", rf"{ours}.gru.\1"),
        (rf"{theirs}\.atom_(convs|grus)\.1\.(.+)", rf"{ours}.atom_\1.0.\2"),
        (rf"{theirs}\.atom_(convs|grus)\.2\.(.+)", rf"{ours}.atom_\1.1.\2"),
        (rf"{theirs}\.((?:lin1|lin2|mol_conv|mol_gru)\..+)", rf"{ours}.\1"),
    )
]

_BOTTLENECK = [
    (r"compressor\.(.+)", r"bottleneck.score.\1"),
    (r"solvent_predictor\.(\w+)", r"partner.\1"),
]

_GIN = [
    (r"gather\.node_encoder\.(\w+)", r"network.embedding.\1"),
    (r"gather\.convs\.(\d+)\.edge_encoder\.(\w+)", r"network.bonds.\1.\2"),
    (r"gather\.convs\.(\d+)\.mlp\.(.+)", r"network.convs.\1.nn.\2"),
    (r"gather\.convs\.(\d+)\.eps", r"network.convs.\1.eps"),
    (r"gather\.out_lin\.(\w+)", r"network.mix.\1"),
    (r"set2set\.(.+)", r"readout.\1"),
]

# What the release does and our defaults do not.
_QUIRKS: dict[str, dict[str, Any]] = {
    "cgib": {"uniform_noise": True},
    "cgib-cont": {"uniform_noise": True, "exclude_positive": True},
    "gin-cigin": {"unordered": False},
}

# Names of the layers of the predictor, as they follow each other.


class MRL3DRelease(Release):
    """CIGIN, MPNN, CGIB, CGIB-cont and AttentiveFP of solute and solvent, GIN-CIGIN of two drugs."""

    name = "3dmrl"
    title = "3DMRL (Namkyeong/3DMRL)"
    names: ClassVar[Mapping[str, Rules]] = {
        "cigin": _EDGE_NETWORKS,
        "mpnn": _EDGE_NETWORKS,
        "cgib": _EDGE_NETWORKS + _BOTTLENECK,
        "cgib-cont": _EDGE_NETWORKS + _BOTTLENECK,
        "attentivefp": _ATTENTIVE,
        "gin-cigin": _GIN,
    }
    # CIGIN, its variants with a bottleneck and MPNN have the first in common.
    anchors: ClassVar[Mapping[str, str]] = {
        "cigin": "solute_gather.lin0.weight",
        "attentivefp": "solute_gather.atom_convs.0.lin1.weight",
        "gin-cigin": "gather.node_encoder.weight",
    }
    # Heads, and modules that the release builds and does not use.
    rest: ClassVar[Sequence[str]] = (
        r"(fc[123]|predictor|predictor\.\d|projector|imap)\.(weight|bias)",
        r"(solute|solvent)_gather\.set2set\..*",
        r"set2set_(solute|solvent)\..*",
        r"gather\.bns\..*",
    )

    @override
    def config(self, backbone: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Quirks; rounds of message passing share weights, so that no shape tells their number."""
        sizes: dict[str, Any] = {}
        if backbone == "gin-cigin":
            sizes["hidden"] = state["gather.node_encoder.weight"].shape[0]
            sizes["layers"] = layers_of(state, r"gather\.convs\.(\d+)\.")
        return sizes | _QUIRKS.get(backbone, {})

    @override
    def variant(self, backbone: str, state: State) -> str:
        """Which of CIGIN's kin; CGIB and CGIB-cont cannot be told apart, and the former is taken."""
        if backbone != "cigin":
            return backbone
        if any(name.startswith("compressor.") for name in state):
            return "cgib"
        # Only with an interaction map does the readout see as much of the other molecule.
        inputs = state["set2set_solute.lstm.weight_ih_l0"].shape[1]
        return "mpnn" if inputs == 2 * state["solute_gather.lin0.weight"].shape[0] else "cigin"
