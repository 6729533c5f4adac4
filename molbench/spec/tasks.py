"""``tasks.yaml``: what is predicted, and in which unit it is reported."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from molbench.metrics import METRICS
from molbench.registry import Registry
from molbench.spec.base import Spec, later
from molbench.spec.names import Name, listed_name
from molbench.spec.units import check_unit

#: Kinds of task by name. What they do lies in a room above, which is listed here and not imported.
TASK_KINDS: Registry[Any] = Registry("task kind", "molbench.evaluation.kinds", "molbench.task_kinds")


class Task(Spec):
    """One prediction problem on one dataset.

    Attributes:
        kind: ``regression`` and ``classification`` of one value a record, ``spectrum`` of many, ``forces`` on
            every atom, ``audit`` of an encoder itself, or the name of one that another package adds.
        target: Column that is predicted; the energy column for ``forces``.
        subset: Part of the dataset it lives on.
        metrics: Metric names, the primary one first.
        unit: Unit of the reported metric.
        scheme: Split scheme of the bare task id.
        schemes: All schemes it may be asked for, ``id@scheme``.
        standardise: Whether models are trained on (label - mean) / std with statistics of the training split.
        reference: Whether the per-atom references of the target are subtracted before.
        why: What a good score says about an encoder.
        caveats: What a score does not say.
        tolerance: Of an audit, what no record's number may pass; None where it is told and not judged.
        records: Of an audit, how many test records are looked at, evenly taken.
        version: Raised whenever scores of it change their meaning, so that old and new ones are never mixed.
    """

    kind: Annotated[str, listed_name(TASK_KINDS)] = "regression"
    target: str
    subset: Name | None = None
    metrics: list[Annotated[str, listed_name(METRICS)]] = Field(min_length=1)
    unit: str
    scheme: str
    schemes: list[str] = []
    standardise: bool = True
    reference: bool = False
    why: str
    caveats: list[str] = []
    version: int = 1
    tolerance: float | None = later(None)
    records: int | None = later(None)

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        check_unit(self.unit)
        if self.schemes and self.scheme not in self.schemes:
            raise ValueError(f"default scheme '{self.scheme}' is not among schemes {self.schemes}")
        return self


class Tasks(Spec):
    """All tasks of a dataset.

    Attributes:
        defaults: Merged into every task before it is checked, so that a task is a few lines.
        tasks: By name.
    """

    defaults: dict[str, Any] = {}
    tasks: dict[Name, Task]

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("tasks"), dict):
            defaults = data.get("defaults") or {}
            merged = {
                name: defaults | task if isinstance(task, dict) else task
                for name, task in data["tasks"].items()
            }
            return data | {"tasks": merged}
        return data
