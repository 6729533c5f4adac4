"""A submission verified: its predictions scored again, and a receipt of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import molbench
from molbench.errors import UserError
from molbench.evaluation import EVALUATION_VERSION
from molbench.evaluation.trust import Trust
from molbench.spec.catalogue import Catalogue, is_audit
from molbench.spec.dataset import PARTIAL
from molbench.spec.fingerprint import FINGERPRINT
from molbench.spec.submission import Submission
from molbench.submission.download import local_file
from molbench.submission.folder import RECEIPT, Fault, SubmissionFolder, submissions_in
from molbench.submission.receipt import Receipt, Rerun, TaskScore
from molbench.submission.rescore import rescore
from molbench.submission.validate import validate


@dataclass(frozen=True)
class Verification:
    """What came of it.

    Attributes:
        receipt: What it scores; None where there are faults.
        faults: What is wrong, each with file and line.
        missing: What it lacks for a higher tier.
        unchecked: Tasks that were left out, since their datasets are not built here.
    """

    receipt: Receipt | None
    faults: list[Fault] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def verify(
    path: Path, trust: Trust, *, rerun: bool = False, offline: bool = False, built: bool = False
) -> Verification:
    """Score the stored predictions of a submission against the catalogue's own labels.

    Nothing of a submission is executed: its card is plain YAML, its predictions are Parquet, and a checkpoint
    is read as tensors and numbers.

    Args:
        path: Its folder.
        trust: What the catalogue knows; keeps between submissions what they share.
        rerun: Whether to evaluate the checkpoint again, in a process of its own.
        offline: Whether files that are only given by an address are an error.
        built: Whether predictions on datasets that are not built here are left out, rather than a fault.

    Raises:
        UserError: If there is no card, or it is not one.
    """
    if faults := validate(path, trust.catalogue):
        return Verification(None, faults)
    submission = SubmissionFolder.read(path)
    task_scores: list[TaskScore] = []
    unchecked: list[str] = []
    for i, entry in enumerate(submission.card.predictions):
        if built and not trust.built(entry.task):
            unchecked.append(entry.task)
            continue
        try:
            task_scores += rescore(
                local_file(submission, entry, offline), entry, trust, submission.card.scratch
            )
        except UserError as error:
            faults.append(submission.fault(f"{entry.task}: {error}", "predictions", i))
        except Exception as error:  # noqa: BLE001 - a file of a stranger; no fault of it may end the others
            problem = f"{entry.task}: cannot be read: {type(error).__name__}: {str(error)[:200]}"
            faults.append(submission.fault(problem, "predictions", i))
    if not faults:
        faults = _copies(submission, task_scores)
    if faults:
        return Verification(None, faults)
    missing = lacking(submission.card)
    ran = _rerun(submission, task_scores, offline) if rerun else None
    receipt = Receipt(
        submission=submission.name,
        card=submission.digest,
        tier="reported" if missing else "re-run" if ran else "re-scored",
        versions={"molbench": molbench.__version__, "evaluation": str(EVALUATION_VERSION)},
        task_scores=task_scores,
        rerun=ran,
    )
    return Verification(receipt.sealed(datetime.now(UTC).date().isoformat()), [], missing, unchecked)


def check_again(submission: SubmissionFolder, receipt: Receipt, trust: Trust) -> str | None:
    """What of a receipt is not what scoring the predictions again gives; None for nothing.

    Predictions on datasets that are not built here are left out: nobody can score them here.
    """
    stored = {
        (task_score.task, task_score.protocol, task_score.version): task_score
        for task_score in receipt.task_scores
    }
    for entry in submission.card.predictions:
        if not trust.built(entry.task):
            continue
        try:
            fresh = rescore(local_file(submission, entry), entry, trust, submission.card.scratch)
        except UserError as error:
            return f"{entry.task}: {error}"
        for task_score in fresh:
            stated = stored.get((task_score.task, task_score.protocol, task_score.version))
            if stated is None:
                return f"{task_score.task}: has no score of it, its predictions give {_short(task_score)}"
            if field := stated.unlike(task_score):
                one, other = getattr(stated, field), getattr(task_score, field)
                return f"{task_score.task}: {field}: says {_short(one)}, its predictions give {_short(other)}"
    return None


def lacking(card: Submission) -> list[str]:
    """What a card lacks for any tier above *reported*; fingerprint trees have no weights, only code."""
    given = {"weights.encoder_digest": card.weights, "commit": card.commit}
    if card.model == FINGERPRINT:
        del given["weights.encoder_digest"]
    return [name for name, value in given.items() if value is None]


def own_datasets(card: Submission) -> list[str]:
    """Datasets of a card's tasks that only this machine has, so that nobody else can check or rank them."""
    names = {entry.task.partition("/")[0] for entry in card.predictions}
    return sorted(name for name in names if not Catalogue.declares(name.removesuffix(PARTIAL)))


def rerun_problem(card: Submission, receipt: Receipt) -> str | None:
    """Why a receipt that says the weights were evaluated again cannot be of this card, or None."""
    if receipt.rerun is None:
        return None
    checkpoint = card.weights.checkpoint if card.weights else None
    if checkpoint is None or receipt.rerun.weights != checkpoint.sha256:
        return "says that weights were evaluated again which are not those of the card"
    return None


def check_receipt(path: Path, made: Verification) -> str | None:
    """Why the receipt that lies in a folder is not what verifying gives now, or None.

    Of what could not be scored here it has to have a score, too, whatever that is.
    """
    stored, fresh = Receipt.read(path / RECEIPT), made.receipt
    if fresh is None:
        return None
    if problem := rerun_problem(SubmissionFolder.read(path).card, stored):
        return f"{path / RECEIPT}: {problem}"
    if stored.rerun is not None and fresh.rerun is None:
        return (
            f"{path / RECEIPT}: says that the weights were evaluated again, which is not believed: "
            "`molbench submit verify --rerun --check` does it"
        )
    kept = [task_score for task_score in stored.task_scores if task_score.task in made.unchecked]
    if lost := sorted(set(made.unchecked) - {task_score.task for task_score in kept}):
        return f"{path / RECEIPT}: has no score of {', '.join(lost)}"
    for name, one, other in _unlike(
        stored, fresh.model_copy(update={"task_scores": fresh.task_scores + kept})
    ):
        return f"{path / RECEIPT}: {name}: says {_short(one)}, verifying gives {_short(other)}"
    return None


def _unlike(stored: Receipt, fresh: Receipt) -> Iterator[tuple[str, object, object]]:
    """What does not agree; a re-run is not made again for it."""
    stated, made = (
        {
            f"{task_score.task} {task_score.version} {task_score.protocol}": task_score
            for task_score in r.task_scores
        }
        for r in (stored, fresh)
    )
    for name, one, other in (
        ("submission", stored.submission, fresh.submission),
        ("card", stored.card, fresh.card),
        ("tier", stored.tier == "reported", fresh.tier == "reported"),
        ("evaluation", stored.versions.get("evaluation"), fresh.versions.get("evaluation")),
        ("tasks", sorted(stated), sorted(made)),
    ):
        if one != other:
            yield name, one, other
    for name in made:  # in the order of the card, so that the first fault is always the same
        if name in stated and (field := stated[name].unlike(made[name])):
            yield f"{name}: {field}", getattr(stated[name], field), getattr(made[name], field)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:80]} … ({len(text):,} characters)"


def _rerun(submission: SubmissionFolder, task_scores: list[TaskScore], offline: bool) -> Rerun:
    from molbench.submission.rerun import rerun

    return rerun(submission, task_scores, offline)


def _copies(submission: SubmissionFolder, task_scores: list[TaskScore]) -> list[Fault]:
    """Predictions that another submission of the same folder had before; audits may say zero of any two."""
    listed = [(entry.task, entry.protocol) for entry in submission.card.predictions]
    position_of = {
        task_score.content: listed.index((task_score.task, task_score.protocol))
        for task_score in task_scores
        if not is_audit(task_score.task)
    }
    faults = []
    for other, contents in _contents(submission.path.resolve().parent.parent).items():
        if other == submission.name:
            continue
        for content in contents.keys() & position_of.keys():
            problem = (
                f"{listed[position_of[content]][0]}: its predictions are those of {other}, number by number"
            )
            faults.append(submission.fault(problem, "predictions", position_of[content]))
    return faults


def _contents(root: Path) -> Mapping[str, dict[str, str]]:
    """Digest of every stored prediction of a folder of submissions, as far as their receipts hold."""
    contents: dict[str, dict[str, str]] = {}
    for path in submissions_in(root):
        name = f"{path.parent.name}/{path.name}"
        try:
            receipt = Receipt.read(path / RECEIPT)
        except UserError:
            continue
        if receipt.submission == name:
            contents[name] = {
                task_score.content: task_score.task
                for task_score in receipt.task_scores
                if not is_audit(task_score.task)
            }
    return contents


def trust_all() -> Trust:
    """What the catalogue knows."""
    return Trust(Catalogue.load())
