"""Configurations that ask for what no memory holds: refused before anything is made of them."""

from __future__ import annotations

import math
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from torch import Tensor

from molbench.backbones import BACKBONES, build_backbone
from molbench.training.checkpoint import Checkpoint, config_of
from tests.security.conftest import Bounded, Refused

SETTINGS = [(name, field.name) for name in BACKBONES for field in fields(BACKBONES[name].Config)]


@cache
def sound(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    built = build_backbone(name)
    return config_of(built), {key: value.detach() for key, value in built.state_dict().items()}


def with_setting(name: str, setting: str, value: Any) -> object:
    config, weights = sound(name)
    return Checkpoint(name, config | {setting: value}, weights).build()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_what_no_setting_is(name: str, setting: str, refused: Refused) -> None:
    sound(name)
    for value in (
        10**9,
        -(10**9),
        2**63,
        10**40,
        math.nan,
        math.inf,
        1e300,
        "a" * 10**6,
        [0] * 10**6,
        {"a": 1},
    ):
        refused(lambda value=value: with_setting(name, setting, value))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_what_a_setting_could_be(name: str, setting: str, bounded: Bounded) -> None:
    sound(name)
    for value in (10**6, 10**5, 10**4, 0, -1, 1e-300, True, None):
        bounded(lambda value=value: with_setting(name, setting, value))
