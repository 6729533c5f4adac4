"""What cannot be scored is refused before anything is trained; what has no value is not called zero."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from molbench.data.build.builder import build
from molbench.data.folder.columns import read_labels
from molbench.errors import UserError
from molbench.evaluation import Predictions, evaluate, read_results
from molbench.evaluation.score import score
from molbench.leaderboard import build_boards
from molbench.paths import home
from molbench.spec.tasks import Task
from tests.evaluation.test_kinds import declare, molecules

pytestmark = pytest.mark.slow  # they start processes


def built(tmp_path: Path, label: list[float], tasks: dict[str, dict[str, object]]) -> None:
    """A built dataset ``alike`` of molecules with one label ``y``."""
    table = pa.table(molecules(np.random.default_rng(0), len(label)) | {"y": label})
    entry = declare(
        tmp_path,
        table,
        {name: {"target": "y", "unit": "1"} | task for name, task in tasks.items()},
        name="alike",
        record="molecule",
        targets={"y": {"unit": "1", "description": "made by hand"}},
    )
    build(entry, raw=tmp_path)


@pytest.mark.parametrize("protocol", ["probe", "finetune"])
def test_a_test_split_of_one_class_is_refused_before_any_training(
    save, tmp_path: Path, protocol: str
) -> None:
    built(tmp_path, [1.0] * 60, {"active": {"kind": "classification", "metrics": ["f1", "auroc"]}})
    command = ["evaluate", str(save(tmp_path / "m.pt")), "-t", "alike/active@random", "--seeds", "1"]
    run = subprocess.run(
        [sys.executable, "-m", "molbench.cli", *command, "--protocol", protocol, "-o", str(tmp_path / "r")],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 2 and "Traceback" not in run.stderr
    said = " ".join(run.stderr.split())
    assert "alike/active: all test records are of one class; F1 is not defined" in said
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.parametrize("protocol", ["probe", "finetune"])
@pytest.mark.parametrize(
    ("alone", "said"),
    [
        ("test", "all test records are of one class; always saying so would be right"),
        ("train", "all training records are of one class; there is nothing to learn"),
    ],
)
def test_one_class_is_refused_where_only_calls_are_counted(
    save, tmp_path: Path, protocol: str, alone: str, said: str
) -> None:
    """Accuracy is a number of any labels; that of one class says nothing, and one class teaches nothing."""
    built(tmp_path, [0.0] * 60, {})
    folder = home() / "datasets" / "alike"
    splits = read_labels(folder, "random")
    shutil.rmtree(folder)
    shutil.rmtree(tmp_path / "declared")
    values = [float(split != alone and i % 2) for i, split in enumerate(splits)]
    built(tmp_path, values, {"active": {"kind": "classification", "metrics": ["accuracy"]}})
    with pytest.raises(UserError) as caught:
        evaluate(
            [save(tmp_path / "m.pt")], ["alike/active"], seeds=1, protocol=protocol, output=tmp_path / "r"
        )
    assert str(caught.value) == f"alike/active: {said}"
    assert not list(tmp_path.rglob("result.json"))


def test_all_such_tasks_are_named_and_errors_of_equal_labels_are_none(save, tmp_path: Path) -> None:
    tasks = {"r": {"metrics": ["mae", "r2"]}, "s": {"metrics": ["spearman"]}, "m": {"metrics": ["mae"]}}
    built(tmp_path, [2.5] * 60, tasks)
    checkpoint = save(tmp_path / "m.pt")
    reasons = [
        "alike/r: all test records have the same label; R² is not defined",
        "alike/s: all test records have the same label; Spearman correlation is not defined",
    ]
    with pytest.raises(UserError) as caught:
        evaluate([checkpoint], ["alike/r", "alike/s"], seeds=1, output=tmp_path / "r")
    assert str(caught.value).splitlines() == reasons
    report = evaluate([checkpoint], ["alike/*"], seeds=1, output=tmp_path / "r", executor="inline")
    assert not report.failures
    assert [pair.reason for pair in report.not_applicable if pair.candidate == "m"] == reasons
    assert [stored.result.primary.value for stored in report.results] == pytest.approx([0, 0], abs=1e-9)


def test_a_fold_of_one_class_is_named(save, tmp_path: Path) -> None:
    labels = [float(i == 0) for i in range(30)]
    built(tmp_path, labels, {"active": {"kind": "classification", "metrics": ["auroc"]}})
    with pytest.raises(UserError, match=r"alike/active@kfold \(kfold-\d-\d\): all test records are of one"):
        evaluate([save(tmp_path / "m.pt")], ["alike/active@kfold"], seeds=3, output=tmp_path / "r")


def test_weights_are_not_chosen_by_what_the_validation_split_leaves_undefined(toy_home, tmp_path) -> None:
    from molbench.backbones import build_backbone
    from molbench.data.read.store import Store
    from molbench.evaluation.data import TaskData
    from molbench.evaluation.models import ValueModel
    from molbench.evaluation.train import train
    from molbench.spec.catalogue import Catalogue
    from molbench.spec.training import Budget
    from tests.evaluation.conftest import CONFIG

    (task,) = Catalogue.load().tasks(["toy/ring"])
    data = TaskData.open(task, Store.open(task.folder))
    rings = data.rows["validation"][data.labels[data.rows["validation"]] == 1]
    data.rows["validation"] = rings
    model = ValueModel(build_backbone("schnet", CONFIG), data)
    with pytest.raises(UserError, match="all validation records are of one class; AUROC is not defined"):
        train(model, data, Budget(steps=1, batch_size=4, lr=1e-3), 1, seed=0, select="metric")


@pytest.fixture
def constant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every probe predicts the same for all records."""
    from molbench.evaluation import probe

    monkeypatch.setattr(
        probe, "probe", lambda features, data, protocol, seed: np.full(data.rows["test"].size, 3.1)
    )


def test_the_correlation_of_a_constant_is_no_number_in_a_result(
    toy_home: Path, checkpoint: Path, tmp_path: Path, constant: None
) -> None:
    output = tmp_path / "r"
    report = evaluate([checkpoint], ["toy/size"], seeds=2, output=output, executor="inline")
    assert not report.failures and len(report.results) == 4
    stored = read_results(output)
    for item in stored:
        written = json.loads((item.folder / "result.json").read_text())["metrics"]
        assert written["spearman"]["value"] is None and written["pearson"]["half_width"] is None
        assert np.isnan(item.result.metrics["spearman"].value) and item.result.primary.value > 0
    board = {"name": "b", "title": "B", "description": "d", "tasks": ["toy/size"], "seeds": 2}
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(board))
    (table,) = build_boards(output, tmp_path / "boards", [str(tmp_path / "b.yaml")]).records.boards
    assert table.tasks == ["toy/size"] and {score.model for score in table.scores} == {"model"}


def test_a_primary_metric_without_a_value_is_a_failed_run(
    toy_home: Path, checkpoint: Path, tmp_path: Path, constant: None
) -> None:
    path = toy_home / "datasets/toy/tasks.yaml"
    content = yaml.safe_load(path.read_text())
    content["tasks"]["size"]["metrics"] = ["spearman", "mae"]
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    report = evaluate([checkpoint], ["toy/size,toy/mass"], seeds=1, output=tmp_path / "r", executor="inline")
    assert {outcome.run.task.id for outcome in report.failures} == {"toy/size"}
    for outcome in report.failures:
        assert outcome.error and "Spearman correlation is not defined for these predictions" in outcome.error
        assert "all the same" in outcome.error
    assert {stored.result.task.id for stored in report.results} == {"toy/mass"}


@pytest.mark.parametrize("metric", ["auroc", "average_precision", "f1"])
def test_stored_predictions_of_one_class_have_no_score(metric: str) -> None:
    task = Task(kind="classification", target="y", metrics=[metric], unit="1", scheme="s", why="w")
    predictions = Predictions(["a", "b"], np.zeros(2), np.array([0.1, 0.2]), "1")
    with pytest.raises(UserError, match="not defined for these predictions"):
        score(task, predictions)
