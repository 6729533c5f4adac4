"""An overlap matrix as CSV, JSON and a heat map."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from molbench.atomic import replace_file
from molbench.data.leakage.matrix import LEVELS, Matrix


def write_matrix(matrix: Matrix, folder: Path) -> None:
    """Write ``overlap.csv``, ``overlap.json`` and ``overlap.png`` into ``folder``."""
    with replace_file(folder / "overlap.json") as temporary:
        temporary.write_text(matrix.model_dump_json(indent=1) + "\n", encoding="utf-8")
    with replace_file(folder / "overlap.csv") as temporary, temporary.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["corpus", "task", "level", "seen", "of", "share", "compared by", "unidentified"])
        for task, overlap in matrix.tasks.items():
            for level, count in overlap.counts.items():
                share = "" if count.share is None else f"{count.share:.6f}"
                facts = (overlap.compared_by, overlap.unidentified)
                table.writerow([matrix.corpus.name, task, level, count.seen, count.of, share, *facts])
    with replace_file(folder / "overlap.png") as temporary:
        _draw(matrix, temporary)


def rows(matrix: Matrix) -> list[list[str]]:
    """A header and one row a task, as text."""
    levels = _levels(matrix)
    table = [["task", "test molecules", *levels, "compared by"]]
    for task, overlap in matrix.tasks.items():
        molecules = overlap.counts.get("molecule")
        cells = []
        for level in levels:
            count = overlap.counts.get(level)
            share = count.share if count else None
            cells.append("-" if count is None or share is None else f"{count.seen:,} ({share:.1%})")
        table.append([task, f"{molecules.of:,}" if molecules else "-", *cells, overlap.compared_by])
    return table


def _levels(matrix: Matrix) -> list[str]:
    return [level for level in LEVELS if any(level in o.counts for o in matrix.tasks.values())]


def _draw(matrix: Matrix, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels, tasks = _levels(matrix) or ["molecule"], list(matrix.tasks)
    shares = np.full((len(tasks), len(levels)), np.nan)
    for i, overlap in enumerate(matrix.tasks.values()):
        for j, level in enumerate(levels):
            share = overlap.counts[level].share if level in overlap.counts else None
            shares[i, j] = np.nan if share is None else share
    figure = Figure(figsize=(2.5 + 1.0 * len(levels), 1.2 + 0.25 * len(tasks)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(levels)), levels, fontsize=7)
    axes.set_yticks(range(len(tasks)), tasks, fontsize=7)
    axes.set_title(f"test molecules seen in {matrix.corpus.name}", fontsize=8)
    for (i, j), share in np.ndenumerate(shares):
        text = "-" if np.isnan(share) else f"{share:.0%}"
        axes.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if share < 0.6 else "black")
    figure.colorbar(image, label="share")
    figure.savefig(path, format="png", dpi=100, metadata={"Software": None})
