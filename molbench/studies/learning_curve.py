"""Score against the number of labelled training records, pretrained and from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate, encoder_digest
from molbench.evaluation.candidates.resolve import gather
from molbench.evaluation.data import TaskData
from molbench.evaluation.protocol_predictions import protocol_predictions
from molbench.evaluation.score import Scorer
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.protocol import Protocol
from molbench.studies.points import Points, mean_and_spread
from molbench.studies.report import Study, new_panels, refuse_foreign, write_study
from molbench.studies.tasks import open_store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CurveProgress = Callable[[str, int, int], None]


def sizes_up_to(total: int) -> list[int]:
    """50, 100, 200, 500, 1000 … below ``total``, then ``total``."""
    steps = (factor * 10**power for power in range(1, 9) for factor in (1, 2, 5))
    return [n for n in steps if 50 <= n < total] + [total]


def learning_curve(
    checkpoints: Sequence[Path],
    patterns: Sequence[str],
    *,
    protocol: Protocol,
    seeds: int,
    output: Path,
    command: str,
    sizes: Sequence[int] | None = None,
    progress: CurveProgress | None = None,
) -> list[Path]:
    """Measure every checkpoint and its backbone from scratch on more and more training records.

    A seed draws the records, the fewer among the more, and the head.

    Args:
        checkpoints: Checkpoint files.
        patterns: Globs over task ids.
        protocol: How each point is measured.
        seeds: Repetitions of each point.
        output: Folder of the study.
        command: What the user typed, for the report.
        sizes: Numbers of training records; by default 50, 100, 200, 500 … and all.
        progress: Told what is measured, and how many points are done of how many.

    Raises:
        UserError: If a task is not built, there are fewer training records than asked for, or the folder has
            other files of the same names.
    """
    refuse_foreign(output, "learning-curve")
    candidates = gather(list(checkpoints), scratch=True)
    points, rows = Points(output), []
    tasks = Catalogue.load().tasks(patterns)
    stores = [open_store(task) for task in tasks]
    all_counts = [_sizes(task, store, sizes) for task, store in zip(tasks, stores, strict=True)]
    total, done = sum(map(len, all_counts)) * len(candidates) * seeds, 0
    for task, store, counts in zip(tasks, stores, all_counts, strict=True):
        for candidate in candidates:
            for count in counts:
                scores = []
                for seed in range(seeds):
                    if progress is not None:
                        progress(f"{candidate.name} {task.id} n={count}", done, total)
                    scores.append(
                        _point(points, candidate, task, store, protocol=protocol, count=count, seed=seed)
                    )
                    done += 1
                row = {"task": task.id, "model": candidate.name, "training records": count}
                rows.append({**row, **mean_and_spread(task, scores)})
    study = Study(
        "learning-curve",
        f"Protocol {protocol.name}, {seeds} seeds, each drawing its training records and its head anew.",
        rows,
        command,
        ["std is the standard deviation over seeds; the bars of the figure show it."],
    )
    return write_study(output, study, lambda: _draw(rows))


def _point(
    points: Points,
    candidate: CheckpointCandidate,
    task: TaskRef,
    store: Store,
    *,
    protocol: Protocol,
    count: int,
    seed: int,
) -> Any:
    checkpoint = candidate.checkpoint(seed)
    data = TaskData.open(task.at(seed), store, count, seed)

    def measure() -> dict[str, Any]:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            predictions, _ = protocol_predictions(checkpoint.build(), data, protocol, seed, device)
        except UserError as error:
            raise UserError(f"{count:,} training records of seed {seed}: {error}") from error
        scorer = Scorer.of(task.task, task.task.metrics[0], predictions)
        return {"value": scorer.value(predictions), "unit": scorer.unit}

    depends = {
        "encoder": encoder_digest(checkpoint),
        "task": [task.id, task.task.model_dump(exclude={"why", "caveats"}), store.digest],
        "protocol": protocol.model_dump(exclude={"description"}),
        "records": count,
        "seed": seed,
    }
    return points.get(depends, measure)


def _sizes(task: TaskRef, store: Store, sizes: Sequence[int] | None) -> list[int]:
    available = TaskData.open(task.at(0), store).rows["train"].size
    if sizes and max(sizes) > available:
        raise UserError(f"{task.id} has {available:,} training records, not {max(sizes):,}")
    return sorted(set(sizes)) if sizes else sizes_up_to(available)


def _draw(rows: Sequence[dict[str, Any]]) -> Figure:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, panels = new_panels(len(tasks))
    for task, panel in zip(tasks, panels[0], strict=True):
        task_rows = [row for row in rows if row["task"] == task]
        for model in dict.fromkeys(row["model"] for row in task_rows):
            curve = [row for row in task_rows if row["model"] == model]
            panel.errorbar(
                [row["training records"] for row in curve],
                [row["mean"] for row in curve],
                [row["std"] or 0.0 for row in curve],
                marker="o",
                capsize=3,
                label=model,
            )
        panel.set(
            title=task,
            xlabel="training records",
            ylabel=f"{task_rows[0]['metric']} ({task_rows[0]['unit']})",
            xscale="log",
        )
        panel.legend(fontsize="small")
    return figure
