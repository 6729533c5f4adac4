"""Evidence behind boards of submissions: their predictions, joined with the catalogue's own labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from molbench.errors import UserError
from molbench.evaluation.built import Data
from molbench.evaluation.result import CheckpointEntry, Result, Stored, TaskEntry
from molbench.evaluation.trust import Trust
from molbench.leaderboard.records import Records
from molbench.site.evidence import Evidence
from molbench.spec.catalogue import Catalogue, TaskRef
from molbench.spec.submission import Predicted
from molbench.submission.folder import SubmissionFolder
from molbench.submission.predictions import read_predictions


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
                stored += _joined(folder, entry, trust)
    return Evidence.of(stored)


def _joined(folder: SubmissionFolder, entry: Predicted, trust: Trust) -> Iterator[Stored]:
    path = folder.path / str(entry.file)
    try:
        wanted = sum(trust.count(entry.task, seed) for seed in entry.seeds)
        given = read_predictions(path, entry, wanted)
        joined = {seed: trust.join(entry.task, seed, part) for seed, part in given.items()}
        protocol = trust.protocols[entry.protocol]
    except (
        UserError,
        KeyError,
    ):  # its score stands by its receipt; `molbench submit verify` tells what is wrong
        return
    card = folder.card
    checkpoint = CheckpointEntry(
        name=card.model,
        encoder_digest=card.weights.encoder_digest if card.weights else "",
        scratch=card.scratch,
        baseline=card.baseline or card.model,
        backbone=card.backbone,
        config={},
        method=card.method,
        method_config={},
        pretraining={},
    )
    for seed, (task, data, predictions) in joined.items():
        result = Result(
            key="",
            code="",
            checkpoint=checkpoint,
            task=_entry(task, data),
            protocol=protocol,
            seed=seed,
            metrics={},
            n=len(predictions.ids),
            warnings=[],
            overlap=None,
            seconds={},
            throughput={},
            environment={},
        )
        yield Stored(path.parent, result, predictions)


def _entry(task: TaskRef, data: Data) -> TaskEntry:
    return TaskEntry(
        id=task.id,
        dataset=task.entry.id,
        version=task.dataset.version,
        digest=data.digest,
        scheme=task.split_name,
        split_digest=data.split,
        partial=data.partial,
        embedded=task.dataset.embedded,
        declaration=task.task,
        counts={},
    )
