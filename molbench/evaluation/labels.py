"""Labels of splits, looked at before anything is trained."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.data.folder.columns import read_columns, read_labels
from molbench.data.folder.location import subset_folder
from molbench.data.folder.manifest import Manifest
from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.spec.catalogue import TaskRef
from molbench.spec.splits import SPLITS


def undefined(task: TaskRef) -> str | None:
    """Why no model could learn a task or be scored on it.

    Returns:
        What its test labels leave undefined, or that its training labels teach nothing; None where it is fit.
    """
    kind = kind_of(task.task)
    if not kind.must_vary(task.task):
        return None
    labels = known_labels(task)
    if why := kind.undefined(task.task, labels["test"]) or kind.unlearnable(labels["train"]):
        return f"{task.id}{f' ({task.split_name})' if task.fold else ''}: {why}"
    return None


def known_labels(task: TaskRef) -> dict[str, np.ndarray]:
    """Labels of each split of a built task that are not missing, in the dataset's own unit, [m].

    Raises:
        UserError: If the build has no column of that name.
    """
    if task.folder is None:
        raise ValueError(f"{task.id} is not built")
    folder, target = subset_folder(task.folder, task.subset), task.task.target
    table = read_columns(folder, Manifest.read(task.folder).part(task.subset), [target])
    if target not in table.column_names:
        raise UserError(f"{task.id}: this build has no column '{target}'")
    labels: np.ndarray = pc.cast(table.column(target), pa.float64()).to_numpy()
    splits = read_labels(folder, task.split_name)
    return {split: labels[(splits == split) & np.isfinite(labels)] for split in SPLITS}
