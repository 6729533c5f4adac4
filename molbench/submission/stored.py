"""What a submission holds as results: its predictions, joined with the catalogue's own labels."""

from __future__ import annotations

from typing import Any

from molbench.errors import UserError
from molbench.evaluation.protocols import unknown_protocol
from molbench.evaluation.result import CheckpointEntry, Result, Stored, TaskEntry
from molbench.evaluation.trust import Trust
from molbench.spec.submission import Predicted
from molbench.submission.folder import SubmissionFolder
from molbench.submission.predictions import read_predictions


def stored_results(
    submission: SubmissionFolder,
    entry: Predicted,
    trust: Trust,
    *,
    name: str | None = None,
    pretraining: dict[str, Any] | None = None,
) -> list[Stored]:
    """The predictions of one entry of a card as results, one a seed.

    Args:
        submission: The submission.
        entry: Of its card, with a file in its folder.
        trust: What the catalogue knows.
        name: What the model is called; as on the card by default.
        pretraining: Its provenance, see :func:`provenance`.

    Raises:
        UserError: If they cannot be read, are not those of the test records, or the dataset is not here.
    """
    if problem := submission.problem_with(entry):
        raise UserError(problem)
    path = submission.path / str(entry.file)
    if entry.protocol not in trust.protocols:
        raise unknown_protocol(entry.protocol)
    count = sum(trust.count(entry.task, seed) for seed in entry.seeds)
    given = read_predictions(path, entry, count)
    joined = {seed: trust.join(entry.task, seed, part) for seed, part in given.items()}
    card = submission.card
    checkpoint = CheckpointEntry(
        name=name or card.model,
        encoder_digest=card.weights.encoder_digest if card.weights else "",
        scratch=card.scratch,
        baseline=card.baseline or card.model,
        backbone=card.backbone,
        config={},
        method=card.method,
        method_config={},
        pretraining=pretraining or {},
    )
    stored = []
    for seed, (task, data, predictions) in joined.items():
        result = Result(
            key="",
            code="",
            checkpoint=checkpoint,
            task=TaskEntry.of(task, data, {}),
            protocol=trust.protocols[entry.protocol],
            seed=seed,
            metrics={},
            n=len(predictions.ids),
            warnings=[],
            overlap=None,
            seconds={},
            throughput={},
            environment={},
        )
        stored.append(Stored(path.parent, result, predictions))
    return stored


def provenance(submission: SubmissionFolder) -> dict[str, Any]:
    """What a model was pretrained on, as its checkpoint says where that is in the folder, else as its card.

    Raises:
        UserError: If the checkpoint is not the one that the card means, or is none.
    """
    card = submission.card
    if card.weights and (file := card.weights.checkpoint) and file.file:
        from molbench.training.checkpoint_file import read_checkpoint

        if problem := submission.problem_with(file):
            raise UserError(problem)
        return read_checkpoint(submission.path / file.file)[0].pretraining
    if not card.pretraining:
        return {}
    stages = [
        stage.model_dump(include={"subset", "scheme", "digest"}) | {"dataset": stage.dataset or stage.other}
        for stage in card.pretraining
    ]
    return {**stages[-1], "stages": stages[:-1]}
