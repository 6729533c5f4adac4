"""How the options that say where runs are executed are written."""

from __future__ import annotations

from collections.abc import Sequence

from molbench.errors import UserError


def executor_options(settings: Sequence[str]) -> dict[str, str]:
    """``partition=gpu`` to a mapping."""
    if wrong := next((setting for setting in settings if "=" not in setting), None):
        raise UserError(f"--executor-set {wrong}: write key=value")
    return {key: value for key, _, value in (setting.partition("=") for setting in settings)}
