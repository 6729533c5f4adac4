"""Pretraining objectives around a backbone.

A method is one file with a :class:`~molbench.methods.base.Method` and its config dataclass, and one file of
frozen paper settings in ``configs/``; other packages add theirs through the entry-point group
``molbench.methods``. Importing this package imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from molbench.backbones.config import parse_config
from molbench.methods.settings import VARIANTS, Settings, load_settings
from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.backbones.base import Backbone
    from molbench.methods.base import Method

METHODS: Registry[type[Method]] = Registry(
    "method",
    "molbench.methods",
    {
        "geossl-ddm": "molbench.methods.geossl_ddm:GeoSSLDDM",
        "geossl-rr": "molbench.methods.geossl_rr:GeoSSLRR",
        "geossl-infonce": "molbench.methods.geossl_infonce:GeoSSLInfoNCE",
        "geossl-ebm-nce": "molbench.methods.geossl_ebm_nce:GeoSSLEBMNCE",
        "supervised": "molbench.methods.supervised:Supervised",
        "type-prediction": "molbench.methods.type_prediction:TypePrediction",
        "distance-prediction": "molbench.methods.distance_prediction:DistancePrediction",
        "angle-prediction": "molbench.methods.angle_prediction:AnglePrediction",
        "emgp": "molbench.methods.emgp:EMGP",
        "coord": "molbench.methods.coord:Coord",
        "frad": "molbench.methods.frad:Frad",
        "slide": "molbench.methods.slide:SliDe",
        "molspectra": "molbench.methods.molspectra:MolSpectra",
        "infograph-3d": "molbench.methods.infograph_3d:InfoGraph3D",
        "attr-mask": "molbench.methods.attr_mask:AttrMask",
        "edge-pred": "molbench.methods.edge_pred:EdgePred",
        "gpt-gnn": "molbench.methods.gpt_gnn:GPTGNN",
        "infograph": "molbench.methods.infograph:InfoGraph",
        "gcc": "molbench.methods.gcc:GCC",
        "graphcl": "molbench.methods.graphcl:GraphCL",
        "joao": "molbench.methods.joao:JOAO",
        "joaov2": "molbench.methods.joaov2:JOAOv2",
        "pos-pred": "molbench.methods.pos_pred:PosPred",
        "graphmvp": "molbench.methods.graphmvp:GraphMVP",
        "infomax-3d": "molbench.methods.infomax_3d:InfoMax3D",
        "gem": "molbench.methods.gem:GEM",
        "3dmrl": "molbench.methods.mrl3d.objective:MRL3D",
    },
)

__all__ = ["METHODS", "VARIANTS", "Settings", "build_method", "load_settings"]


def build_method(name: str, backbone: Backbone, config: Mapping[str, Any] | None = None) -> Method:
    """An objective around ``backbone``, its heads freshly initialised.

    Args:
        name: As registered.
        backbone: The encoder to pretrain.
        config: Fields of the method's config that differ from the defaults.

    Raises:
        UserError: If the name or a field is unknown, or a value has the wrong type.
    """
    method = METHODS[name]
    return method(backbone, parse_config(f"method '{name}'", method.Config, config))
