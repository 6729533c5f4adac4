"""``leaderboards/<name>.yaml``: the rules that turn results into a ranked table."""

from pydantic import Field, model_validator

from molbench.spec.base import Spec
from molbench.spec.names import Name


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
    """

    name: Name
    title: str
    description: str
    suite: str | None = None
    tasks: list[str] = []
    protocol: str = "probe"
    seeds: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _columns(self) -> "Board":
        if bool(self.suite) == bool(self.tasks):
            raise ValueError("give either a suite or tasks")
        return self
