"""The models of one board with their scores, however they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from molbench.leaderboard.entry import Entry
from molbench.leaderboard.grid import ScoreGrid
from molbench.spec.board import Board
from molbench.spec.catalogue import TaskRef
from molbench.spec.fingerprint import FINGERPRINT
from molbench.submission.receipt import TaskScore


@dataclass(frozen=True)
class BoardField:
    """The models of one board.

    Attributes:
        board: The rules.
        tasks: All tasks of the board, by id.
        entries: Models that have some of them, or were withdrawn, by name.
        task_scores: Their scores under the board's protocol, by task.
    """

    board: Board
    tasks: Mapping[str, TaskRef]
    entries: Mapping[str, Entry]
    task_scores: Mapping[str, dict[str, TaskScore]]

    @classmethod
    def of(cls, board: Board, refs: Sequence[TaskRef], entries: Sequence[Entry]) -> BoardField:
        """Pick what belongs on a board."""
        tasks = {ref.id: ref for ref in refs}
        version = {name: board.versions.get(name, ref.versions[-1][0]) for name, ref in tasks.items()}
        task_scores = {}
        for entry in entries:
            protocol = FINGERPRINT if entry.card.model == FINGERPRINT else board.protocol
            task_scores[entry.card.model] = {
                task_score.task: task_score
                for task_score in entry.task_scores
                if task_score.protocol == protocol and version.get(task_score.task) == task_score.version
            }
        shown = {entry.card.model: entry for entry in entries if task_scores[entry.card.model]}
        return cls(board, tasks, shown, {model: task_scores[model] for model in shown})

    @property
    def live(self) -> list[str]:
        """Models that were not withdrawn, in alphabetical order."""
        return sorted(model for model, entry in self.entries.items() if entry.card.withdrawn is None)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show: the fingerprint trees stand beside models, not alone."""
        return not self.live or self.entries.keys() == {FINGERPRINT}

    @property
    def partial(self) -> bool:
        """Whether records of the schemes that are tested on are missing; nobody else has the same ones."""
        return any(entry.partial & self.task_scores[model].keys() for model, entry in self.entries.items())

    @property
    def scored(self) -> list[str]:
        """Tasks that some of these have, in board order."""
        return [task for task in self.tasks if any(task in self.task_scores[model] for model in self.live)]

    def grid(self, models: Sequence[str]) -> ScoreGrid:
        """Scores of some models on all tasks of the board; of unknown ones there are none."""
        tasks = list(self.tasks)
        task_scores = [self.task_scores.get(model, {}) for model in models]
        return ScoreGrid.of(task_scores, tasks, self.board.weights(tasks), self.board.seeds)
