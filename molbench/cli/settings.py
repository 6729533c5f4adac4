"""Settings as they are typed, ``--set backbone.width=64``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from molbench.errors import UserError


def grouped_settings(settings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``group.key=value`` to nested mappings, values read as YAML.

    Raises:
        UserError: If one is not of that form.
    """
    import yaml  # not needed to start

    groups: dict[str, dict[str, Any]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        group, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise UserError(f"--set {setting}: not of the form group.key=value, such as training.lr=1e-3")
        try:
            groups.setdefault(group, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {setting}: {error}") from None
    return groups
