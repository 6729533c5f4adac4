"""``exclusions.yaml``: records that a task no longer tests on, and why."""

from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from molbench.spec.base import Spec
from molbench.spec.submission import Line


class Exclusion(Spec):
    """Some records left out of the scores of some tasks: one more minor version of each.

    Attributes:
        tasks: Patterns of names of tasks of the dataset.
        ids: The records.
        reason: Why.
        date: When.
    """

    tasks: list[str] = Field(min_length=1)
    ids: list[str] = Field(min_length=1)
    reason: Line
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Exclusions(Spec):
    """All of a dataset.

    Attributes:
        exclusions: First to last; what stands here is never changed, only added to.
    """

    exclusions: list[Exclusion] = []

    def of(self, task: str) -> list[Exclusion]:
        """Those of one task, named without its dataset and scheme."""
        return [item for item in self.exclusions if any(fnmatchcase(task, name) for name in item.tasks)]
