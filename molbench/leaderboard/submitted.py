"""Submissions as boards read them: of cards and receipts, and what is set aside with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.built import data_of
from molbench.evaluation.protocols import load_protocols
from molbench.leaderboard.card import Card
from molbench.leaderboard.entry import Entry, SetAside
from molbench.metrics import METRICS
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.submission.folder import RECEIPT, SubmissionFolder, misnamed_in, submissions_in
from molbench.submission.receipt import Receipt, TaskScore, unlike
from molbench.submission.verify import lacking, rerun_problem
from molbench.submission.withdrawn import Withdrawals


def read_entries(
    root: Path, catalogue: Catalogue, again: Callable[[SubmissionFolder, Receipt], str | None] | None = None
) -> tuple[list[Entry], list[SetAside]]:
    """Submissions below a folder that hold, in path order, and what does not.

    Receipts are taken where they belong to the card and the files beside them, and to the versions and
    records of today.

    Args:
        root: Folder of submissions.
        catalogue: What tasks and datasets there are.
        again: Computes the scores of a submission again and says what is wrong with its receipt, if anything
            is; without it what a receipt says of files that fit is believed.

    Raises:
        UserError: If the folder does not exist, or its list of withdrawals does not tell what it is of.
    """
    withdrawn = Withdrawals.read(root)
    known = _Known(catalogue)
    entries: list[Entry] = []
    aside = [
        SetAside(path, "its folders are called what is no name of a family and a model")
        for path in misnamed_in(root)
    ]
    for path in submissions_in(root):
        try:
            entry = _read(path, again)
        except UserError as error:
            fault = str(error).removeprefix(f"{path}/").removeprefix(f"{path}: ")
            aside.append(SetAside(path, fault))
            continue
        except Exception as error:  # noqa: BLE001 - a file of a stranger; no fault of it may end the others
            aside.append(SetAside(path, f"cannot be read: {type(error).__name__}: {error}"))
            continue
        if damage := withdrawn.damaged.get(entry.name):
            aside.append(SetAside(path, f"{damage}; it counts as withdrawn until that is mended"))
        reason, left_out = withdrawn.of(entry.name)
        entry, problems = known.current(entry)
        aside += [SetAside(path, problem) for problem in problems]
        entries.append(_withdrawn(entry, reason, left_out))
    models = Counter(entry.card.model for entry in entries)
    for entry in entries:
        if models[entry.card.model] > 1:
            aside.append(SetAside(root / entry.name, f"another submission is called '{entry.card.model}'"))
    single = [entry for entry in entries if models[entry.card.model] == 1]
    false = _false_baselines(single)
    why = "its baseline is not its backbone from scratch, so nothing is said of a gain"
    aside += [SetAside(root / entry.name, why) for entry in single if entry.name in false]
    return [replace(entry, baseline=None) if entry.name in false else entry for entry in single], aside


def _false_baselines(entries: list[Entry]) -> set[str]:
    """Names of those that would be compared with another model than their backbone from scratch."""
    of_name = {entry.card.model: entry for entry in entries}
    false = set()
    for entry in entries:
        baseline = of_name.get(entry.baseline or "")
        if baseline and (not baseline.scratch or baseline.backbone != entry.backbone):
            false.add(entry.name)
    return false


def _read(path: Path, check: Callable[[SubmissionFolder, Receipt], str | None] | None) -> Entry:
    folder = SubmissionFolder.read(path)
    if folder.card.model != path.name:
        raise UserError(f"{folder.path}: is called '{folder.card.model}' in its card")
    receipt = Receipt.read(path / RECEIPT)
    if faults := folder.unlisted():
        raise UserError(str(faults[0]))
    again = "`molbench submit verify` makes another"
    if receipt.submission != folder.name or receipt.card != folder.digest:
        raise UserError(f"{path / RECEIPT}: is of another card; {again}")
    listed = {(entry.task, entry.protocol) for entry in folder.card.predictions}
    scored = [
        (task_score.task, task_score.protocol, task_score.version) for task_score in receipt.task_scores
    ]
    if listed != {(task, protocol) for task, protocol, _ in scored} or len(set(scored)) < len(scored):
        raise UserError(f"{path / RECEIPT}: has other tasks than the card; {again}")
    if receipt.versions.get("evaluation") != str(EVALUATION_VERSION):
        raise UserError(f"{path / RECEIPT}: of another version of evaluation; {again}")
    if (receipt.tier == "reported") != bool(lacking(folder.card)):
        raise UserError(f"{path / RECEIPT}: its tier is not that of the card; {again}")
    if problem := (
        rerun_problem(folder.card, receipt)
        or _other_files(folder, receipt)
        or (check and check(folder, receipt))
    ):
        raise UserError(f"{path}: {problem}; {again}")
    return _entry(folder, receipt)


def _entry(folder: SubmissionFolder, receipt: Receipt) -> Entry:
    card, corpora = folder.card, [stage.dataset for stage in folder.card.pretraining]
    tasks = {entry.task: entry.task.partition("/")[0] for entry in card.predictions}
    return Entry(
        card=Card(
            model=card.model,
            family=folder.name.partition("/")[0],
            modality=card.modality,
            tier=receipt.tier,
            corpora=tuple(name for name in corpora if name),
            others=tuple(stage.other for stage in card.pretraining if stage.other),
            digest=card.weights.encoder_digest if card.weights else None,
            commit=card.commit,
            title=card.name,
            authors=tuple(card.authors),
            paper=card.paper,
            licence=card.licence,
            links=dict(card.links),
            notes=card.notes,
            parameters=card.parameters,
            cost=card.cost,
            date=receipt.date or None,
        ),
        backbone=card.backbone,
        baseline=card.baseline,
        method=card.method,
        pretrained_on=" then ".join(stage.dataset or f"{stage.other}" for stage in card.pretraining) or None,
        task_scores=tuple(receipt.task_scores),
        scratch=card.scratch,
        speeds={(one.task, one.protocol): one.speed for one in card.predictions if one.speed},
        seen={
            task: f"pretrained on the same dataset ('{dataset}')"
            for task, dataset in tasks.items()
            if dataset in corpora
        },
    )


def _other_files(folder: SubmissionFolder, receipt: Receipt) -> str | None:
    """What of the files, or of what the card says they score, is not what was verified; cheap."""
    scored: dict[tuple[str, str], TaskScore] = {}
    for task_score in receipt.task_scores:
        scored.setdefault((task_score.task, task_score.protocol), task_score)
    for entry in folder.card.predictions:
        if unlike(entry.value, scored[entry.task, entry.protocol].mean):
            return f"{entry.task}: the card says {entry.value:.6g}, the receipt another score"
        if sorted(entry.seeds) != sorted(scored[entry.task, entry.protocol].seeds):
            return f"{entry.task}: the receipt is of other seeds than the card"
    problems = (folder.problem_with(entry) for _, entry in folder.files() if entry.file is not None)
    return next((problem for problem in problems if problem), None)


@dataclass
class _Known:
    """What a score depends on today."""

    catalogue: Catalogue

    def __post_init__(self) -> None:
        self.protocols = {name: protocol.version for name, protocol in load_protocols().items()}
        self._task = cache(self._find)
        self._data = cache(self._digests)

    def current(self, entry: Entry) -> tuple[Entry, list[str]]:
        """An entry with the scores that were computed as scores are computed now, and why others were not."""
        task_scores = entry.task_scores
        there = {(task_score.task, task_score.protocol, task_score.version) for task_score in task_scores}
        problems = [(task_score, self._problem(task_score, there)) for task_score in task_scores]
        kept = tuple(task_score for task_score, problem in problems if problem is None)
        return replace(entry, task_scores=kept), [
            f"{task_score.task}: {problem}; `molbench submit verify` scores it again"
            for task_score, problem in problems
            if problem is not None
        ]

    def _problem(self, task_score: TaskScore, there: set[tuple[str, str, str]]) -> str | None:
        task = self._task(task_score.task)
        if task is None:
            return "is no task any more"
        versions = [version for version, _ in task.versions]
        if (
            task_score.version not in versions
            or (task_score.task, task_score.protocol, versions[-1]) not in there
        ):
            return f"scored as version {task_score.version} of the task, which is at {versions[-1]}"
        if (
            task_score.metric != task.task.metrics[0]
            or task_score.metric_version != METRICS[task_score.metric].version
        ):
            return "scored by another metric, or another version of it"
        if task_score.direction != METRICS[task_score.metric].direction:
            return "ranked the wrong way round"
        if (
            self.protocols.get(task_score.protocol, task_score.protocol_version)
            != task_score.protocol_version
        ):
            return f"made under version {task_score.protocol_version} of protocol '{task_score.protocol}'"
        if self._data(task_score.task) not in {None, task_score.data[1]}:
            return "made on other records, or another split"
        return None

    def _find(self, name: str) -> TaskRef | None:
        try:
            return next((ref for ref in self.catalogue.tasks([name]) if ref.id == name), None)
        except UserError:
            return None

    def _digests(self, name: str) -> str | None:
        """Digest of the records of a scheme; None where it is not built here, or is a cross-validation."""
        task = self._task(name)
        if task is None or task.folder is None or task.scheme.folds[1]:
            return None
        try:
            return data_of(task).split
        except UserError:
            return None


def _withdrawn(entry: Entry, reason: str | None, tasks: Set[str]) -> Entry:
    """An entry without the tasks that it is withdrawn from, and with the reason where it is so as a whole."""
    task_scores = tuple(task_score for task_score in entry.task_scores if task_score.task not in tasks)
    return replace(entry, task_scores=task_scores, card=entry.card.model_copy(update={"withdrawn": reason}))
