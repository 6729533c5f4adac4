"""Encoders: a batch of molecules to atom scalars, atom vectors and one vector a molecule.

A backbone is one file with a :class:`~molbench.backbones.base.Backbone` and its config dataclass; other
packages add theirs through the entry-point group ``molbench.backbones``. Importing this package imports no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from molbench.registry import Registry
from molbench.spec.config import making, parse_config

if TYPE_CHECKING:
    from molbench.backbones.base import Backbone

BACKBONES: Registry[type[Backbone]] = Registry("backbone", __name__, "molbench.backbones")

__all__ = ["BACKBONES", "build_backbone"]


def build_backbone(name: str, config: Mapping[str, Any] | None = None) -> Backbone:
    """A freshly initialised backbone.

    Args:
        name: As registered.
        config: Fields of its config that differ from the defaults.

    Raises:
        UserError: If the name or a field is unknown, or a value has the wrong type, is out of bounds or does
            not go with the others.
    """
    from molbench.graph.templates import remove_templates
    from molbench.torch_defaults import torch_defaults

    backbone, kind = BACKBONES[name], f"backbone '{name}'"
    parsed: Any = parse_config(kind, backbone.Config, config)
    try:
        with making(kind, config), torch_defaults():
            return backbone(parsed)
    finally:
        remove_templates()
