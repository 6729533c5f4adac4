"""What stands behind the numbers of a board: predictions, and what each test record adds to a score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from molbench.evaluation.repeats import Runs, TaskRecords
from molbench.evaluation.result import Stored

#: Task, protocol and model.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Evidence:
    """Results that hold, by what they are of.

    Attributes:
        runs: By task, protocol and model, then seed.
    """

    runs: Mapping[Key, Runs]
    _records: dict[str, TaskRecords] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Iterable[Stored]) -> Evidence:
        """Sort results."""
        runs: dict[Key, dict[int, Stored]] = {}
        for stored in results:
            result = stored.result
            key = (result.task.id, result.protocol.name, result.checkpoint.name)
            runs.setdefault(key, {})[result.seed] = stored
        return cls(runs)

    def one(self, task: str) -> Stored | None:
        """Any result of a task, for what is the same in all of them; None if there is none."""
        return next((one for key, runs in self.runs.items() if key[0] == task for one in runs.values()), None)

    def records(self, task: str) -> TaskRecords:
        """Test records of a task that has results."""
        if task not in self._records:
            results = [
                stored for key, runs in self.runs.items() if key[0] == task for stored in runs.values()
            ]
            self._records[task] = TaskRecords.of(results)
        return self._records[task]

    def of_model(self, model: str, protocols: Iterable[str]) -> dict[str, Runs]:
        """Runs of a model under some protocols, by task."""
        chosen = set(protocols)
        return {key[0]: runs for key, runs in self.runs.items() if key[2] == model and key[1] in chosen}
