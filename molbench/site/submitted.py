"""Evidence behind boards of submissions: their predictions, joined with the catalogue's own labels."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.result import Stored
from molbench.evaluation.trust import Trust
from molbench.leaderboard.records import Records
from molbench.site.evidence import Evidence
from molbench.spec.catalogue import Catalogue
from molbench.submission.folder import SubmissionFolder
from molbench.submission.stored import stored_results


def evidence_of(records: Records, root: Path, catalogue: Catalogue) -> Evidence:
    """Predictions of every submission of some boards, as far as they lie here and their datasets are built.

    Args:
        records: The boards.
        root: Folder of submissions.
        catalogue: What tasks and datasets there are.
    """
    trust = Trust(catalogue)
    shown = {score.task for score in records.scores}
    stored: list[Stored] = []
    for card in records.cards:
        folder = SubmissionFolder.read(root / card.family / card.model)
        for entry in folder.card.predictions:
            if entry.file and entry.task in shown and card.withdrawn is None:
                # Its score stands by its receipt; `molbench submit verify` tells what is wrong.
                with suppress(UserError):
                    stored += stored_results(folder, entry, trust)
    return Evidence.of(stored)
