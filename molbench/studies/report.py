"""What a study leaves behind: a table, a figure and the commands that made them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.escape import visible
from molbench.training.machine import describe_machine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]
_FILES = ("README.md", "table.csv", "study.json", "figure.png")


@dataclass(frozen=True)
class Study:
    """One finished study.

    Attributes:
        name: As in ``molbench study NAME``.
        summary: What was done, in a sentence or two.
        rows: The table, a mapping of the same columns a row.
        command: The command that makes it again.
        notes: What must be known to read it.
        data: Further numbers that are no table.
    """

    name: str
    summary: str
    rows: Sequence[Row]
    command: str
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def refuse_foreign(folder: Path, name: str) -> None:
    """Refuse a folder that holds something of another name than this study's, which would be written over.

    Raises:
        UserError: If a file that the study writes is there and the study is not.
    """
    there = [file for file in _FILES if (folder / file).exists()]
    if not there:
        return
    try:
        earlier = json.loads((folder / "study.json").read_text(encoding="utf-8"))["study"]
    except (OSError, ValueError, KeyError, TypeError):
        earlier = None
    if earlier != name:
        what = f"the study '{visible(str(earlier))}'" if earlier else f"a {there[0]} that is no study's"
        raise UserError(f"{folder}: has {what}, which would be written over; choose another folder")


def write_study(folder: Path, study: Study, draw: Callable[[], Figure]) -> list[Path]:
    """Write ``README.md``, ``table.csv``, ``study.json`` and ``figure.png``.

    Args:
        folder: Made where it is not there; other files in it stay.
        study: What was found.
        draw: Makes the figure.

    Returns:
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in _FILES]
    columns = list(study.rows[0]) if study.rows else []
    facts = {
        "study": study.name,
        "command": study.command,
        "rows": [dict(row) for row in study.rows],
        "environment": describe_machine(),
        **study.data,
    }
    with replace_file(paths[0]) as temporary:
        temporary.write_text(_markdown(study, columns), encoding="utf-8")
    with replace_file(paths[1]) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(study.rows)
    with replace_file(paths[2]) as temporary:
        temporary.write_text(
            json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
    with replace_file(paths[3]) as temporary:
        draw().savefig(temporary, dpi=150, format="png", bbox_inches="tight")
    return paths


def new_panels(columns: int, rows: int = 1) -> tuple[Figure, Any]:
    """An empty figure of some panels, and the panels, [rows, columns]; no display is needed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _markdown(study: Study, columns: Sequence[str]) -> str:
    lines = [f"# Study: {study.name}", "", study.summary, "", "```", study.command, "```", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in columns) + " |" for row in study.rows]
    lines += ["", "![figure](figure.png)"]
    lines += ["", *(f"* {note}" for note in study.notes)] if study.notes else []
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value).replace("|", "\\|")
