"""Published weight files that are no files of their authors."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from molbench.releases.convert import convert_release
from tests.releases.emgp_weights import egnn
from tests.security.conftest import Refused

State = dict[str, Tensor]


def transformer(cutoff: float = 5.0) -> State:
    """What of TorchMD-NET's names decides about sizes."""
    first = math.exp(-cutoff)
    return {
        "embedding.weight": torch.ones(100, 8),
        "attention_layers.0.dk_proj.weight": torch.ones(8, 4),
        "distance_expansion.means": torch.linspace(first, 1, 4),
        "distance_expansion.betas": torch.full((4,), (2 / 4 * (1 - first)) ** -2),
    }


def schnet() -> State:
    """What of GeoSSL's names decides about SchNet's sizes."""
    return {
        "embedding.weight": torch.ones(9, 8),
        "interactions.0.conv.lin1.weight": torch.ones(8, 8),
        "interactions.0.mlp.0.weight": torch.ones(8, 5),
        "distance_expansion.offset": torch.linspace(0, 10, 5),
    }


STATES: dict[str, tuple[str, State]] = {
    "a far layer": ("3d-emgp", egnn() | {"gcl_999999999.node_mlp.2.bias": torch.ones(4)}),
    "a layer of many digits": ("3d-emgp", egnn() | {f"gcl_{'9' * 150}.node_mlp.2.bias": torch.ones(4)}),
    "no layers": ("3d-emgp", egnn(layers=0)),
    "a width of none": ("3d-emgp", egnn(width=0)),
    "an encoder twice": ("3d-emgp", egnn() | {f"b.{name}": value for name, value in egnn().items()}),
    "no encoder": ("3d-emgp", {"a": torch.ones(1)}),
    "one name too many": ("3d-emgp", egnn() | {"surprise": torch.ones(1)}),
    "one name too few": ("3d-emgp", {name: value for name, value in egnn().items() if "att_mlp" not in name}),
    "an embedding of one dimension": ("3d-emgp", egnn() | {"embedding_in.weight": torch.ones(3)}),
    "an embedding of no dimension": ("3d-emgp", egnn() | {"embedding_in.weight": torch.ones(())}),
    "a narrow first layer": ("3d-emgp", egnn() | {"gcl_0.edge_mlp.0.weight": torch.ones(4, 1)}),
    "whole numbers": ("3d-emgp", {name: value.long() for name, value in egnn().items()}),
    "another release": ("geossl", egnn()),
    "ten classes of atoms": ("geossl", schnet() | {"embedding.weight": torch.ones(10, 8)}),
    "an enormous cutoff": ("geossl", schnet() | {"distance_expansion.offset": torch.full((5,), 1e30)}),
    "no cutoff": ("geossl", schnet() | {"distance_expansion.offset": torch.ones(0)}),
    "two cutoffs": ("geossl", schnet() | {"distance_expansion.offset": torch.ones(5, 5)}),
    "a trained basis": ("torchmd-net", transformer() | {"distance_expansion.means": torch.ones(4)}),
    "a basis of nothing": ("torchmd-net", transformer() | {"distance_expansion.means": torch.zeros(4)}),
    "a negative basis": ("torchmd-net", transformer() | {"distance_expansion.means": -torch.ones(4)}),
    "an empty basis": ("torchmd-net", transformer() | {"distance_expansion.means": torch.ones(0)}),
    "an encoder of nothing": ("3dmrl", {"gather.node_encoder.weight": torch.ones(1)}),
    "a readout that is missing": ("3dmrl", {"solute_gather.lin0.weight": torch.ones(4, 4)}),
}
HYPER: dict[str, Any] = {
    "no heads": {"num_heads": -1},
    "a billion heads": {"num_heads": 10**9},
    "heads of many digits": {"num_heads": 10**100},
    "heads of text": {"num_heads": "eight"},
    "heads of two lines": {"num_heads": "8\n"},
    "half a head": {"num_heads": 0.5},
    "heads that are no number": {"num_heads": math.nan},
    "infinitely many heads": {"num_heads": math.inf},
    "heads that are a list": {"num_heads": [8]},
    "neighbours of text": {"max_num_neighbors": "many"},
    "another activation": {"activation": "tanh"},
    "an activation of two lines": {"activation": "si\nlu"},
    "an activation that colours": {"activation": "\x1b[31msilu"},
    "an activation of a million letters": {"activation": "a" * 10**6},
    "an activation that is a list": {"activation": ["silu"]},
    "an activation that is a dict": {"activation": {"silu": 1}},
}


def converted(release: str, content: object, folder: Path) -> Callable[[], object]:
    torch.save(content, folder / "weights")
    return lambda: convert_release(release, folder / "weights", folder / "c.pt")


@pytest.mark.parametrize("name", STATES)
def test_weights_of_no_release(name: str, tmp_path: Path, refused: Refused) -> None:
    release, state = STATES[name]
    refused(converted(release, {"state_dict": state}, tmp_path))


@pytest.mark.parametrize("name", HYPER)
@pytest.mark.parametrize("kind", [dict, Namespace])
def test_settings_of_no_release(name: str, kind: type, tmp_path: Path, refused: Refused) -> None:
    content = {"state_dict": transformer(), "hyper_parameters": kind(**HYPER[name])}
    refused(converted("torchmd-net", content, tmp_path))
