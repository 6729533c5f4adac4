"""What pretraining gives on several backbones: each checkpoint beside its backbone with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molbench.errors import UserError
from molbench.evaluation import RunOutcome, evaluate
from molbench.evaluation.report import Report, Watcher
from molbench.evaluation.result import CheckpointEntry
from molbench.spec.protocol import Protocol
from molbench.spec.provenance import stages
from molbench.studies.report import Study, new_panels, refuse_foreign, write_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def backbones(
    checkpoints: Sequence[Path],
    patterns: Sequence[str],
    *,
    protocol: Protocol,
    seeds: int,
    output: Path,
    command: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Evaluate checkpoints, each beside its own backbone from scratch.

    Results are kept in the study's folder, so that a study that was stopped goes on. What could not be scored
    is told of in the notes.

    Args:
        checkpoints: Files; ``molbench pretrain METHOD --backbone painn,egnn`` makes one a backbone.
        patterns: Globs over task ids.
        protocol: How they are evaluated.
        seeds: Repetitions of every measurement.
        output: Folder of the study.
        command: What the user typed, for the report.
        progress: Told what is measured, and how many of how many runs are done.

    Raises:
        UserError: If a checkpoint was refused or a run failed, after the rest is written; or if nothing could
            be scored, or the folder has other files of the same names.
    """
    refuse_foreign(output, "backbones")
    report = evaluate(
        list(checkpoints),
        list(patterns),
        protocol=protocol,
        seeds=seeds,
        output=output / "results",
        watcher=_watcher(progress),
    )
    lost = [
        *(f"refused: {refusal}" for refusal in report.refusals),
        *(f"failed: {outcome.run.label}: {outcome.error}" for outcome in report.failures),
    ]
    none = [f"not scored: {pair.candidate} on {pair.task}: {pair.reason}" for pair in report.not_applicable]
    entries = {stored.result.checkpoint.name: stored.result.checkpoint for stored in report.results}
    rows = list(_compared(report, entries))
    if not rows:
        raise UserError(
            "\n".join(["no checkpoint was scored beside its backbone from scratch", *lost, *none])
        )
    study = Study(
        "backbones",
        f"Protocol {protocol.name} with {seeds} seeds, pretrained and from scratch.",
        rows,
        command,
        [
            "half_width is that of the 95 % interval of the difference to scratch, over test records and "
            "seeds; the bars of the figure show it. p_adjusted is adjusted for all differences of the table.",
            _what_else_differs([entry for entry in entries.values() if not entry.scratch]),
            *lost,
            *none,
        ],
    )
    files = write_study(output, study, lambda: _draw(rows))
    if lost:
        raise UserError("\n".join([f"{output}: written without what could not be scored", *lost]))
    return files


def _watcher(progress: Callable[[str, int, int], None] | None) -> Watcher:
    if progress is None:
        return Watcher()
    total = done = 0

    def planned(runs: int, reused: int) -> None:
        nonlocal total, done
        total, done = runs, reused

    def finished(outcome: RunOutcome) -> None:
        nonlocal done
        done += 1
        progress(f"{outcome.run.candidate.name} {outcome.run.task.id}", done, total)

    return Watcher(planned=planned, done=finished)


def _compared(report: Report, entries: Mapping[str, CheckpointEntry]) -> Iterator[dict[str, Any]]:
    """A row for each task and checkpoint that was scored there beside its backbone from scratch."""
    means = {(row.task, row.candidate): row.mean for row in report.rows}
    for row in report.rows:
        entry = entries.get(row.candidate)  # what several pretrainings give together has none
        if entry is None or row.delta is None:
            continue
        yield {
            "task": row.task,
            "model": row.candidate,
            "backbone": entry.backbone,
            "parameters": entry.parameters,
            "metric": row.metric,
            "unit": row.unit,
            "pretrained": row.mean,
            "scratch": means[row.task, entry.baseline],
            "difference": row.delta.value,
            "half_width": row.delta.half_width,
            "p": row.delta.p,
            "p_adjusted": row.delta.p_adjusted,
            "verdict": row.delta.verdict,
        }


def _what_else_differs(entries: Sequence[CheckpointEntry]) -> str:
    """In what the pretrainings are not the same."""
    pretrainings = [_settings(entry) for entry in entries]
    different = [
        name for name in pretrainings[0] if len({json.dumps(settings[name]) for settings in pretrainings}) > 1
    ]
    if different:
        return f"The pretrainings differ in more than the backbone: {', '.join(different)}."
    return "Method, its settings, data, steps and batch size of the pretrainings are the same."


def _settings(entry: CheckpointEntry) -> dict[str, Any]:
    """What should be equal for the backbones to be all that differs, by its name in the note."""
    stage: dict[str, Any] = next(reversed(stages(entry.pretraining)), {})
    training = stage.get("training")
    training = training if isinstance(training, dict) else {}  # it may be a stranger's
    return {
        "method": entry.method,
        "its settings": entry.method_config,
        "data": stage.get("digest"),
        "steps": training.get("steps"),
        "batch size": training.get("batch_size"),
    }


def _draw(rows: Sequence[dict[str, Any]]) -> Figure:
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    figure, panels = new_panels(len(tasks))
    for task, panel in zip(tasks, panels[0], strict=True):
        task_rows = [row for row in rows if row["task"] == task]
        places = range(len(task_rows))
        panel.bar([p - 0.2 for p in places], [row["scratch"] for row in task_rows], 0.38, label="scratch")
        panel.bar(
            [p + 0.2 for p in places],
            [row["pretrained"] for row in task_rows],
            0.38,
            yerr=[row["half_width"] or 0.0 for row in task_rows],
            capsize=3,
            label="pretrained",
        )
        panel.set(title=task, ylabel=f"{task_rows[0]['metric']} ({task_rows[0]['unit']})")
        panel.set_xticks(list(places), [f"{row['backbone']}\n{row['model']}" for row in task_rows])
        panel.legend(fontsize="small")
    return figure
