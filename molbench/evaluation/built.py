"""The records behind a task as they are built here, named by content."""

from __future__ import annotations

from dataclasses import dataclass

from molbench.data.build.splits.expand import expand
from molbench.data.folder.count import count_of
from molbench.data.folder.manifest import Manifest, Part, SchemeEntry
from molbench.errors import UserError
from molbench.spec.catalogue import TaskRef


@dataclass(frozen=True)
class Data:
    """The records behind a task, named by content.

    Attributes:
        digest: Content digest of the dataset, or of the subset.
        split: Digest of the records that the task's scheme uses: ids, splits, labels and atoms. A score
            depends on these alone, not on whatever else was built.
        partial: Whether some of them are missing.
    """

    digest: str
    split: str
    partial: bool


def data_of(task: TaskRef) -> Data:
    """The records behind a task, as built.

    Raises:
        UserError: If the build lacks the subset or the split scheme.
    """
    part, scheme = _built(task)
    return Data(part.digest, scheme.content, not (scheme.complete and _holds_all(task, part, scheme)))


def _holds_all(task: TaskRef, part: Part, scheme: SchemeEntry) -> bool:
    """Whether a build has all records that the catalogue declares, whatever its manifest calls itself.

    A dataset that the catalogue does not have is known from its manifest alone.
    """
    declared = task.entry.declared
    schemes = expand(declared.splits.schemes) if declared is not None else {}
    if declared is None or task.split_name not in schemes:
        return True
    if (content := schemes[task.split_name].content_of(task.subset)) is not None:
        return scheme.content == content
    records = part.records + len(part.failures)
    return count_of(declared.dataset, task.subset, part.sources, records) == "complete"


def train_records(task: TaskRef) -> int | None:
    """Records to train on, of a cross-validation in its first fold; None where the dataset is not built.

    Raises:
        UserError: If the build lacks the subset or the split scheme.
    """
    return None if task.folder is None else _built(task.at(0))[1].counts.get("train")


def _built(task: TaskRef) -> tuple[Part, SchemeEntry]:
    if task.folder is None:
        raise ValueError(f"{task.id} is not built")
    manifest = Manifest.read(task.folder)
    if task.subset not in manifest.by_subset:
        raise UserError(
            f"{task.id}: '{manifest.dataset_id}' was built without subset '{task.subset}'; "
            f"run `molbench data build {manifest.name} --subset {task.subset}`"
        )
    part = manifest.by_subset[task.subset]
    if task.split_name not in part.schemes:
        why = part.left_out.get(task.scheme_name, "it was declared after the build; build the dataset again")
        raise UserError(f"{task.id}: this build has no split scheme '{task.split_name}': {why}")
    return part, part.schemes[task.split_name]
