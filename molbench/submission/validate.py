"""A submission held against its own card and the catalogue, before a single prediction is read."""

from __future__ import annotations

from pathlib import Path

from molbench.errors import UserError, quoted, unknown_name
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.protocols import load_protocols
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.names import is_name
from molbench.spec.submission import Predicted
from molbench.submission.folder import Fault, SubmissionFolder

#: Bytes of all files of one submission in the repository; what is larger is given as an address.
MOST_IN_FOLDER = 16 << 20


def validate(path: Path, catalogue: Catalogue) -> list[Fault]:
    """Everything that is wrong with a submission as it lies there, without reading its predictions.

    Args:
        path: Its folder.
        catalogue: What tasks and datasets there are.

    Returns:
        Faults, each with its file and line; none for a sound one.

    Raises:
        UserError: If there is no card, or it is not one; one line a fault, with file and line.
    """
    submission = SubmissionFolder.read(path)
    return [
        *_names(submission),
        *_files(submission),
        *_corpora(submission, catalogue),
        *_predictions(submission, catalogue),
    ]


def _names(submission: SubmissionFolder) -> list[Fault]:
    card, faults = submission.card, []
    path = submission.path.absolute()
    if path.parent.is_symlink():
        faults.append(submission.fault(f"the family {quoted(path.parent.name)}, its folder, is a link"))
    path = path.resolve()
    if not is_name(path.parent.name):
        faults.append(submission.fault(f"the family {quoted(path.parent.name)}, its folder, is no name"))
    if card.model != path.name:
        faults.append(
            submission.fault(f"model: '{card.model}' lies in a folder called {quoted(path.name)}", "model")
        )
    if card.model == FINGERPRINT and (card.weights or card.method):
        faults.append(
            submission.fault(f"model: '{FINGERPRINT}' is kept for the baseline of that name", "model")
        )
    if card.scratch != card.model.startswith("scratch-"):
        faults.append(
            submission.fault(
                "scratch: names that start with 'scratch-' are those of random weights", "scratch"
            )
        )
    if card.baseline and not card.baseline.startswith("scratch-"):
        faults.append(
            submission.fault(
                f"baseline: '{card.baseline}' is none: models of random weights are called 'scratch-…'",
                "baseline",
            )
        )
    return faults


def _files(submission: SubmissionFolder) -> list[Fault]:
    faults = submission.unlisted()
    total = 0
    for location, entry in submission.files():
        if entry.file is not None:
            total += entry.size
            if problem := submission.problem_with(entry):
                faults.append(submission.fault(problem, *location, "file"))
    if total > MOST_IN_FOLDER:
        faults.append(
            submission.fault(
                f"its files have {total / 2**20:.0f} MiB, more than {MOST_IN_FOLDER >> 20}: "
                "give the larger ones a url in the place of file",
                "predictions",
            )
        )
    return faults


def _corpora(submission: SubmissionFolder, catalogue: Catalogue) -> list[Fault]:
    """Datasets that only this machine has are refused here as they are everywhere else."""
    declares = Catalogue.declares
    return [
        submission.fault(
            f"dataset: {unknown_name('dataset', stage.dataset, filter(declares, catalogue.entries))}; "
            "one that is not in the catalogue is given as other",
            *("pretraining", i, "dataset"),
        )
        for i, stage in enumerate(submission.card.pretraining)
        if stage.dataset is not None and not declares(stage.dataset)
    ]


def _predictions(submission: SubmissionFolder, catalogue: Catalogue) -> list[Fault]:
    faults = []
    protocols = {*load_protocols(), FINGERPRINT, "direct"}
    for i, entry in enumerate(submission.card.predictions):
        where = ("predictions", i)
        if entry.protocol not in protocols:
            problem = unknown_name("protocol", entry.protocol, sorted(protocols))
            faults.append(submission.fault(str(problem), *where, "protocol"))
        try:
            (task,) = [ref for ref in catalogue.tasks([entry.task]) if ref.id == entry.task]
        except (UserError, ValueError):
            faults.append(
                submission.fault(f"'{entry.task}' is no task; see `molbench list tasks`", *where, "task")
            )
            continue
        faults += [submission.fault(problem, *where, key) for key, problem in _of_task(entry, task)]
    return faults


def _of_task(entry: Predicted, task: TaskRef) -> list[tuple[str, str]]:
    """Key and problem of everything that does not fit the task."""
    faults = []
    if entry.unit != task.unit:
        faults.append(
            ("unit", f"{task.id} is predicted in {task.unit}, the unit of its dataset, not {entry.unit}")
        )
    forces = kind_of(task.task).force_unit(task)
    if entry.force_unit != forces:
        expected = f"forces are predicted in {forces}" if forces else "it has no forces"
        faults.append(("force_unit", f"{task.id}: {expected}, not {entry.force_unit}"))
    for seed in entry.seeds:
        try:
            task.at(seed)
        except UserError as error:
            faults.append(("seeds", str(error)))
            break
    return faults
