"""What the weight files of five released code bases hold: encoders, their settings, and all the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from molbench.errors import UserError
from molbench.releases import pairs_files as released_pairs
from molbench.releases import torchmd_et as released_et
from molbench.releases.layers import layers_of

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Release:
    """One released code base.

    Attributes:
        title: Its repository.
        anchors: Backbone to the name of a parameter that only its encoder has.
        rest: Patterns of the names that are not the encoder's: heads, constants, second copies.
        config: Backbone, encoder's state and the file's hyperparameters to our configuration.
        variant: Backbone by the anchor and encoder's state to the backbone it is, where some share an anchor.
    """

    title: str
    anchors: Mapping[str, str]
    rest: tuple[str, ...]
    config: Callable[[str, State, Mapping[str, Any]], dict[str, Any]]
    variant: Callable[[str, State], str] = lambda backbone, _: backbone

    def find(self, names: list[str]) -> tuple[str, str]:
        """Our backbone, and the prefix of its parameters.

        Raises:
            UserError: If there is not exactly one encoder.
        """
        found = [
            (backbone, name.removesuffix(anchor))
            for backbone, anchor in self.anchors.items()
            for name in names
            if name == anchor or name.endswith(f".{anchor}")
        ]
        if len(found) != 1:
            wanted = " or ".join(f"'{anchor}'" for anchor in self.anchors.values())
            raise UserError(f"{len(found)} encoders of {self.title} in it: one name should end with {wanted}")
        return found[0]

    def explains(self, name: str) -> bool:
        """Whether a name that is not the encoder's is known."""
        return any(re.fullmatch(rf"(.*\.)?({pattern})", name) for pattern in self.rest)


def _egnn(_: str, state: State, __: Mapping[str, Any]) -> dict[str, Any]:
    width, inputs = state["embedding_in.weight"].shape
    features = state["gcl_0.edge_mlp.0.weight"].shape[1] - 2 * width
    return {
        "width": width,
        "layers": layers_of(state, r"gcl_(\d+)\."),
        "elements": inputs // 3,
        "hops": features - 2,
    }


def _geossl(backbone: str, state: State, _: Mapping[str, Any]) -> dict[str, Any]:
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


def _et(_: str, state: State, hyper: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in released_et.FIXED.items():
        if hyper.get(name) not in {None, value}:
            raise UserError(f"its hyperparameter {name} is {hyper[name]!r}; only {value!r} is known here")
    elements, width = state["embedding.weight"].shape
    radial = state["attention_layers.0.dk_proj.weight"].shape[1]
    cutoff = round(-math.log(float(state["distance_expansion.means"][0])), 5)
    released_et.check_basis(state, radial, cutoff)
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


_ET_ANCHOR = {"torchmd-et": "attention_layers.0.dk_proj.weight"}
_ET_REST = (
    r"distance_expansion\.(means|betas)",
    r"output_model(_noise)?\..*",
    r"pos_normalizer\..*",
    r"prior_model\..*",
    r"mean|std",
)

RELEASES: dict[str, Release] = {
    "3d-emgp": Release(
        "3D-EMGP (jiaor17/3D-EMGP)",
        {"egnn": "embedding_in.weight"},
        (
            r"gcl_\d+\.coord_mlp\..*",
            r"(node_dec|graph_dec|graph_dec_proj|noise_pred|type_predictor|projector)\..*",
            r"sigmas|mean|std",
        ),
        _egnn,
    ),
    "geossl": Release(
        "GeoSSL (chao1224/GeoSSL)",
        {"painn": "filter_net.weight", "schnet": "interactions.0.conv.lin1.weight"},
        (
            r"interactions\.\d+\.conv\.nn\..*",
            r"distance_expansion\.offset|atomic_mass",
            r"cutoff_fn\.cutoff|radial_basis\.(offsets|widths)",
        ),
        _geossl,
    ),
    "torchmd-net": Release("TorchMD-NET (torchmd/torchmd-net) or Coord", _ET_ANCHOR, _ET_REST, _et),
    "molspectra": Release(
        "MolSpectra (AzureLeon1/MolSpectra)", _ET_ANCHOR, (*_ET_REST, r"representation_spec_model\..*"), _et
    ),
    "3dmrl": Release(
        "3DMRL (Namkyeong/3DMRL)",
        released_pairs.ANCHORS,
        released_pairs.REST,
        released_pairs.config,
        released_pairs.variant,
    ),
}
