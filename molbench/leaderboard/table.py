"""A finished board as plain data, the same whatever it is rendered to."""

from __future__ import annotations

from typing import Any

from molbench.evaluation.summary import MORE_SEEDS
from molbench.leaderboard.published import PublishedScore
from molbench.leaderboard.score import Difference, Number, Score
from molbench.spec.base import Spec, later
from molbench.spec.submission import Tier


class Row(Spec):
    """One model.

    Attributes:
        rank: One more than the number of models told to be better on the tasks that both have; absent where
            nothing is ranked, or not this model.
        rank_high: Last place it may have; the first is its rank.
        relative_error: Geometric mean over tasks of error over that of predicting a constant; absent where a
            task is missing.
        gain: Share of the error that pretraining removes, against the same backbone from scratch.
        tasks: Tasks it has all seeds of.
        overlap: Tasks whose dataset it was pretrained on.
        warnings: What is suspicious about its predictions.
        tier: How far it has been checked.
        mean_rank: Mean over tasks of its place among the models that have the task.
        skill: Share of the error of the fingerprint trees that it removes.
        first: Share of random weightings of the tasks in which it stays first.
        pareto: Whether no model with fewer weights has a smaller error.
        parameters: Weights of the encoder.
        pareto_time: Whether no model that was measured on the same device, in the same way, and takes less
            time has a smaller error.
        seconds: That a thousand records take to predict or encode, geometric mean over the board's tasks.
        device: On which.
        withdrawn: Why it was withdrawn.
    """

    model: str
    backbone: str
    method: str | None
    pretrained_on: str | None
    encoder_digest: str | None
    rank: int | None
    rank_high: int | None
    relative_error: Number | None
    gain: Difference | None
    tasks: int
    overlap: int
    warnings: list[str]
    tier: Tier | None = later(None)
    mean_rank: float | None = later(None)
    skill: Number | None = later(None)
    first: float | None = later(None)
    pareto: bool = later(False)
    parameters: int | None = later(None)
    pareto_time: bool = later(False)
    seconds: float | None = later(None)
    device: str | None = later(None)
    withdrawn: str | None = later(None)


class BoardDataset(Spec):
    """One dataset, or part of one, behind the board."""

    dataset: str
    version: str
    digest: str
    scheme: str
    split_digest: str
    tasks: list[str]


class Table(Spec):
    """Everything a board shows.

    Attributes:
        partial: Whether records of the schemes that are tested on are missing, so that nothing is ranked.
        detectable: Smallest difference of two models' relative errors, as a share, that is found in 80 % of
            repetitions.
        detectable_later: The same with ``more_seeds`` times as many seeds.
        published: Numbers of papers, which are never ranked.
        task_weights: Weight of each task in means; they add up to one, and tasks of one group share one.
        constants: What predicting one constant scores, by task, where its metric is defined then.
    """

    name: str
    title: str
    description: str
    commands: list[str]
    protocol: dict[str, Any]
    evaluation: str
    embedded: bool
    partial: bool
    detectable: float | None
    detectable_later: float | None
    more_seeds: int = MORE_SEEDS
    tasks: list[str]
    missing: list[str]
    sources: list[BoardDataset]
    rows: list[Row]
    scores: list[Score]
    published: list[PublishedScore] = later([])
    task_weights: dict[str, float] = later({})
    constants: dict[str, float] = later({})
