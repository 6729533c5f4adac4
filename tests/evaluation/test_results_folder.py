"""What reads a folder of results says which of them it does not believe, and shows all others."""

import shutil
from pathlib import Path

import pytest

from molbench.errors import UserError
from molbench.evaluation.clean.scores import clean_scores
from molbench.evaluation.comparison.compare import compare
from molbench.evaluation.report import Report
from molbench.evaluation.result import Stored
from molbench.evaluation.results_folder import OwnLabelsWarning
from molbench.submission.entries import checked_results
from tests.evaluation.tampering import predict, tell

pytestmark = pytest.mark.slow


def _perfect_copy(folder: Path, copy: Path) -> None:
    """Another result of the same run, whose predictions are the labels."""
    shutil.copytree(folder, copy)
    predict(copy, prediction=Stored.read(copy).predictions.target)


def test_a_second_result_of_one_run_takes_no_place(results: Path) -> None:
    task = results / "model" / "toy" / "size" / "probe"
    before = len(Report.read(results).results)
    _perfect_copy(task / "0", task / "9")
    report = Report.read(results)
    assert set(report.damaged) == {task / "0", task / "9"} and len(report.results) == before - 1
    assert str(task / "9") in report.damaged[task / "0"]
    clean = clean_scores(results, tasks="toy/size")
    assert set(clean.damaged) == {task / "0", task / "9"}
    assert all(row.score for row in clean.rows if row.model == "model")
    with pytest.raises(UserError, match="of the same model, task, protocol and seed"):
        checked_results(results / "model")


def test_labels_that_could_not_be_looked_up_are_told(results: Path) -> None:
    models = [folder.name for folder in sorted(results.iterdir()) if folder.is_dir()]
    for path in results.glob("*/toy/size/probe/*/result.json"):
        tell(path.parent, lambda content: content["task"].update(id="elsewhere/x"))
    with pytest.warns(OwnLabelsWarning, match="elsewhere/x: scored against labels that lie in"):
        comparison = compare(*models, results=results, tasks="elsewhere/*")
    assert comparison.rows
    with pytest.warns(OwnLabelsWarning):
        scores = clean_scores(results)
    assert ("model", "elsewhere/x") in scores.unjudged
    assert {row.task for row in scores.rows} >= {"toy/mass", "elsewhere/x"}


def test_a_result_of_another_format_is_not_read(results: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    tell(folder, lambda content: content.update(format=2))
    with pytest.raises(UserError, match="format"):
        Stored.read(folder)


def test_a_long_value_does_not_fill_the_screen(results: Path) -> None:
    folder = results / "model" / "toy" / "size" / "probe" / "0"
    predict(folder, unit="x" * 100_000)
    assert len(Report.read(results).damaged[folder]) < 500
