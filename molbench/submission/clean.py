"""Submissions scored again on records that pretraining has not seen; no model is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from molbench.arguments import comma_separated
from molbench.errors import UserError
from molbench.evaluation.clean.scores import ALL, CleanScores, clean_scores_of
from molbench.evaluation.result import Stored
from molbench.evaluation.trust import Trust, why_unread
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import CARD, SubmissionFolder, submissions_in
from molbench.submission.stored import provenance, stored_results
from molbench.submission.withdrawn import Withdrawals


def submissions_below(path: Path) -> list[Path]:
    """Folders of submissions: a folder itself, those of a family, or all of ``<family>/<model>``."""
    if (path / CARD).is_file():
        return [path]
    if not path.is_dir():
        return []
    folders = [child for child in sorted(path.iterdir()) if (child / CARD).is_file()]
    return folders or submissions_in(path)


def clean_submissions(
    path: str | Path, *, tanimoto: float = 0.7, tasks: str | Sequence[str] | None = None
) -> CleanScores:
    """Score stored predictions of submissions by what pretraining has seen; no model is run.

    Corpora are those that a checkpoint in the folder declares, else those of the card; of one without a split
    all records count as seen.

    Args:
        path: A submission, a family of them, or the folder of all.
        tanimoto: Largest similarity to the corpus, 0 to 1, of records that count as unlike it.
        tasks: Glob patterns over task ids; all by default.

    Raises:
        UserError: If no submission has predictions of these tasks, or the similarity is none.
    """
    folders = submissions_below(Path(path))
    globs = comma_separated(tasks) or ["*"]
    names = Counter(folder.name for folder in folders)
    trust, stored, damaged = Trust(Catalogue.load()), list[Stored](), dict[Path, str]()
    for folder in folders:
        try:
            submission = SubmissionFolder.read(folder)
            pretraining = provenance(submission)
        except Exception as error:  # noqa: BLE001 - likewise
            damaged[folder] = why_unread(error)
            continue
        name = submission.name if names[folder.name] > 1 else None
        withdrawn = _withdrawn(submission)
        for entry in submission.card.predictions:
            if not any(fnmatchcase(entry.task, glob) for glob in globs) or {entry.task, ALL} & withdrawn:
                continue
            try:
                stored += stored_results(submission, entry, trust, name=name, pretraining=pretraining)
            except Exception as error:  # noqa: BLE001 - a file of a stranger; no fault may end the others
                damaged[folder / str(entry.file or entry.url)] = why_unread(error)
    if not stored:
        why = f": {next(iter(damaged.values()))}" if damaged else ""
        raise UserError(f"{path}: no predictions of these tasks that can be scored here{why}")
    return clean_scores_of(stored, tanimoto=tanimoto, damaged=damaged)


def _withdrawn(submission: SubmissionFolder) -> set[str]:
    """Tasks that a submission was withdrawn from; ``ALL`` for all of them."""
    reason, tasks = Withdrawals.read(submission.path.resolve().parent.parent).of(submission.name)
    return tasks | ({ALL} if reason else set())
