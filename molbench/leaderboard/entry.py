"""A model as boards read it, whether it was submitted or is a result of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from molbench.leaderboard.card import Card
from molbench.submission.receipt import TaskScore


@dataclass(frozen=True)
class Entry:
    """A model and its scores.

    Attributes:
        card: What is told of it beside its scores.
        backbone: Name of its encoder.
        baseline: Model that is the same encoder from scratch; None if it is one itself, or has none.
        method: How it was pretrained; None if it was not.
        pretrained_on: Names of its corpora, first to last; None if there are none.
        task_scores: What it scores, all computed as scores are computed now.
        scratch: Whether its weights are random, drawn from the seed of each run.
        speeds: Records a second by task and protocol, where they were measured.
        seen: What is known of test records seen in pretraining, by task.
        warnings: What is suspicious about predictions, by task and protocol.
        partial: Tasks of whose split schemes records are missing here.
    """

    card: Card
    backbone: str
    baseline: str | None
    method: str | None
    pretrained_on: str | None
    task_scores: tuple[TaskScore, ...]
    scratch: bool = False
    speeds: Mapping[tuple[str, str], float] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """``family/model``."""
        return f"{self.card.family}/{self.card.model}"


@dataclass(frozen=True)
class SetAside:
    """A model, or a part of one, that no board shows.

    Attributes:
        path: Its folder.
        reason: Why, and what to do.
    """

    path: Path
    reason: str
