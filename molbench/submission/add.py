"""Further tasks for a submission that is packed already."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from molbench.atomic import replace_folder
from molbench.errors import UserError
from molbench.evaluation.result import CheckpointEntry, Stored
from molbench.exclusive import exclusive
from molbench.spec.submission import Cost, Submission
from molbench.submission.cost import cost_of
from molbench.submission.entries import (
    Elsewhere,
    by_row,
    checked_results,
    named_rows,
    write_card,
    write_entries,
)
from molbench.submission.folder import CARD, RECEIPT, SubmissionFolder


def add(results: Path, folder: Path, url_prefix: str | None = None) -> list[tuple[str, str]]:
    """Add results of the same weights to a submission, whole or not at all.

    The receipt goes, since it is of the old card.

    Args:
        results: Of one model, as ``molbench evaluate`` wrote them.
        folder: ``<family>/<model>/`` of the submission.
        url_prefix: Where files above 1 MiB will lie; they are then left beside the folder to be uploaded.

    Returns:
        The rows that are new: task and protocol.

    Raises:
        UserError: If the results do not hold, are of another model, are all there or other predictions of
            what is there, or if the submission is not what its card says.
    """
    SubmissionFolder.read(folder)  # so that nothing is locked, or made, where there is none
    stored = checked_results(results)
    with exclusive(folder):
        return _add(stored, results, folder, url_prefix)


def _add(
    stored: Sequence[Stored], results: Path, folder: Path, url_prefix: str | None
) -> list[tuple[str, str]]:
    """The same of results that hold, while no other process changes the folder."""
    submission = SubmissionFolder.read(folder)
    if faults := [*submission.unlisted(), *_changed(submission)]:
        raise UserError("\n".join(map(str, faults)))
    card = submission.card
    _require_same(card, stored[0].result.checkpoint, results, folder)
    elsewhere = Elsewhere.beside(folder, url_prefix)
    with replace_folder(folder) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True, ignore=shutil.ignore_patterns(RECEIPT))
        new = _new(card, write_entries(temporary, stored, elsewhere, measured=True), folder)
        rows = [(entry["task"], entry["protocol"]) for entry in new]
        results_of = by_row(stored)
        added = [item.result for row in rows for item in results_of[row].values()]
        cost = _together(card.cost, cost_of(added))
        write_card(temporary, _with(folder, new, cost))
    return rows


def _new(card: Submission, entries: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """Entries that the card lacks; what it has may be there again, but not be another."""
    packed = {(entry.task, entry.protocol): entry.sha256 for entry in card.predictions}
    digests = {(entry["task"], entry["protocol"]): entry["sha256"] for entry in entries}
    if other := sorted(key for key in digests.keys() & packed.keys() if digests[key] != packed[key]):
        raise UserError(
            f"{folder}: has other predictions of {named_rows(other)}; pack all of its results anew to change "
            "that, or leave these out"
        )
    new = [entry for entry in entries if (entry["task"], entry["protocol"]) not in packed]
    if not new:
        raise UserError(f"{folder}: has all of these results already")
    return new


def _changed(submission: SubmissionFolder) -> list[str]:
    problems = (submission.problem_with(entry) for _, entry in submission.files() if entry.file)
    return [f"{submission.path}: {problem}" for problem in problems if problem]


def _require_same(card: Submission, model: CheckpointEntry, results: Path, folder: Path) -> None:
    """The weights are those of the card; a model without, or one that is drawn anew, has its name."""
    if model.name != card.model:
        raise UserError(f"{results}: holds results of '{model.name}', and {folder} is of '{card.model}'")
    weights = None if model.scratch else model.encoder_digest
    if card.weights and not card.scratch and weights != card.weights.encoder_digest:
        raise UserError(f"{results}: '{model.name}' has other weights than those of {folder}")


def _together(before: Cost | None, added: Cost | None) -> Cost | None:
    """What both cost, where both were measured in one way on one device."""
    if before is None or added is None or (before.device, before.version) != (added.device, added.version):
        return None
    return before.model_copy(update={"seconds": float(f"{before.seconds + added.seconds:.3g}")})


def _with(folder: Path, entries: list[dict[str, Any]], cost: Cost | None) -> dict[str, Any]:
    """The card, which was read and is valid, with further entries in the order of all."""
    content: dict[str, Any] = yaml.safe_load((folder / CARD).read_text(encoding="utf-8"))
    both = [*content["predictions"], *entries]
    if cost is None:
        content.pop("cost", None)
        both = [{name: value for name, value in entry.items() if name != "speed"} for entry in both]
    else:
        content["cost"] = cost.model_dump()
    content["predictions"] = sorted(both, key=lambda entry: (entry["task"], entry["protocol"]))
    return content
