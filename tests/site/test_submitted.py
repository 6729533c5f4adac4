"""Boards of submissions have the same pages: predictions are joined with the catalogue's own labels."""

from pathlib import Path

import pytest
import yaml

from molbench.evaluation.trust import Trust
from molbench.leaderboard.publish import publish
from molbench.site.overview import cell
from molbench.site.submitted import evidence_of
from molbench.site.write import write_site
from molbench.submission.folder import RECEIPT
from molbench.submission.verify import verify
from tests.evaluation.conftest import _built, toy_home  # noqa: F401 - fixtures
from tests.submission.conftest import _packed, submission, trust  # noqa: F401 - fixtures
from tests.submission.packed import TASKS


def test_pages_of_submissions_show_their_predictions(
    submission: Path,  # noqa: F811
    trust: Trust,  # noqa: F811
    tmp_path: Path,
) -> None:
    verify(submission, trust).receipt.write(submission / RECEIPT)
    root = submission.parent.parent
    board = {"name": "toy", "title": "Toy", "description": "d", "tasks": [*TASKS, "toy/rare"]}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(board))
    published = publish(root, tmp_path / "boards", [str(tmp_path / "toy.yaml")])
    evidence = evidence_of(published.records, root, trust.catalogue)
    for score in published.records.scores:
        runs = evidence.of_model(score.model, ["probe"])[score.task]
        measured = evidence.records(score.task).measure([runs])
        assert float(measured.value) == pytest.approx(score.mean, rel=1e-5)
    write_site(published.records, evidence, trust.catalogue, tmp_path / "site")
    page = (tmp_path / "site" / "models" / "good.html").read_text(encoding="utf-8")
    assert "A. Author" in page and "predictions over labels" in page and "re-scored" in page
    assert all(cell(score) in page for score in published.records.scores)
    assert (tmp_path / "site" / "data" / "toy" / "good.js").is_file()
    assert published.records.cards[0].date is not None

    # What cannot be read any more stands by its receipt.
    (submission / "predictions" / TASKS[0] / "probe.parquet").write_bytes(b"?")
    evidence = evidence_of(published.records, root, trust.catalogue)
    assert TASKS[0] not in evidence.of_model("good", ["probe"])
    write_site(published.records, evidence, trust.catalogue, tmp_path / "site")
    assert "A. Author" in (tmp_path / "site" / "models" / "good.html").read_text(encoding="utf-8")
