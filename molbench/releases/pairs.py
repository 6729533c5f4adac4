"""Parameter names of the pair encoders that 3DMRL released (commit d7678dbd) in terms of ours."""

import re
from collections.abc import Mapping

from torch import Tensor

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

# Released name to ours; a name that matches nothing (predictors, projector, unused modules) is left out.
RULES: dict[str, list[tuple[str, str]]] = {
    "cigin": _EDGE_NETWORKS,
    "mpnn": _EDGE_NETWORKS,
    "cgib": _EDGE_NETWORKS + _BOTTLENECK,
    "cgib-cont": _EDGE_NETWORKS + _BOTTLENECK,
    "attentivefp": _ATTENTIVE,
    "gin-cigin": [
        (r"gather\.node_encoder\.(\w+)", r"network.embedding.\1"),
        (r"gather\.convs\.(\d+)\.edge_encoder\.(\w+)", r"network.bonds.\1.\2"),
        (r"gather\.convs\.(\d+)\.mlp\.(.+)", r"network.convs.\1.nn.\2"),
        (r"gather\.convs\.(\d+)\.eps", r"network.convs.\1.eps"),
        (r"gather\.out_lin\.(\w+)", r"network.mix.\1"),
        (r"set2set\.(.+)", r"readout.\1"),
    ],
}

# Released names of the layers of the predictor, as they follow each other.
HEADS = ("fc1", "fc2", "fc3"), ("predictor.0", "predictor.2", "predictor.4"), ("predictor",)


def released_name(backbone: str, name: str) -> str | None:
    """Our name of a released parameter, None where we have none."""
    for pattern, ours in RULES[backbone]:
        if match := re.fullmatch(pattern, name):
            return match.expand(ours)
    return None


def from_released(backbone: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A released state dict with our names, ready for ``load_state_dict`` of the encoder."""
    renamed = {released_name(backbone, name): value for name, value in state.items()}
    return {name: value for name, value in renamed.items() if name is not None}


def head_from_released(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The predictor of a released state dict, for :meth:`PairBackbone.paper_head`."""
    layers = next(names for names in HEADS if f"{names[0]}.weight" in state)
    return {
        f"{2 * place}.{kind}": state[f"{name}.{kind}"]
        for place, name in enumerate(layers)
        for kind in ("weight", "bias")
    }
