"""Leaderboards: models of submissions or results, ranked with their uncertainty, recorded and rendered."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molbench.leaderboard.boards import load_boards
    from molbench.leaderboard.build import build_boards, load_table
    from molbench.leaderboard.table import Table

_LAZY = {"Table": "table", "build_boards": "build", "load_boards": "boards", "load_table": "build"}

__all__ = ["Table", "build_boards", "load_boards", "load_table"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
