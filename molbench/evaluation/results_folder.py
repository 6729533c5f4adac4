"""All results below a folder that can be read, of some tasks; nothing is run, and damage is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from molbench.arguments import comma_separated
from molbench.errors import UserError, meant, quoted
from molbench.evaluation.result import Stored, doubles, result_files
from molbench.evaluation.trust import Trust, why_unread
from molbench.spec.catalogue import Catalogue


class OwnLabelsWarning(UserWarning):
    """Results are scored against the labels that lie beside them, since their dataset is not here."""


@dataclass(frozen=True)
class ResultsFolder:
    """What lies in a folder of results.

    Attributes:
        root: The folder.
        results: Results, in path order.
        damaged: Folders of results that cannot be read or are of the same run as others, and why.
    """

    root: Path
    results: list[Stored]
    damaged: dict[Path, str]

    @classmethod
    def read(cls, root: str | Path, patterns: str | Sequence[str] | None = None) -> ResultsFolder:
        """Read a folder that ``molbench evaluate`` wrote; labels are those of the datasets as built here.

        Args:
            root: The folder.
            patterns: Globs over task ids, several of them with commas between; all tasks by default.

        Raises:
            UserError: If there is no such folder, or no result of these tasks in it.
        """
        root = Path(root)
        trust, results = Trust(Catalogue.load()), list[Stored]()
        damaged: dict[Path, str] = {}
        for path in result_files(root):
            try:
                results.append(trust.relabelled(Stored.read(path.parent)))
            except Exception as error:  # noqa: BLE001 - a file of a stranger; no fault of it may end the others
                damaged[path.parent] = why_unread(error)
        damaged |= (same := doubles(results))
        results = [stored for stored in results if stored.folder not in same]
        chosen = of_tasks(results, patterns)
        if not chosen:
            tasks = sorted({stored.result.task.id for stored in results})
            made = f"no results; `molbench evaluate CHECKPOINT --output {root}` makes them"
            asked = patterns if isinstance(patterns, str) else ", ".join(patterns or ())
            why = f"no task among {', '.join(tasks[:5])} matches{meant(asked, tasks)}" if tasks else made
            first = next((f"{folder}: {why}" for folder, why in damaged.items()), "")
            more = f"; {len(damaged)} left out, such as {first}" if damaged else ""
            raise UserError(f"{root}: {why}{more}")
        for task, reason in {stored.result.task.id: stored.unchecked for stored in chosen}.items():
            if reason is not None:
                text = f"{quoted(task)[1:-1]}: scored against labels that lie in {root}: {reason}"
                warnings.warn(text, OwnLabelsWarning, stacklevel=2)
        return cls(root, chosen, damaged)


def of_tasks(results: Iterable[Stored], patterns: str | Sequence[str] | None) -> list[Stored]:
    """Results of tasks that match one of several globs; of all tasks where there is none."""
    globs = comma_separated(patterns) or ["*"]
    return [item for item in results if any(fnmatchcase(item.result.task.id, glob) for glob in globs)]
