"""One pretraining method across backbones, under one budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molbench.evaluation import evaluate
from molbench.evaluation.summary import SummaryRow
from molbench.spec.protocol import Protocol
from molbench.studies.report import Study, new_panels, write_study
from molbench.training.checkpoint import Checkpoint
from molbench.training.pretrain import pretrain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def backbones(
    method: str,
    names: Sequence[str],
    patterns: Sequence[str],
    *,
    data: str,
    steps: int,
    protocol: Protocol,
    seeds: int,
    output: Path,
    command: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Pretrain each backbone with the same method, steps and data, and evaluate it beside its scratch.

    Checkpoints and results are kept in the study's folder, so that a study that was stopped goes on.

    Args:
        method: Pretraining method.
        names: Backbones.
        patterns: Globs over task ids.
        data: Id or folder of the pretraining dataset.
        steps: Optimiser steps of each pretraining.
        protocol: How the checkpoints are evaluated.
        seeds: Seeds of the evaluation.
        output: Folder of the study.
        command: What the user typed, for the report.
        progress: Told what is done, and how many of how many backbones are.
    """
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        if progress is not None:
            progress(f"{method} on {name}", number, len(names))
        path = output / "checkpoints" / f"{name}-{method}-{steps}.pt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            pretrain(method, data=data, output=path, backbone=name, steps=steps)
        provenance = Checkpoint.load(path).pretraining
        report = evaluate(
            [path], list(patterns), protocol=protocol, seeds=seeds, output=output / "results", scratch=True
        )
        speed = {"pretraining molecules/s": provenance.get("molecules_per_second")}
        rows += [{**row, **speed} for row in _compared(name, report.rows)]
    study = Study(
        "backbones",
        f"{method}, {steps} steps on {data}, then protocol {protocol.name} with {seeds} seeds.",
        rows,
        command,
        [
            "half_width is that of the 95 % interval of the difference to scratch, over test records and "
            "seeds; p_adjusted is adjusted for the tasks of one backbone."
        ],
    )
    return write_study(output, study, lambda: _draw(rows))


def _compared(name: str, summaries: Sequence[SummaryRow]) -> Iterator[dict[str, Any]]:
    """A row for each task on which a backbone was scored pretrained and from scratch."""
    by_kind = {(summary.task, summary.delta is None): summary for summary in summaries}
    for task in dict.fromkeys(summary.task for summary in summaries):
        pretrained, base = by_kind[task, False], by_kind[task, True]
        yield {
            "task": task,
            "backbone": name,
            "metric": pretrained.metric,
            "unit": pretrained.unit,
            "pretrained": pretrained.mean,
            "scratch": base.mean,
            "difference": pretrained.delta.value if pretrained.delta else None,
            "half_width": pretrained.delta.half_width if pretrained.delta else None,
            "p": pretrained.delta.p if pretrained.delta else None,
            "p_adjusted": pretrained.delta.p_adjusted if pretrained.delta else None,
            "verdict": pretrained.delta.verdict if pretrained.delta else None,
        }


def _draw(rows: Sequence[dict[str, Any]]) -> Figure:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, panels = new_panels(len(tasks))
    for task, panel in zip(tasks, panels[0], strict=True):
        task_rows = [row for row in rows if row["task"] == task]
        places = range(len(task_rows))
        panel.bar([p - 0.2 for p in places], [row["scratch"] for row in task_rows], 0.38, label="scratch")
        panel.bar(
            [p + 0.2 for p in places], [row["pretrained"] for row in task_rows], 0.38, label="pretrained"
        )
        panel.set(title=task, ylabel=f"{task_rows[0]['metric']} ({task_rows[0]['unit']})")
        panel.set_xticks(list(places), [row["backbone"] for row in task_rows])
        panel.legend(fontsize="small")
    return figure
