"""The folder of a submission, ``<family>/<model>/``, read as what a stranger may have written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from molbench.arguments import require_folder
from molbench.errors import UserError, quoted
from molbench.spec.document import Location, line_of, read_yaml
from molbench.spec.names import is_name
from molbench.spec.submission import MOST_BYTES, File, Submission, Withdrawal, Withdrawn

CARD, RECEIPT, README = "submission.yaml", "receipt.json", "README.md"
WITHDRAWN = "withdrawn.yaml"
_MOST_FILES = 2000
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with a submission.

    Attributes:
        path: The file.
        line: Its line; None for a file without lines.
        problem: What is wrong, and what to do.
    """

    path: Path
    line: int | None
    problem: str

    def __str__(self) -> str:
        location = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{location}: {self.problem}"


@dataclass(frozen=True)
class SubmissionFolder:
    """A submission on disk.

    Attributes:
        path: The folder.
        card: What ``submission.yaml`` says.
    """

    path: Path
    card: Submission

    @classmethod
    def read(cls, path: Path) -> SubmissionFolder:
        """Read the card of a submission.

        Raises:
            UserError: If there is none, or it is not one; with file and line.
        """
        require_folder(path, "molbench submit pack")
        for part in (path, path / CARD):
            if part.is_symlink():
                raise UserError(f"{part}: a link; a submission holds files of its own only")
        if not (path / CARD).exists():
            raise UserError(
                f"{path}: no {CARD} in it; a submission is a folder <family>/<model> that has one"
            )
        return cls(path, read_yaml(path / CARD, Submission))

    @property
    def name(self) -> str:
        """``family/model``."""
        path = self.path.resolve()
        return f"{path.parent.name}/{path.name}"

    @property
    def digest(self) -> str:
        """SHA-256 of the card's bytes, which hold the digests of all other files."""
        return sha256((self.path / CARD).read_bytes()).hexdigest()

    def fault(self, problem: str, *location: str | int) -> Fault:
        """A fault of the card at a place in it, ``"predictions", 3, "unit"``."""
        where: Location = location
        return Fault(self.path / CARD, line_of(self.path / CARD, where), problem)

    def files(self) -> Iterator[tuple[Location, File]]:
        """Every file that the card lists, with where it does."""
        for i, entry in enumerate(self.card.predictions):
            yield ("predictions", i), entry
        if self.card.weights and self.card.weights.checkpoint:
            yield ("weights", "checkpoint"), self.card.weights.checkpoint

    def unlisted(self) -> list[Fault]:
        """Everything in the folder that is no plain file of the card."""
        listed = {CARD, RECEIPT, README, *(entry.file for _, entry in self.files() if entry.file)}
        faults: list[Fault] = []
        count = 0
        for root, folders, names in os.walk(self.path):
            for name in [*folders, *names]:
                path, count = Path(root, name), count + 1
                if count > _MOST_FILES:
                    return [*faults, Fault(self.path, None, f"more than {_MOST_FILES:,} files")]
                mode = path.lstat().st_mode
                location = path.relative_to(self.path).as_posix()
                if stat.S_ISDIR(mode):
                    continue
                if not stat.S_ISREG(mode):
                    faults.append(Fault(self.path, None, f"{quoted(location)} is a link or no plain file"))
                elif location not in listed:
                    faults.append(
                        Fault(self.path, None, f"{quoted(location)} is not listed in {CARD}; remove it")
                    )
        return faults

    def problem_with(self, entry: File) -> str | None:
        """Why a listed file of this folder is not what the card says, or None."""
        path = self.path / str(entry.file)
        if not path.is_file() or path.is_symlink() or not path.resolve().is_relative_to(self.path.resolve()):
            return f"{quoted(str(entry.file))}: no such file in this folder"
        return problem_of(path, entry)


def problem_of(path: Path, entry: File) -> str | None:
    """Why a file is not the one meant, or None."""
    size = path.stat().st_size
    if size != entry.size:
        return f"{quoted(path.name)} has {size:,} bytes, not {entry.size:,}"
    if digest_of(path) != entry.sha256:
        return f"{quoted(path.name)} is another file than its sha256 says"
    return None


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    hasher = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


def described_file(path: Path, folder: Path, url: str | None = None) -> dict[str, str | int]:
    """Size and digest of a file, with its place in ``folder`` or its address."""
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise UserError(f"{path}: has {size:,} bytes; a file of a submission has 1 to {MOST_BYTES:,}")
    location: dict[str, str | int] = {"url": url} if url else {"file": path.relative_to(folder).as_posix()}
    return {**location, "size": size, "sha256": digest_of(path)}


def submissions_in(root: Path) -> list[Path]:
    """Folders ``<family>/<model>`` below a folder that have a card, in order.

    Raises:
        UserError: If the folder does not exist.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    return [
        model
        for family in sorted(root.iterdir())
        if family.is_dir() and not family.is_symlink() and is_name(family.name)
        for model in sorted(family.iterdir())
        if is_name(model.name) and (model / CARD).is_file()
    ]


def misnamed_in(root: Path) -> list[Path]:
    """Folders below a folder that have a card too, but are called what is no name."""
    cards = (path.parent for path in sorted(root.glob(f"*/*/{CARD}")))
    return sorted(set(cards) - set(submissions_in(root)))


def withdrawals(root: Path) -> list[Withdrawal]:
    """What was withdrawn of the submissions below a folder."""
    path = root / WITHDRAWN
    return read_yaml(path, Withdrawn).withdrawn if path.is_file() else []
