"""The page of a model: its card, its scores, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from molbench.evaluation.predictions import Predictions
from molbench.evaluation.repeats import Runs
from molbench.evaluation.score import record_scores
from molbench.leaderboard.card import Card
from molbench.leaderboard.records import Records
from molbench.leaderboard.render import estimate, gain, made_again, pretraining
from molbench.leaderboard.score import Score
from molbench.numbers import plain
from molbench.site.audits import audit_lines
from molbench.site.drawings import Drawings
from molbench.site.evidence import Evidence
from molbench.site.facts import Facts
from molbench.site.overview import cell
from molbench.site.pictures import picture
from molbench.site.templating import render
from molbench.spec.catalogue import is_audit
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.units import convert

#: Records shown where a model is most wrong.
_WORST = 3


@dataclass(frozen=True)
class Worst:
    """A record that a model is wrong about.

    Attributes:
        id: Its name.
        prediction: What was predicted of it, or its own score.
        drawing: SMILES and place of its drawing; None where it has none.
    """

    id: str
    prediction: str
    drawing: tuple[str, str] | None


@dataclass(frozen=True)
class Look:
    """The predictions of one task.

    Attributes:
        task: Its id.
        score: Its record.
        plot: The predictions of the first seed.
        caption: What it shows.
        worst: Records with the worst scores of that.
    """

    task: str
    score: Score
    plot: Markup
    caption: str
    worst: list[Worst]


def model_page(records: Records, card: Card, evidence: Evidence, facts: Facts, drawings: Drawings) -> str:
    """The page of one model."""
    places = [(table, row) for table in records.boards for row in table.rows if row.model == card.model]
    scores = {table.name: records.by_row.get((table.name, card.model), []) for table, _ in places}
    runs = {
        table.name: evidence.of_model(card.model, (table.protocol["name"], FINGERPRINT))
        for table, _ in places
    }
    return render(
        "model.html",
        root="../",
        boards=records.boards,
        card=card,
        places=places,
        scores=scores,
        leakage={name: _leakage(board_scores) for name, board_scores in scores.items()},
        again=[
            (score, reproduction)
            for table, _ in places
            for score in table.published
            for reproduction in score.reproductions
            if reproduction.model == card.model
        ],
        made_again=made_again,
        audits={name: audit_lines(board_scores, runs[name], facts) for name, board_scores in scores.items()},
        looks=list(_looks(scores, runs, facts, drawings)),
        cell=cell,
        estimate=estimate,
        gain=gain,
        pretraining=pretraining,
    )


def _leakage(scores: list[Score]) -> dict[str, list[str]]:
    """Tasks by what is known of their test records in pretraining."""
    tasks_of: dict[str, list[str]] = {}
    for score in scores:
        if score.seen:
            tasks_of.setdefault(score.seen, []).append(score.task)
    return tasks_of


def _looks(
    scores: dict[str, list[Score]], runs: dict[str, dict[str, Runs]], facts: Facts, drawings: Drawings
) -> Iterator[Look]:
    seen = set()
    for name, board_scores in scores.items():
        for score in board_scores:
            if score.task in runs[name] and score.task not in seen and not is_audit(score.task):
                seen.add(score.task)
                yield _look(score, runs[name][score.task], facts, drawings)


def _prediction(predictions: Predictions, i: int, score: str) -> str:
    if predictions.forces is not None or predictions.target.ndim > 1:
        return score
    pair = (plain(float(values[i]), 3) for values in (predictions.prediction, predictions.target))
    unit = "" if predictions.unit == "1" else f" {predictions.unit}"
    return "predicted {}, label {}{}".format(*pair, unit)


def _in_unit(predictions: Predictions, unit: str) -> Predictions:
    """One number a record in the unit of the score, so that a page has one unit of a task."""
    if predictions.forces is not None:
        return predictions
    try:
        target, prediction = (
            convert(values, predictions.unit, unit) for values in (predictions.target, predictions.prediction)
        )
    except ValueError:  # a score without a unit, such as a correlation
        return predictions
    return replace(predictions, target=target, prediction=prediction, unit=unit)


def _look(score: Score, runs: Runs, facts: Facts, drawings: Drawings) -> Look:
    stored = runs[min(runs)]
    declared, predictions = stored.result.task.declaration, stored.predictions
    values = record_scores(declared, predictions)
    predictions = _in_unit(predictions, score.unit)
    order = np.argsort(values if score.direction == "higher" else -values, kind="stable")[:_WORST]
    task = facts.task(score.task)
    store = facts.store(task) if task else None
    unit = "" if score.unit == "1" else f" {score.unit}"
    worst = [
        Worst(
            predictions.ids[i],
            _prediction(predictions, int(i), plain(float(values[i]), 3) + unit),
            drawings.of(store, predictions.ids[i]) if store is not None else None,
        )
        for i in order
    ]
    return Look(score.task, score, *picture(declared, predictions), worst)
