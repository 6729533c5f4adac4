"""A submission on the Hugging Face Hub: its files, a model card, and its scores as evaluation results."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from molbench.data.folder.upload import upload_model_files
from molbench.errors import UserError
from molbench.escape import markdown
from molbench.spec.submission import Submission
from molbench.submission.folder import CARD, README, RECEIPT, SubmissionFolder
from molbench.submission.receipt import Receipt, TaskScore

#: Where the Hub looks for evaluation results of a model.
RESULTS = ".eval_results/molbench.yaml"


def push_submission(
    folder: Path, repository: str, *, private: bool = False, dry_run: bool = False
) -> list[str]:
    """Upload a verified submission as one commit to a model repository.

    Args:
        folder: The submission, with its receipt.
        repository: ``owner/name`` on the Hub.
        private: Whether a repository that is made anew is private.
        dry_run: Whether to stop before the first connection.

    Returns:
        Paths of the files of the upload.

    Raises:
        UserError: If it was not verified, was changed since, or the Hub refuses.
    """
    submission = SubmissionFolder.read(folder)
    receipt = Receipt.read(folder / RECEIPT)
    if receipt.card != submission.digest or submission.unlisted():
        raise UserError(f"{folder}: was changed since it was verified; run `molbench submit verify {folder}`")
    listed = [str(entry.file) for _, entry in submission.files() if entry.file]
    files = {name: folder / name for name in (CARD, RECEIPT, *listed)}
    with tempfile.TemporaryDirectory(prefix="molbench-push-") as temporary:
        for name, text in {
            README: submission_card(submission.card, receipt),
            RESULTS: evaluation_results(receipt),
        }.items():
            path = Path(temporary) / Path(name).name
            path.write_text(text, encoding="utf-8")
            files[name] = path
        if not dry_run:
            message = f"{submission.name}, seal {receipt.seal[:16]}"
            upload_model_files(files, repository, private, message)
    return sorted(files)


def submission_card(card: Submission, receipt: Receipt) -> str:
    """``README.md``: metadata that the Hub reads, and a table for people."""
    metadata = {
        "license": card.licence.lower(),
        "library_name": "molbench",
        "tags": ["chemistry", "molecules", card.backbone],
        "datasets": [stage.dataset for stage in card.pretraining if stage.dataset],
        "model-index": [{"name": card.name, "results": [_indexed(score) for score in receipt.task_scores]}],
    }
    lines = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {markdown(card.name)}",
        f"Backbone {markdown(card.backbone)}"
        + (f", pretrained with {markdown(card.method)}." if card.method else ", not pretrained.")
        + f" Scores are {receipt.tier}; `molbench submit verify` computes them again.",
        *([markdown(card.notes)] if card.notes else []),
        "\n".join(
            [
                "| task | protocol | metric | score | unit | seeds |",
                "| --- | --- | --- | --- | --- | --- |",
                *(
                    f"| {score.task} | {score.protocol} | {score.metric} | {score.mean:.6g} | {score.unit} | "
                    f"{len(score.seeds)} |"
                    for score in receipt.task_scores
                ),
            ]
        ),
    ]
    return "\n\n".join(lines) + "\n"


def evaluation_results(receipt: Receipt) -> str:
    """The Hub's file of evaluation results: one entry a score."""
    entries = [
        {
            "dataset": {"id": f"molbench/{score.task.partition('/')[0]}", "task_id": score.task},
            "value": float(f"{score.mean:.6g}"),
            "date": receipt.date,
            "notes": f"{score.metric} in {score.unit}, protocol {score.protocol}, {len(score.seeds)} seeds, "
            f"{receipt.tier}, receipt {receipt.seal[:16]}",
        }
        for score in receipt.task_scores
    ]
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)


def _indexed(score: TaskScore) -> dict[str, object]:
    return {
        "task": {"type": "graph-ml", "name": score.task},
        "dataset": {"type": f"molbench/{score.task.partition('/')[0]}", "name": score.task},
        "metrics": [
            {
                "type": score.metric,
                "name": f"{score.metric} in {score.unit}",
                "value": float(f"{score.mean:.6g}"),
            }
        ],
    }
