"""``suites.yaml``: named lists of tasks."""

from molbench.spec.base import Spec
from molbench.spec.names import Name


class Suite(Spec):
    """A named list of task patterns."""

    description: str
    tasks: list[str]


class Suites(Spec):
    """``suites.yaml``."""

    suites: dict[Name, Suite]
