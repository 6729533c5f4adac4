"""Settings out of bounds are refused in one line, whoever gives them; at their bounds every encoder works."""

from __future__ import annotations

import resource
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from molbench.backbones import BACKBONES, build_backbone
from molbench.backbones.base import Backbone
from molbench.errors import UserError
from molbench.spec.pretrain import PretrainRequest
from molbench.testing import example_batch, small_backbone, small_method
from molbench.training.checkpoint import Checkpoint, config_of
from molbench.training.setup import build_objective, settings_of
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
def test_yes_is_no_number(name: str, setting: str) -> None:
    with pytest.raises(UserError, match=f"'{setting}': .*, not True"):
        small_backbone(name, **{setting: True})


def test_settings_that_do_not_go_together_are_one_line() -> None:
    """A head takes half of the width, and nothing is the half of one."""
    with pytest.raises(UserError) as caught:
        small_method("coord", small_backbone("painn", width=1))
    assert str(caught.value).startswith("method 'coord' around 'painn' of width 1 cannot be made with ")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_no_memory_is_taken_for_what_none_could_train() -> None:
    request = PretrainRequest(
        method="coord",
        data="xtb-molecules",
        output=Path("model.pt"),
        backbone="painn",
        steps=1,
        overrides={"backbone": {"width": 30_000}},
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"more weights than \d+ GiB of memory could train"):
        build_objective(request, settings_of(request, None), None)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB


@pytest.mark.parametrize(("name", "setting"), NUMBERS)
def test_small_numbers_are_refused_by_name_or_encode(name: str, setting: str) -> None:
    for value in (-1, 0, 1, 2):
        try:
            backbone = small_backbone(name, **{setting: value})
        except UserError as error:
            assert setting in str(error) and "\n" not in str(error)
        else:
            assert encoded(backbone).isfinite().all(), value
