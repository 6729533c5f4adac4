"""The records behind a task as they are built here, named by content."""

from __future__ import annotations

from dataclasses import dataclass, replace

from molbench.data.build.splits.expand import expand
from molbench.data.folder.count import count_of
from molbench.data.folder.manifest import Manifest, Part, SchemeEntry
from molbench.errors import UserError
from molbench.spec.catalogue import DatasetEntry, TaskRef

#: What a declaration says to readers, and on which schemes it may be asked for.
_WORDS = {"why", "caveats", "schemes", "description"}


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


def require_declared(task: TaskRef) -> None:
    """Refuse a task that a built dataset declares otherwise than the catalogue, under the catalogue's name.

    Raises:
        UserError: If its metrics, unit, target or subset are not those of the catalogue.
    """
    declared = task.entry.declared
    if declared is not None and not _is_declared(task, declared):
        raise UserError(
            f"{task.id}: {task.entry.folder} declares it otherwise than the catalogue does: it was edited, "
            f"or built by another version; build {declared.id} again, or give the dataset a name of its own"
        )


def _holds_all(task: TaskRef, part: Part, scheme: SchemeEntry) -> bool:
    """Whether a build has all records that the catalogue declares, whatever its manifest calls itself.

    What the build says of its tasks, targets and splits must be what the catalogue says, too. A dataset that
    the catalogue does not have is known from its manifest alone.
    """
    declared = task.entry.declared
    if declared is None:
        return True
    declared_scheme = expand(declared.splits.schemes).get(task.split_name)
    if declared_scheme is None or not _is_declared(task, declared):
        return False
    if (content := declared_scheme.content_of(task.subset)) is not None:
        return scheme.content == content
    if declared_scheme.digest_of(task.subset) not in {None, scheme.digest}:
        return False
    known = declared.dataset
    return count_of(known, task.subset, part.sources, part.records, len(part.failures)) == "complete"


def _is_declared(task: TaskRef, declared: DatasetEntry) -> bool:
    """Whether a built dataset's copy of a declaration says what the catalogue says of the task."""
    if task.name not in declared.tasks.tasks or task.task.target not in declared.dataset.columns:
        return False
    other = replace(task, entry=declared)
    declarations = [
        (ref.task.model_dump(exclude=_WORDS), ref.column.model_dump(exclude=_WORDS)) for ref in (task, other)
    ]
    return declarations[0] == declarations[1] and task.dataset.forces == other.dataset.forces


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
