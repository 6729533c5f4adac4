"""What an encoder learns from types and what from coordinates: training with either destroyed.

The study of GeoSSL (Liu, Guo, Tang, ICLR 2023, arXiv 2206.13602, table 5). Type corruption gives every atom
the same unknown element, as their released data set does. How they corrupted coordinates was not released:
here the coordinates of each molecule are replaced by independent normal numbers with the standard deviation
of its own, drawn once a molecule, so that nothing of the geometry but its size is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from molbench.backbones import build_backbone
from molbench.data.read.store import Rows, Store
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.protocol_predictions import protocol_predictions
from molbench.evaluation.score import Scorer
from molbench.graph.molecules import MoleculeBatch
from molbench.graph.scatter import mean_atoms
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.protocol import Protocol
from molbench.studies.points import Points, mean_and_spread
from molbench.studies.report import Study, new_panels, refuse_foreign, write_study
from molbench.studies.tasks import open_store
from molbench.training.checkpoint import config_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Mode = Literal["stable", "type", "coordinate"]
MODES: tuple[Mode, ...] = ("stable", "type", "coordinate")
UNKNOWN = 0


class CorruptedStore(Store):
    """Records of another store with types or coordinates destroyed.

    Args:
        store: The records.
        mode: What is destroyed.
        seed: Draws the coordinates; a record has the same ones whenever it is read.
    """

    def __init__(self, store: Store, mode: Mode, seed: int) -> None:
        super().__init__(store.folder, store.subset, store.manifest, store.table)
        self.mode = mode
        self.seed = seed

    def batch(self, rows: Rows, targets: Sequence[str] = (), forces: bool = False) -> MoleculeBatch:
        """See :meth:`Store.batch`."""
        return corrupt(super().batch(rows, targets, forces), self.mode, self.seed)


def corrupt(batch: MoleculeBatch, mode: Mode, seed: int) -> MoleculeBatch:
    """The batch with the types or coordinates of its molecules destroyed.

    Args:
        batch: Records of one molecule, with the rows they come from.
        mode: What is destroyed.
        seed: Draws the coordinates, together with the row.
    """
    if mode == "type":
        return batch.replace(atomic_numbers=torch.full_like(batch.atomic_numbers, UNKNOWN))
    if mode == "stable" or batch.rows is None:
        return batch
    centred = batch.positions - mean_atoms(batch.positions, batch)[batch.molecule]
    scale = mean_atoms(centred.square().mean(dim=1), batch).sqrt()
    noise = [
        np.random.default_rng([seed, row]).standard_normal((size, 3))
        for row, size in zip(batch.rows.tolist(), batch.sizes.tolist(), strict=True)
    ]
    drawn = torch.from_numpy(np.concatenate(noise)).to(batch.positions.dtype)
    return batch.replace(positions=drawn * scale[batch.molecule].unsqueeze(-1))


def corruption(
    backbones: Sequence[str],
    patterns: Sequence[str],
    *,
    protocol: Protocol,
    seeds: int,
    output: Path,
    command: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Train every backbone from scratch on every task in the three modes.

    Args:
        backbones: Names of backbones.
        patterns: Globs over ids of tasks with one molecule a record.
        protocol: A ``finetune`` protocol.
        seeds: Repetitions.
        output: Folder of the study.
        command: What the user typed, for the report.
        progress: Told what is trained, and how many trainings are done of how many.

    Raises:
        UserError: If the protocol does not train, a task is not built or on pairs, or the folder has other
            files of the same names.
    """
    if protocol.kind != "finetune":
        raise UserError(f"protocol '{protocol.name}' trains no encoder; this study needs one that does")
    refuse_foreign(output, "corruption")
    points, rows = Points(output), []
    backbones = [*dict.fromkeys(backbones)]
    tasks = Catalogue.load().tasks(patterns)
    total, done = len(tasks) * len(backbones) * len(MODES) * seeds, 0
    for task in tasks:
        store = open_store(task)
        if store.molecules_per_record > 1:
            raise UserError(f"{task.id}: the study is on records of one molecule")
        for backbone in backbones:
            for mode in MODES:
                scores = []
                for seed in range(seeds):
                    if progress is not None:
                        progress(f"{backbone} {task.id} {mode}", done, total)
                    scores.append(_point(points, backbone, task, CorruptedStore(store, mode, seed), protocol))
                    done += 1
                rows.append(
                    {"task": task.id, "backbone": backbone, "mode": mode, **mean_and_spread(task, scores)}
                )
    study = Study(
        "corruption",
        f"Encoders trained from scratch under protocol {protocol.name}: on intact records, on records whose "
        "atoms all have one unknown type, and on records whose coordinates are noise of their own size.",
        rows,
        command,
        ["The rule by which the published table corrupted coordinates is not known; this one is ours."],
    )
    return write_study(output, study, lambda: _draw(rows))


def _point(points: Points, backbone: str, task: TaskRef, store: CorruptedStore, protocol: Protocol) -> Any:
    seed = store.seed
    torch.manual_seed(seed)
    encoder = build_backbone(backbone)

    def measure() -> dict[str, Any]:
        data = TaskData.open(task.at(seed), store)
        predictions, _ = protocol_predictions(encoder, data, protocol, seed, torch.device("cpu"))
        scorer = Scorer.of(task.task, task.task.metrics[0], predictions)
        return {"value": scorer.value(predictions), "unit": scorer.unit}

    depends = {
        "backbone": [backbone, config_of(encoder)],
        "task": [task.id, store.digest],
        "protocol": protocol.model_dump(exclude={"description"}),
        "mode": store.mode,
        "seed": seed,
    }
    return points.get(depends, measure)


def _draw(rows: Sequence[dict[str, Any]]) -> Figure:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    backbones = list(dict.fromkeys(row["backbone"] for row in rows))
    figure, panels = new_panels(len(tasks))
    for task, panel in zip(tasks, panels[0], strict=True):
        task_rows = [row for row in rows if row["task"] == task]
        for i, mode in enumerate(MODES):
            of_mode = [row for row in task_rows if row["mode"] == mode]
            places = [backbones.index(row["backbone"]) + 0.27 * (i - 1) for row in of_mode]
            panel.bar(
                places,
                [row["mean"] for row in of_mode],
                0.25,
                yerr=[row["std"] or 0.0 for row in of_mode],
                label=mode,
            )
        panel.set(title=task, ylabel=f"{task_rows[0]['metric']} ({task_rows[0]['unit']})")
        panel.set_xticks(range(len(backbones)), backbones)
        panel.legend(fontsize="small")
    return figure
