"""The page of a task: what is asked, of which records, and what every model answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from molbench.data.audit.nearest_train import BINS
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import made_again
from molbench.leaderboard.score import Score
from molbench.site.facts import Facts
from molbench.site.overview import cell
from molbench.site.plots import Scale, bars, curve, histogram, interval_mark
from molbench.site.templating import render
from molbench.spec.catalogue import TaskRef, is_audit
from molbench.spec.spectra import SpectrumColumn
from molbench.spec.splits import SPLITS


@dataclass(frozen=True)
class Answer:
    """One model's score on the task.

    Attributes:
        score: Its record.
        text: The score in words.
        plot: The score on the task's axis.
    """

    score: Score
    text: str
    plot: Markup


def task_page(records: Records, name: str, facts: Facts, asked: dict[str, Any] | None) -> str:
    """The page of one task.

    Args:
        records: Every number.
        name: Id of the task.
        facts: What is known of the dataset.
        asked: What a file of predictions is held against; None where the page cannot score one.
    """
    scores = records.by_task[name]
    published = [score for board in records.boards for score in board.published if score.task == name]
    task = facts.task(name)
    audit = is_audit(name)
    trained = [] if audit else records.boards
    return render(
        "task.html",
        root="../",
        boards=records.boards,
        name=name,
        task=task,
        declared=task.task if task else None,
        first=scores[0],
        known={card.model for card in records.cards},
        published=list({score.model_dump_json(): score for score in published}.values()),
        titles={board.name: board.title for board in records.boards},
        answers={
            board.name: _answers([one for one in scores if one.board == board.name])
            for board in records.boards
        },
        trivial=next((table.constants[name] for table in trained if name in table.constants), None),
        labels=_labels(task, facts) if task else None,
        spectrum=task is not None and isinstance(task.column, SpectrumColumn),
        scheme=facts.scheme(task) if task and not audit else None,
        splits=SPLITS,
        nearest=_nearest(task, facts) if task and not audit else None,
        missing=name.partition("/")[0] if task and not audit and task.folder is None else None,
        asked=asked,
        made_again=made_again,
    )


def _answers(scores: Sequence[Score]) -> list[Answer]:
    """Best first."""
    ends = [score.mean + side * (score.half_width or 0.0) for score in scores for side in (-1, 1)]
    scale = Scale.of(ends)
    return [
        Answer(
            score,
            cell(score),
            interval_mark(
                scale,
                score.mean,
                None if score.half_width is None else score.mean - score.half_width,
                None if score.half_width is None else score.mean + score.half_width,
            ),
        )
        for score in sorted(scores, key=lambda one: one.mean * (1 if one.direction == "lower" else -1))
    ]


def _labels(task: TaskRef, facts: Facts) -> Markup | None:
    labels = facts.labels(task)
    if not labels or "train" not in labels:  # nothing is trained for an audit, and its labels are all zero
        return None
    label = f"Labels of {task.id}: test as a line over train"
    if isinstance(task.column, SpectrumColumn):
        grid = task.column.grid
        ends = f"{grid.start:g}", f"{grid.start + grid.step * (grid.points - 1):g} {grid.unit}"
        means = [(split, labels[split].mean(axis=0)) for split in ("test", "train")]
        return curve(means, f"Mean spectra of {task.id}", ends)
    unit = "" if task.unit == "1" else task.unit
    return histogram([(split, labels[split]) for split in ("train", "test")], unit, label)


def _nearest(task: TaskRef, facts: Facts) -> Markup | None:
    scheme = facts.scheme(task)
    if scheme is None or scheme.nearest is None:
        return None
    nearest = scheme.nearest
    label = f"Tanimoto similarity of {nearest.test} test molecules to their nearest in train, in {BINS} bins"
    return bars(nearest.counts, "0", "1 Tanimoto similarity", label)
