"""Files of a submission that lie elsewhere: fetched once, and used only if they are the ones meant."""

from __future__ import annotations

from pathlib import Path

from molbench.data.build.sources.download import download
from molbench.errors import UserError
from molbench.paths import home
from molbench.spec.dataset import SourceFile
from molbench.spec.submission import File
from molbench.submission.folder import SubmissionFolder, problem_of


def local_file(submission: SubmissionFolder, entry: File, offline: bool = False) -> Path:
    """Where a file of a submission lies on this machine.

    Raises:
        UserError: If it is missing, is not the one that the card means, or cannot be fetched.
    """
    if entry.file is not None:
        if problem := submission.problem_with(entry):
            raise UserError(problem)
        return submission.path / entry.file
    path = home() / "submissions" / entry.sha256
    if path.is_file() and problem_of(path, entry) is None:
        return path
    if offline:
        raise UserError(f"{entry.url}: not fetched, offline")
    download(
        SourceFile(filename=entry.sha256, urls=[str(entry.url)], size=entry.size, sha256=entry.sha256), path
    )
    return path
