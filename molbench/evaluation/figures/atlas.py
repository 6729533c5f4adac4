"""An error atlas: groups of test records on which two models differ, and the records that differ most."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.rdBase import BlockLogs

from molbench.errors import UserError
from molbench.evaluation.clusters import Clusters
from molbench.evaluation.comparison.model_results import ModelResults, read_models
from molbench.evaluation.figures.canvas import GREY, label, new_figure, require_figure, save, styled
from molbench.evaluation.figures.grouping import Grouping, grouping
from molbench.evaluation.figures.records import TaskScores, by_task
from molbench.evaluation.measurement import Estimate
from molbench.evaluation.statistics import Component, half_width
from molbench.numbers import plain

#: Share of false discoveries among groups that are called different.
RATE = 0.05
_GROUPS, _STRUCTURES, _PIXELS = 6, 5, 320


@dataclass(frozen=True, eq=False)
class AtlasGroup:
    """A group of records on which one model's errors differ from the other's.

    Attributes:
        kind: ``all``, ``element``, ``atoms``, ``charge`` or ``scaffold``.
        name: Of the group.
        difference: Mean of the first model's record scores minus the other's, in the unit of the task.
        half_width: Of its 95 % interval over records.
        q: Smallest rate of false discoveries at which it is called different, for all groups together.
        n: Records.
        worst: Its records that differ most in that direction, by place.
    """

    kind: str
    name: str
    difference: float
    half_width: float
    q: float
    n: int
    worst: list[int]


def false_discovery(p: np.ndarray) -> np.ndarray:
    """P-values adjusted by Benjamini and Hochberg, [m] (J. R. Stat. Soc. B 57, 289 (1995)).

    Groups that share records depend on each other positively, for which the method holds too (Benjamini and
    Yekutieli, Ann. Stat. 29, 1165 (2001)).
    """
    order = np.argsort(p, kind="stable")[::-1]
    scaled = p[order] * p.size / np.arange(p.size, 0, -1)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


def atlas(
    first: str | Path,
    other: str | Path,
    task: str,
    path: str | Path,
    *,
    results: str | Path = "results",
) -> list[AtlasGroup]:
    """Draw where two models differ on one task; the scores of all records lie beside it as CSV.

    Args:
        first: Folder of results, or name of a model in ``results``.
        other: Likewise.
        task: Id of a task that both have; its dataset must be built.
        path: The figure, ``.png``, ``.svg`` or ``.pdf``.
        results: Folder in which names are looked for.

    Returns:
        The groups that differ, the most certain first; none is an answer, too.

    Raises:
        UserError: If a model, the task or its dataset is not there, or records differ.
    """
    path = Path(path)
    require_figure(path)
    sides = read_models([first, other], results, [task])
    if len(sides) != 2:
        raise UserError("an atlas is of two models: name one folder or model for each")
    scores, difference = _difference(sides)
    groups = grouping(scores.task, scores.ids)
    groups_found = differing(groups, difference)
    with styled():
        figure = _draw(groups_found, groups, scores, [side.name for side in sides])
        save(figure, _rows(groups, scores, difference), path)
    return groups_found


def differing(groups: Grouping, difference: np.ndarray) -> list[AtlasGroup]:
    """Groups whose mean difference is not zero, false discoveries controlled over all groups.

    Of groups of the same records only the first is tested.

    Args:
        groups: Of the records.
        difference: Of each record, [n].
    """
    tested = []
    masks: set[bytes] = set()
    every = {"all": {"records": np.ones(difference.size, bool)}}
    for kind, named in (every | groups.kinds).items():
        for name, inside in named.items():
            rows = np.flatnonzero(inside & np.isfinite(difference))
            if rows.size >= 2 and inside.tobytes() not in masks:
                masks.add(inside.tobytes())
                values = difference[rows]
                component = Clusters(rows.size).component((values - values.mean()) / rows.size)
                tested.append((kind, name, rows, float(values.mean()), component))
    if not tested:
        return []
    nothing = Component(0.0, 1.0)
    p = np.array([float(Estimate(mean, component, nothing).p) for *_, mean, component in tested])
    q = false_discovery(p)
    groups_found = []
    for i in np.argsort(p, kind="stable"):
        kind, name, rows, mean, component = tested[i]
        if q[i] <= RATE:
            ordered = rows[np.argsort(-np.sign(mean) * difference[rows], kind="stable")]
            width = float(half_width([component]))
            groups_found.append(AtlasGroup(kind, name, mean, width, float(q[i]), rows.size, ordered.tolist()))
    return groups_found


def _difference(sides: Sequence[ModelResults]) -> tuple[TaskScores, np.ndarray]:
    names = [side.name for side in sides]
    results = []
    for side in sides:
        places = list(side.runs)
        if len(places) != 1:
            raise UserError(f"{side.name}: name one task, and a folder with one protocol, not {len(places)}")
        results += [(side.name, stored) for stored in side.runs[places[0]].values()]
    named = {id(stored): name for name, stored in results}
    (scores,) = by_task([stored for _, stored in results], lambda stored: named[id(stored)])
    return scores, scores.scores[names[0]] - scores.scores[names[1]]


def _draw(
    groups_found: Sequence[AtlasGroup], groups: Grouping, scores: TaskScores, names: Sequence[str]
) -> Any:
    shown = groups_found[:_GROUPS]
    figure = new_figure(1.5 + 1.35 * _STRUCTURES, 0.8 + 1.25 * max(len(shown), 1))
    unit = "" if scores.unit == "1" else f" ({scores.unit})"
    figure.suptitle(
        f"{label(scores.task)}: {scores.metric}{unit} of {label(names[0], 24)} minus {label(names[1], 24)}"
    )
    if not shown:
        figure.text(0.5, 0.4, "no group of records differs", ha="center", color=GREY)
        return figure
    panels = figure.subplots(
        len(shown), _STRUCTURES + 1, squeeze=False, width_ratios=[1.1, *[1] * _STRUCTURES]
    )
    difference = scores.scores[names[0]] - scores.scores[names[1]]
    for group, line in zip(shown, panels, strict=True):
        for panel in line:
            panel.set_axis_off()
        text = (
            f"{group.kind}\n{label(group.name, 18)}\n"
            f"{_signed(group.difference)} ± {plain(group.half_width, 2)}\n"
            f"n = {group.n}, q {'< 0.001' if group.q < 0.001 else f'= {group.q:.3f}'}"
        )
        line[0].text(0, 0.5, text, va="center", linespacing=1.5)
        for row, panel in zip(group.worst, line[1:], strict=False):
            panel.set_title(_signed(float(difference[row])), fontsize="small")
            if (image := _image(groups.smiles[row])) is None:
                panel.text(0.5, 0.5, label(scores.ids[row], 14), ha="center", transform=panel.transAxes)
            else:
                panel.imshow(image)
    return figure


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{plain(value, 3)}"


def _image(smiles: str | None) -> np.ndarray | None:
    """A drawing as pixels, [h, w, 4]; None where there is nothing to draw."""
    from matplotlib.image import imread

    with BlockLogs():
        molecule = Chem.MolFromSmiles(smiles) if smiles else None
    if molecule is None:
        return None
    drawer = rdMolDraw2D.MolDraw2DCairo(_PIXELS, _PIXELS)
    options = drawer.drawOptions()
    options.useBWAtomPalette()
    options.padding = 0.08  # type: ignore[assignment]
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, molecule)
    drawer.FinishDrawing()
    pixels: np.ndarray = imread(io.BytesIO(drawer.GetDrawingText()), format="png")
    return pixels


def _rows(groups: Grouping, scores: TaskScores, difference: np.ndarray) -> list[dict[str, Any]]:
    """Every record, those that differ most first."""
    order = np.argsort(-np.abs(np.nan_to_num(difference)), kind="stable")
    return [
        {
            "id": scores.ids[row],
            "smiles": groups.smiles[row],
            **{f"{scores.metric} of {name}": values[row] for name, values in scores.scores.items()},
            "difference": difference[row],
        }
        for row in order
    ]
