"""The frozen settings of each paper, in two variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from molbench.errors import UserError, error_line, meant, path_of

VARIANTS = ("intended", "faithful")


@dataclass(frozen=True)
class Settings:
    """One variant of a method, resolved for one backbone.

    Attributes:
        method: Fields of the method's config.
        backbone: Fields of the backbone's config.
        training: Fields of the training config, except for the number of steps.
        epochs: Passes over the pretraining data.
    """

    method: Mapping[str, Any] = field(default_factory=dict)
    backbone: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None


def load_settings(method: str, variant: str = "intended", backbone: str | None = None) -> Settings:
    """Settings of a method: ``intended`` does what the paper says, ``faithful`` what its released code does.

    They are read from ``configs/<module>.yaml`` beside the module that the method is defined in; one without
    that file has no settings but its defaults, and only the intended variant.

    Args:
        method: As registered.
        variant: ``intended`` or ``faithful``.
        backbone: As registered; None leaves out what belongs to one backbone.

    Raises:
        UserError: If the method has no such variant.
    """
    variants = _read(method)
    if variant not in variants:
        known = ", ".join(variants)
        raise UserError(
            f"method '{method}' has no variant '{variant}'{meant(variant, variants)}; it has: {known}"
        )
    chosen = variants[variant]
    for_backbone = chosen.get("backbones", {}).get(backbone, {})
    return Settings(
        method=chosen.get("method", {}) | for_backbone.get("method", {}),
        backbone=for_backbone.get("config", {}),
        training=chosen.get("training", {}),
        epochs=chosen.get("epochs"),
    )


@cache
def _read(method: str) -> dict[str, Any]:
    from molbench.methods import METHODS

    module = find_spec(METHODS.module(method))
    if module is None or module.origin is None:
        return {"intended": {}}
    path = Path(module.origin)
    path = path.parent / "configs" / f"{path.stem}.yaml"
    if not path.is_file():
        return {"intended": {}}
    return _checked(path)


def _checked(path: Path) -> dict[str, Any]:
    """Variants of a file; aliases stand for training settings that both have.

    Raises:
        UserError: If the file is wrong, naming the key.
    """
    from pydantic import ValidationError

    from molbench.spec.paper_settings import PaperSettings

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        PaperSettings.model_validate(content)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error_line(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {path_of(first['loc'])}: {first['msg']}") from error
    variants: dict[str, Any] = content["variants"]
    return variants
