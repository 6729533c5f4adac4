"""A submission taken off the boards: its row keeps its address and says why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from molbench.atomic import replace_file
from molbench.errors import UserError
from molbench.exclusive import exclusive
from molbench.spec.submission import Withdrawal
from molbench.submission.folder import WITHDRAWN, SubmissionFolder, withdrawals

_HEAD = "# Submissions that were withdrawn, and why; their rows stay. See `molbench submit withdraw`.\n"


def withdraw(path: Path, reason: str, tasks: Sequence[str] = ()) -> Path:
    """Note in ``withdrawn.yaml`` that a submission no longer counts.

    Args:
        path: Folder of the submission.
        reason: Why, in one line.
        tasks: Tasks it is withdrawn from; none for all.

    Returns:
        The file.

    Raises:
        UserError: If there is no such submission, it has no such task, or was withdrawn already.
    """
    submission = SubmissionFolder.read(path)
    known = {entry.task for entry in submission.card.predictions}
    if unknown := sorted(set(tasks) - known):
        raise UserError(f"{path}: has no predictions of {unknown[0]}")
    root = path.resolve().parent.parent
    with exclusive(root / WITHDRAWN):
        before = withdrawals(root)
        if any(item.submission == submission.name and set(item.tasks) == set(tasks) for item in before):
            raise UserError(f"{root / WITHDRAWN}: {submission.name} was withdrawn already")
        today = datetime.now(UTC).date().isoformat()
        try:
            new = Withdrawal(submission=submission.name, tasks=list(tasks), reason=reason, date=today)
        except ValidationError as error:
            raise UserError(f"--reason: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None
        listed = [item.model_dump(exclude_defaults=True) for item in (*before, new)]
        with replace_file(root / WITHDRAWN) as temporary:
            text = yaml.safe_dump({"withdrawn": listed}, sort_keys=False, allow_unicode=True, width=110)
            temporary.write_text(_HEAD + text, encoding="utf-8")
    return root / WITHDRAWN
