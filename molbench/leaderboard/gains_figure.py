"""The share of a model's error that others of a board remove, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molbench.evaluation.figures.canvas import COLOURS, GREY, label, new_figure, save, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from molbench.leaderboard.against import Against

_LINE = 0.22


def write_gains(compared: Sequence[Against], other: str, board: str, path: Path) -> list[Path]:
    """Draw them, and write the numbers beside the figure.

    Args:
        compared: The models, from above to below.
        other: The model that they are compared with.
        board: Title of the board.
        path: A ``.png``, ``.svg`` or ``.pdf``.

    Returns:
        The figure and the table.

    Raises:
        UserError: If the suffix is of no format that is written.
    """
    with styled():
        return save(_drawn(compared, other, board), [one.to_row() for one in compared], path)


def _drawn(compared: Sequence[Against], other: str, board: str) -> Figure:
    figure = new_figure(5.5, 0.8 + _LINE * max(len(compared), 3))
    axes = figure.subplots()
    for y, one in enumerate(compared):
        gain = one.gain
        colour = {"better": COLOURS[0], "worse": COLOURS[1]}.get(gain.verdict, GREY)
        if gain.low is not None and gain.high is not None:
            axes.plot([100 * gain.low, 100 * gain.high], [y, y], color=colour, linewidth=1)
        axes.plot([100 * gain.value], [y], "o", color=colour, markersize=4)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(compared)), [label(one.model) for one in compared])
    axes.set_ylim(len(compared) - 0.4, -0.6)
    axes.set_xlabel(f"error of {label(other)} removed, %, with 95 % intervals")
    axes.set_title(f"{label(board, 80)}: blue is better, orange worse, adjusted p < 0.05", loc="left")
    return figure
