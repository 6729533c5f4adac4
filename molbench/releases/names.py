"""Parameter names of released code in terms of ours; spelt out here are GeoSSL's (commit ed5b8e35)."""

import re
from collections.abc import Mapping

from torch import Tensor

from molbench.releases import egnn as released_egnn
from molbench.releases import pairs as released_relational
from molbench.releases import torchmd_et as released_et

# Released name to ours; a name that matches nothing (constants, second copies of a parameter) is left out.
RULES: dict[str, list[tuple[str, str]]] = {
    "schnet": [
        (r"embedding\.weight", r"embedding.table.weight"),
        (r"(interactions\.\d+)\.mlp\.0\.(\w+)", r"\1.filter_in.\2"),
        (r"(interactions\.\d+)\.mlp\.2\.(\w+)", r"\1.filter_out.\2"),
        (r"(interactions\.\d+)\.conv\.lin1\.(\w+)", r"\1.atom_in.\2"),
        (r"(interactions\.\d+)\.conv\.lin2\.(\w+)", r"\1.atom_out.\2"),
        (r"(interactions\.\d+)\.lin\.(\w+)", r"\1.update.\2"),
        (r"lin1\.(\w+)", r"output_in.\1"),
        (r"lin2\.(\w+)", r"output_out.\1"),
    ],
    "painn": [
        (r"embedding\.weight", r"embedding.table.weight"),
        (r"filter_net\.(\w+)", r"filters.\1"),
        (r"interactions\.(\d+)\.interatomic_context_net\.0\.(\w+)", r"contexts.\1.0.\2"),
        (r"interactions\.(\d+)\.interatomic_context_net\.1\.(\w+)", r"contexts.\1.2.\2"),
        (r"mixing\.(\d+)\.intraatomic_context_net\.0\.(\w+)", r"mixings.\1.context.0.\2"),
        (r"mixing\.(\d+)\.intraatomic_context_net\.1\.(\w+)", r"mixings.\1.context.2.\2"),
        (r"mixing\.(\d+)\.mu_channel_mix\.weight", r"mixings.\1.channels.weight"),
    ],
    "egnn": released_egnn.RULES,
    "torchmd-et": released_et.RULES,
    "gated-head": released_et.HEAD_RULES,
    **released_relational.RULES,
}


def released_name(backbone: str, name: str) -> str | None:
    """Our name of a released parameter of a backbone's encoder, None where we have none."""
    for pattern, ours in RULES[backbone]:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours)
    return None


def from_released(backbone: str, state: Mapping[str, Tensor], *, heads: int = 8) -> dict[str, Tensor]:
    """A released state dict of an encoder with our names and order, ready for ``load_state_dict``.

    Args:
        backbone: As registered, or ``gated-head`` for the output networks of ``torchmd-et``.
        state: Released name to parameter, or to its gradient.
        heads: Attention heads of ``torchmd-et``, which no shape tells.
    """
    if backbone == "egnn":
        state = released_egnn.without_dead(state)
    if backbone == "torchmd-et":
        state = {name: released_et.reorder(name, value, heads) for name, value in state.items()}
    renamed = {released_name(backbone, name): value for name, value in state.items()}
    return {name: value for name, value in renamed.items() if name is not None}
