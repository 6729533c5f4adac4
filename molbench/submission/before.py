"""What lies already where a submission is packed, so that nothing of it is lost."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from molbench.errors import UserError
from molbench.spec.submission import File, Submission
from molbench.submission.entries import named_rows
from molbench.submission.folder import CARD, RECEIPT, SubmissionFolder


@dataclass(frozen=True)
class Before:
    """A folder that may hold a submission, or files that somebody put there.

    Attributes:
        folder: The place; it need not be there.
        card: Of the submission in it.
    """

    folder: Path
    card: Submission | None

    @classmethod
    def read(cls, folder: Path) -> Before:
        """Look what is there."""
        packed = SubmissionFolder.read(folder).card if (folder / CARD).is_file() else None
        return cls(folder, packed)

    def refuse_losses(self, rows: Collection[tuple[str, str]]) -> None:
        """Rows are not lost because they were scored into another results folder.

        Args:
            rows: Task and protocol of what is to be packed.

        Raises:
            UserError: If the submission has others.
        """
        packed = {(entry.task, entry.protocol) for entry in self.card.predictions} if self.card else set()
        if lost := sorted(packed - {*rows}):
            raise UserError(
                f"{self.folder}: has {named_rows(lost)}, which these results lack; "
                f"`molbench submit add RESULTS {self.folder}` keeps them, or move the folder away first"
            )

    def keep(self, folder: Path, *, weights: bool) -> None:
        """Copy what is not written anew: all but the card, its receipt and predictions.

        Args:
            folder: Where to.
            weights: Whether those of the card stay too.
        """
        listed: list[File] = [*self.card.predictions] if self.card else []
        if (packed := self.weights) is not None and not weights:
            listed.append(packed)
        written = {self.folder / name for name in (CARD, RECEIPT, *(entry.file or "" for entry in listed))}

        def anew(parent: str, names: list[str]) -> list[str]:
            return [name for name in names if Path(parent, name) in written]

        if self.folder.is_dir():  # links as links, and folders that are empty, too
            shutil.copytree(self.folder, folder, symlinks=True, ignore=anew, dirs_exist_ok=True)

    @property
    def weights(self) -> File | None:
        """The checkpoint of the card."""
        return self.card.weights.checkpoint if self.card and self.card.weights else None

    def weights_of(self, encoder_digest: str | None) -> File | None:
        """The checkpoint of the card, if there is one.

        Args:
            encoder_digest: Of what was evaluated.

        Raises:
            UserError: If it is of other weights.
        """
        if self.card is None or self.card.weights is None or self.weights is None:
            return None
        if self.card.weights.encoder_digest != encoder_digest:
            raise UserError(
                f"{self.folder}: has the checkpoint of other weights than were evaluated; give --checkpoint, "
                "or move the folder away first"
            )
        return self.weights
