"""GeoSSL (commit ed5b8e35): SchNet and PaiNN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from molbench.errors import UserError
from molbench.releases.base import Release, Rules, State, layers_of


class GeoSSLRelease(Release):
    """SchNet after PyTorch Geometric and PaiNN after SchNetPack, on nine classes of atoms."""

    name = "geossl"
    title = "GeoSSL (chao1224/GeoSSL)"
    names: ClassVar[Mapping[str, Rules]] = {
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
    anchors: ClassVar[Mapping[str, str]] = {
        "painn": "filter_net.weight",
        "schnet": "interactions.0.conv.lin1.weight",
    }
    rest: ClassVar[Sequence[str]] = (
        r"interactions\.\d+\.conv\.nn\..*",
        r"distance_expansion\.offset|atomic_mass",
        r"cutoff_fn\.cutoff|radial_basis\.(offsets|widths)",
    )

    @override
    def config(self, backbone: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Sizes by the shapes, the cutoff by the constants."""
        classes, width = state["embedding.weight"].shape
        if classes != 9:
            raise UserError(
                f"{classes} classes of atoms; only the release's 9 (H C N O F P S Cl, other) are known"
            )
        shared = {"width": width, "vocabulary": "geossl", "max_neighbors": 32}
        if backbone == "painn":
            return shared | {
                "interactions": layers_of(state, r"mixing\.(\d+)\."),
                "radial": state["filter_net.weight"].shape[1],
                "cutoff": float(state["cutoff_fn.cutoff"]),
                "frozen_hydrogen": True,
            }
        return shared | {
            "filters": state["interactions.0.conv.lin1.weight"].shape[0],
            "interactions": layers_of(state, r"interactions\.(\d+)\."),
            "gaussians": state["interactions.0.mlp.0.weight"].shape[1],
            "cutoff": float(state["distance_expansion.offset"][-1]),
            "random_filter_bias": True,
        }
