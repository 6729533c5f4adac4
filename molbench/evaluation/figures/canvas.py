"""What all figures share: their look, their files, and the table behind each."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.escape import csv_cell, visible
from molbench.evaluation.figures import FORMATS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Told apart by people who do not see all colours, and in grey (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GREY = "#8a8a8a"
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "svg.hashsalt": "molbench",
    "svg.fonttype": "none",
}

Rows = Sequence[Mapping[str, Any]]


@contextmanager
def styled() -> Iterator[None]:
    """The look of all figures, while one is drawn."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; no display is needed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure and the numbers it shows; ``name`` is that of its files."""

    name: str
    figure: Figure
    rows: Rows


def file_name(text: str) -> str:
    """Somebody's name as part of the name of a file."""
    return re.sub(r"[^\w.@+-]+", "-", text)[:80].strip(".") or "model"


def label(text: str, longest: int = 40) -> str:
    """Somebody's name in a figure: one line, no mathematics, the beginning of what is long."""
    shown = visible(text)
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return shown.replace("$", r"\$")


def require_figure(path: Path) -> None:
    """Refuse a figure that cannot be written, before anything is computed.

    Raises:
        UserError: If its format is not one of ``FORMATS``, or the file of its numbers would replace a table
            that is there without such a figure.
    """
    if path.suffix.lower()[1:] not in FORMATS:
        raise UserError(f"{path}: a figure ends in {', '.join(f'.{form}' for form in FORMATS)}")
    figures = [path.with_suffix(f".{form}") for form in FORMATS]
    if (table := path.with_suffix(".csv")).exists() and not any(figure.exists() for figure in figures):
        raise UserError(
            f"{table}: is there already, where the numbers of {path.name} go; choose another name"
        )


def save(figure: Figure, rows: Rows, path: Path) -> list[Path]:
    """Write a figure, and the numbers it shows beside it as CSV.

    Returns:
        Both files.

    Raises:
        UserError: See :func:`require_figure`.
    """
    require_figure(path)
    suffix, table = path.suffix.lower()[1:], path.with_suffix(".csv")
    # The same figure gives the same bytes.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
    with replace_file(path) as temporary:
        figure.savefig(temporary, dpi=200, format=suffix, metadata=metadata)
    with replace_file(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows)
    return [path, table]
