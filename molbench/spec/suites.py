"""``suites.yaml``: named lists of tasks."""

from molbench.spec.base import Spec
from molbench.spec.names import Name


class Suite(Spec):
    """A named list of task patterns.

    Attributes:
        description: What the tasks have in common, or what the list is for.
        tasks: Globs over task ids; qm9/*@scaffold asks for another split scheme.
    """

    description: str
    tasks: list[str]


class Suites(Spec):
    """``suites.yaml``.

    Attributes:
        suites: By name.
    """

    suites: dict[Name, Suite]
