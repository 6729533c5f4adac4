"""``leaderboards/<board>.yaml``: which results a board shows, and how it ranks them."""

from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, model_validator

from molbench.spec.base import Spec
from molbench.spec.names import Name
from molbench.spec.submission import Tier


class Board(Spec):
    """One leaderboard.

    Attributes:
        name: Stem of the generated files.
        title: Heading.
        description: What the ranking says, and what it does not.
        suite: Suite whose tasks are the columns; or
        tasks: Task patterns that are.
        protocol: Name of the one protocol whose results count.
        seeds: Seeds a score needs to be ranked.
        order: What models are listed by: their relative error, or the mean over tasks of their rank.
        groups: Patterns of tasks that hang together, such as the four energies of QM9: each group weighs as
            much as one task.
        versions: Task to the version that is shown, where that is not the newest.
        tiers: Tiers of submissions that are ranked; others are shown without a rank.
        ranked: False where scores are told and no model is better for a smaller one, as of audits.
    """

    name: Name
    title: str
    description: str
    suite: str | None = None
    tasks: list[str] = []
    protocol: str = "probe"
    seeds: int = Field(default=3, ge=1)
    order: Literal["relative error", "mean rank"] = "relative error"
    groups: list[list[str]] = []
    versions: dict[str, str] = {}
    tiers: list[Tier] = ["re-scored", "re-run"]
    ranked: bool = True

    @model_validator(mode="after")
    def _columns(self) -> "Board":
        if bool(self.suite) == bool(self.tasks):
            raise ValueError("give either a suite or tasks")
        return self

    def weights(self, tasks: list[str]) -> list[float]:
        """Weight of each task, which add up to one; tasks of one group share the weight of one."""
        named = [self._group(task) for task in tasks]
        sizes = {name: named.count(name) for name in named}
        return [1 / (len(sizes) * sizes[name]) for name in named]

    def group_of(self, tasks: list[str]) -> list[int]:
        """Number of the group of each task, from 0."""
        named = [self._group(task) for task in tasks]
        order = list(dict.fromkeys(named))
        return [order.index(name) for name in named]

    def _group(self, task: str) -> str:
        for i, patterns in enumerate(self.groups):
            if any(fnmatchcase(task, pattern) for pattern in patterns):
                return f"group {i}"
        return task
