"""``withdrawn.yaml`` as it is read: what was taken back, and entries of it that cannot be understood.

A slip in one entry is no leave to rank again what was withdrawn: the submission that the entry names counts
as withdrawn until it is mended, and nothing else is concerned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from molbench.errors import UserError, meant, path_of, quoted
from molbench.spec.base import Spec
from molbench.spec.document import line_of, read_yaml
from molbench.spec.names import is_name
from molbench.spec.submission import Withdrawal
from molbench.submission.folder import CARD, WITHDRAWN, SubmissionFolder


class _Listed(Spec):
    """The file with whatever its entries are."""

    withdrawn: list[Any] = Field(default=[])


@dataclass(frozen=True)
class Withdrawals:
    """What was withdrawn of the submissions below a folder.

    Attributes:
        listed: Entries that can be understood.
        damaged: Name of a submission to what is wrong with an entry that names it, with file and line.
    """

    listed: list[Withdrawal] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> Withdrawals:
        """Read the file of a folder of submissions; where there is none, nothing was withdrawn.

        Raises:
            UserError: If it is no list of withdrawals, or one does not tell which submission it is of.
        """
        path = root / WITHDRAWN
        if not path.is_file():
            return cls()
        read, entries = cls(), read_yaml(path, _Listed).withdrawn
        for number, entry in enumerate(entries):
            try:
                item = Withdrawal.model_validate(entry)
            except ValidationError as error:
                name = entry.get("submission") if isinstance(entry, dict) else None
                if not isinstance(name, str) or not _is_submission(root, name):
                    raise UserError(_fault(path, number, error)) from None
                read.damaged[name] = _fault(path, number, error)
                continue
            read.listed.append(item)
            if unknown := _unknown_task(root, item):
                line = line_of(path, ("withdrawn", number, "tasks"))
                read.damaged[item.submission] = f"{path}:{line}: {item.submission} {unknown}"
        return read

    def of(self, name: str) -> tuple[str | None, set[str]]:
        """Why a submission is withdrawn as a whole, or None, and the tasks that it is withdrawn from."""
        entries = [item for item in self.listed if item.submission == name]
        reason = next((item.reason for item in entries if not item.tasks), None)
        if reason is None and name in self.damaged:
            reason = "withdrawn for a reason that cannot be read"
        return reason, {task for item in entries for task in item.tasks}

    def concern(self, model: str, task: str) -> bool:
        """Whether a score is withdrawn; boards have one model of a name, whatever its family."""
        names = {item.submission for item in self.listed if not item.tasks or task in item.tasks}
        return model in {name.rpartition("/")[2] for name in names | self.damaged.keys()}


def _is_submission(root: Path, name: str) -> bool:
    family, _, model = name.partition("/")
    return is_name(family) and is_name(model) and (root / family / model / CARD).is_file()


def _unknown_task(root: Path, item: Withdrawal) -> str | None:
    """What is said of a task of an entry that its submission has no predictions of."""
    if not item.tasks or not _is_submission(root, item.submission):
        return None
    try:
        card = SubmissionFolder.read(root / item.submission).card
    except UserError:  # it is set aside by whoever reads submissions
        return None
    known = {entry.task for entry in card.predictions}
    unknown = next((task for task in item.tasks if task not in known), None)
    return unknown and f"has no predictions of {quoted(unknown)}{meant(unknown, sorted(known))}"


def _fault(path: Path, number: int, error: ValidationError) -> str:
    first = error.errors()[0]
    location = ("withdrawn", number, *first["loc"])
    problem = first["msg"].removeprefix("Value error, ")
    return f"{path}:{line_of(path, location)}: {path_of(location)}: {problem}"
