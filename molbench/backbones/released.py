"""Parameter names of the GeoSSL release (commit ed5b8e35) in terms of ours."""

import re
from collections.abc import Mapping

from torch import Tensor

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
}


def released_name(backbone: str, name: str) -> str | None:
    """Our name of a released parameter of ``schnet`` or ``painn``, None where we have none."""
    for pattern, ours in RULES[backbone]:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours)
    return None


def from_released(backbone: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A released state dict of ``schnet`` or ``painn`` with our names, ready for ``load_state_dict``."""
    renamed = {released_name(backbone, name): value for name, value in state.items()}
    return {name: value for name, value in renamed.items() if name is not None}
