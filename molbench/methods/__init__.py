"""Pretraining objectives around a backbone.

A method is one file with a :class:`~molbench.methods.base.Method` and its config dataclass, and one file of
frozen paper settings in ``configs/``; other packages add theirs through the entry-point group
``molbench.methods``. Importing this package imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from molbench.methods.settings import VARIANTS, Settings, load_settings
from molbench.registry import Registry
from molbench.spec.config import making, parse_config

if TYPE_CHECKING:
    from molbench.backbones.base import Backbone
    from molbench.methods.base import AnyMethod

METHODS: Registry[type[AnyMethod]] = Registry("method", __name__, "molbench.methods")

__all__ = ["METHODS", "VARIANTS", "Settings", "build_method", "load_settings"]


def build_method(name: str, backbone: Backbone, config: Mapping[str, Any] | None = None) -> AnyMethod:
    """An objective around ``backbone``, its heads freshly initialised.

    Args:
        name: As registered.
        backbone: The encoder to pretrain.
        config: Fields of the method's config that differ from the defaults.

    Raises:
        UserError: If the name or a field is unknown, or a value has the wrong type.
    """
    from molbench.graph.templates import remove_templates

    method, kind = METHODS[name], f"method '{name}'"
    parsed: Any = parse_config(kind, method.Config, config)
    try:
        with making(f"{kind} around '{backbone.name}' of width {backbone.width}", config):
            return method(backbone, parsed)
    finally:
        remove_templates()
