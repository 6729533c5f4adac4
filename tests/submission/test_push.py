"""What is pushed is what was verified, with a card and results in the Hub's own format."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
import yaml

from molbench.errors import UserError
from molbench.evaluation.trust import Trust
from molbench.submission.folder import RECEIPT
from molbench.submission.push import RESULTS, push_submission
from molbench.submission.verify import verify
from tests.submission.packed import read_card, write_card


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the Hub was given."""
    files: dict[str, str] = {}

    class Hub:
        def create_repo(self, *arguments: object, **options: object) -> None:
            pass

        def create_commit(self, operations: list, **options: object) -> None:
            for operation in operations:
                path = Path(operation.path_or_fileobj)
                files[operation.path_in_repo] = "" if path.suffix == ".parquet" else path.read_text()

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    return files


def test_a_card_and_results_are_written(submission: Path, trust: Trust, sent: dict[str, str]) -> None:
    receipt = verify(submission, trust).receipt
    receipt.write(submission / RECEIPT)
    names = push_submission(submission, "me/model")
    assert set(names) == set(sent) and "submission.yaml" in sent and RESULTS in sent
    metadata = yaml.safe_load(sent["README.md"].split("---")[1])
    assert metadata["license"] == "cc-by-4.0"
    (index,) = metadata["model-index"]
    assert [result["metrics"][0]["value"] for result in index["results"]] == [
        pytest.approx(task_score.mean, rel=1e-5) for task_score in receipt.task_scores
    ]
    huggingface_hub.ModelCard(sent["README.md"])
    entries = huggingface_hub.parse_eval_result_entries(yaml.safe_load(sent[RESULTS]))
    assert [entry.task_id for entry in entries] == [task_score.task for task_score in receipt.task_scores]


def test_a_dry_run_connects_to_nothing(submission: Path, trust: Trust, sent: dict[str, str]) -> None:
    verify(submission, trust).receipt.write(submission / RECEIPT)
    assert "README.md" in push_submission(submission, "me/model", dry_run=True) and sent == {}


def test_what_was_changed_since_is_not_pushed(submission: Path, trust: Trust, sent: dict[str, str]) -> None:
    with pytest.raises(UserError, match="no receipt"):
        push_submission(submission, "me/model")
    verify(submission, trust).receipt.write(submission / RECEIPT)
    write_card(submission, read_card(submission) | {"name": "Better"})
    with pytest.raises(UserError, match="changed since it was verified"):
        push_submission(submission, "me/model")
    assert sent == {}
