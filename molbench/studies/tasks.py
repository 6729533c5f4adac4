"""The tasks that a study is about."""

from molbench.data.read.store import Store
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef


def open_store(task: TaskRef) -> Store:
    """The records of a task.

    Raises:
        UserError: If its dataset is not built here.
    """
    if task.folder is None:
        raise UserError(f"{task.id}: not built here; run `molbench data build {task.entry.id}`")
    return Store.open(task.folder, task.subset)
