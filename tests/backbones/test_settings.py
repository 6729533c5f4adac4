"""Settings out of bounds are refused in one line, whoever gives them; at their bounds every encoder works."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from molbench.backbones import BACKBONES, build_backbone
from molbench.backbones.base import Backbone
from molbench.errors import UserError
from molbench.testing import example_batch, small_backbone
from molbench.training.checkpoint import Checkpoint, config_of
from tests.backbones.relational_pairs import example_pairs

#: What no encoder can be made of.
SIZES = ("width", "layers", "interactions", "blocks", "heads", "steps", "hidden", "filters", "max_neighbors")
OUT_OF_BOUNDS = [
    (name, field.name, value)
    for name in BACKBONES
    for field in fields(BACKBONES[name].Config)
    for value in ((0, -1) if field.name in SIZES else (0.0, -5.0) if field.name == "cutoff" else ())
]
NUMBERS = [
    (name, field.name)
    for name in BACKBONES
    for field in fields(BACKBONES[name].Config)
    if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    if field.name != "elements"  # the molecules below have others
]


def encoded(backbone: Backbone) -> torch.Tensor:
    batch: Any = example_batch() if backbone.inputs == "molecules" else example_pairs(kind=backbone.features)
    with torch.no_grad():
        return backbone.double().eval()(batch).graph


@pytest.mark.parametrize(("name", "setting", "value"), OUT_OF_BOUNDS)
def test_out_of_bounds(name: str, setting: str, value: float) -> None:
    small = small_backbone(name)
    config = replace(small.config, **{setting: value})
    stored = Checkpoint.of(small)
    ways = (
        lambda: build_backbone(name, config_of(small) | {setting: value}),
        lambda: type(small)(config),
        lambda: Checkpoint(name, stored.config | {setting: value}, stored.state_dict).build(),
    )
    for way in ways:
        with pytest.raises(UserError) as caught:
            way()
        message = str(caught.value)
        assert message.startswith(f"backbone '{name}': setting '{setting}': Input should be greater than ")
        assert message.endswith(f", not {value!r}")


@pytest.mark.parametrize(("name", "setting"), NUMBERS)
def test_small_numbers_are_refused_by_name_or_encode(name: str, setting: str) -> None:
    for value in (-1, 0, 1, 2):
        try:
            backbone = small_backbone(name, **{setting: value})
        except UserError as error:
            assert setting in str(error) and "\n" not in str(error)
        else:
            assert encoded(backbone).isfinite().all(), value
