"""Backbones and methods small enough to be tried often."""

from __future__ import annotations

from typing import Any

from molbench.backbones import BACKBONES, build_backbone
from molbench.backbones.base import Backbone
from molbench.methods import METHODS, build_method
from molbench.methods.base import AnyMethod


def small_backbone(name: str, **config: Any) -> Backbone:
    """A freshly initialised backbone with the settings of its ``small``.

    Args:
        name: As registered.
        **config: Fields of its config that differ from these.

    Raises:
        UserError: If the name or a field is unknown, or a value has the wrong type.
    """
    return build_backbone(name, BACKBONES[name].small() | config)


def small_method(name: str, backbone: Backbone, **config: Any) -> AnyMethod:
    """An objective around ``backbone`` with the settings of its ``small``; arguments as there."""
    return build_method(name, backbone, METHODS[name].small() | config)
