"""The protocols of relational learning do what they say, in whole runs on small parts of embedded tables."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from molbench.backbones import build_backbone
from molbench.backbones.base import Backbone, GeometryBackbone, Representation
from molbench.errors import UserError
from molbench.evaluation.built import Data
from molbench.evaluation.candidates.checkpoint import CheckpointCandidate
from molbench.evaluation.data import TaskData
from molbench.evaluation.models import ValueModel
from molbench.evaluation.plan import plan
from molbench.evaluation.predictions import Predictions
from molbench.evaluation.protocol_predictions import protocol_predictions
from molbench.evaluation.protocols import load_protocol, load_protocols
from molbench.evaluation.train import predict, train
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.metrics import METRICS
from molbench.spec.catalogue import Catalogue
from molbench.spec.protocol import Protocol
from molbench.spec.training import Budget
from molbench.training.checkpoint import Checkpoint
from tests.evaluation.toy import opened

CPU = torch.device("cpu")
PAIR_ENCODERS = ("cigin", "cgib", "cgib-cont", "mpnn", "attentivefp")
SMALL = {"steps": 1, "readout_steps": 1}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> TaskData:
    """Some pairs of the embedded solvation energies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLBENCH_HOME", str(tmp_path_factory.mktemp("pairs")))
        data = opened("xtb-solvation/dg_solv")
    rng = np.random.default_rng(0)
    rows = {split: np.sort(rng.choice(actual, 40, replace=False)) for split, actual in data.rows.items()}
    return replace(data, rows=rows)


def recipe(**changes: Any) -> Protocol:
    values = {"name": "p", "description": "d", "kind": "finetune", "training": {"steps": 1, "lr": 1e-30}}
    return Protocol.model_validate(values | changes)


def encoder(name: str = "mpnn", **config: Any) -> Backbone:
    torch.manual_seed(3)
    return build_backbone(name, SMALL | config)


@pytest.mark.parametrize("name", ["3dmrl", "3dmrl-paper"])
def test_one_file_holds_the_recipe_of_every_table(name: str) -> None:
    protocol = load_protocol(name)
    expected = {
        "chromophore/absorption": (5e-3, 256, False, "loss"),
        "chromophore-partial/lifetime@molecule": (5e-3, 256, False, "loss"),
        "solvation/abraham": (1e-3, 256, None, "loss"),
        "solvation/freesolv@kfold-half": (1e-3, 32, None, "loss"),
        "solvation/mnsol": (1e-3, 32, None, "loss"),
        "ddi/zhang@scaffold": (5e-4, 128, None, "metric"),
    }
    for task, (lr, batch, hydrogens, select) in expected.items():
        own = protocol.on(task)
        assert own.training is not None
        assert (own.training.lr, own.training.batch_size, own.hydrogens, own.select) == (
            lr,
            batch,
            hydrogens,
            select,
        )
        assert (own.training.epochs, own.training.patience, own.training.plateau_patience) == (500, 50, 20)
        assert (own.loss, own.training.optimizer, own.training.weight_decay) == ("mse", "adam", 0)
        faithful = name == "3dmrl-paper"
        assert own.standardise is not faithful
        assert own.logit_threshold == (0.5 if faithful and task.startswith("ddi") else 0)


def test_a_setting_given_by_hand_holds_on_every_task() -> None:
    protocol = load_protocol("3dmrl", ["epochs=20", "training.lr=1e-2", "hydrogens=true"])
    assert protocol.name.startswith("3dmrl-") and protocol.name not in load_protocols()
    for task in ("chromophore/absorption", "solvation/freesolv", "ddi/zhang"):
        own = protocol.on(task)
        assert own.training is not None
        assert (own.training.epochs, own.training.lr, own.hydrogens) == (20, 1e-2, True)
    assert protocol.on("solvation/freesolv").training.batch_size == 32
    in_steps = load_protocol("3dmrl", ["training.steps=7"]).training
    assert in_steps is not None and (in_steps.steps, in_steps.epochs) == (7, None)
    with pytest.raises(UserError, match="no setting 'overrides'"):
        load_protocol("3dmrl", ["overrides=[]"])
    with pytest.raises(UserError, match="no hydrogens"):
        load_protocol("probe", ["hydrogens=false"])


def test_the_grid_is_eight_tasks_with_five_encoders_in_fifteen_folds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molbench.evaluation.plan.refuse_missing", lambda _: None)
    monkeypatch.setattr("molbench.evaluation.plan.data_of", lambda task: Data("d", task.split_name, False))
    paths = [tmp_path / f"{name}.pt" for name in PAIR_ENCODERS]
    for name, path in zip(PAIR_ENCODERS, paths, strict=True):
        Checkpoint.of(build_backbone(name)).save(path)
    candidates = [CheckpointCandidate.of_file(path) for path in paths]
    catalogue = Catalogue.load()
    names = {}
    for suite, scheme in (("mrl-grid", "kfold"), ("mrl-grid-paper", "kfold-half")):
        tasks = catalogue.tasks(suite=suite)
        names[suite] = {f"{task.entry.id}/{task.name}" for task in tasks}
        assert len(tasks) == len(names[suite]) == 8
        runs = plan(candidates, tasks, load_protocol("3dmrl"), range(15), tmp_path).runs
        folds: dict[tuple[str, str], list[str]] = {}
        for run in runs:
            folds.setdefault((run.candidate.name, run.task.id), []).append(run.task.split_name)
        assert len(folds) == 40
        expected = [f"{scheme}-{repeat}-{fold}" for repeat in range(3) for fold in range(5)]
        assert all(actual == expected for actual in folds.values())
        assert len({run.key for run in runs}) == 40 * 15
        with pytest.raises(UserError, match="are seeds 0 to 14"):
            plan(candidates, tasks, load_protocol("3dmrl"), range(16), tmp_path)
    assert names["mrl-grid"] == names["mrl-grid-paper"]


def test_hydrogens_are_the_reader_s_business_and_part_of_the_key(
    pairs: TaskData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predicted(pretrained_with: bool, told: bool | None) -> np.ndarray:
        actual, _ = protocol_predictions(
            encoder(hydrogens=pretrained_with), pairs, recipe(hydrogens=told), 0, CPU
        )
        return actual.prediction

    with_, without = predicted(True, None), predicted(False, None)
    assert not np.allclose(with_, without)
    assert np.array_equal(predicted(True, False), without)
    assert np.array_equal(predicted(False, True), with_)

    monkeypatch.setattr("molbench.evaluation.plan.data_of", lambda _: Data("d", "s", False))
    Checkpoint.of(encoder()).save(tmp_path / "m.pt")
    candidate = CheckpointCandidate.of_file(tmp_path / "m.pt")
    protocols = [recipe(), recipe(hydrogens=False), recipe(hydrogens=True)]
    keys = {plan([candidate], [pairs.task], p, [0], tmp_path).runs[0].key for p in protocols}
    assert len(keys) == 3


def test_raw_labels_and_squared_errors_by_hand(pairs: TaskData) -> None:
    rows = pairs.rows["train"][:5]
    for standardise, loss in ((True, "mse"), (False, "mse"), (False, "l1")):
        data = pairs if standardise else replace(pairs, offset=0.0, scale=1.0)
        model = ValueModel(encoder(), data, loss=loss)
        for parameter in model.head.parameters():
            torch.nn.init.zeros_(parameter)
        truth = pairs.labels[rows]
        if standardise:
            truth = (truth - pairs.offset) / pairs.scale
        batch = model.backbone.reader(data.store).batch(rows)
        actual, _ = model.loss(batch, torch.Generator())
        by_hand = np.square(truth).mean() if loss == "mse" else np.abs(truth).mean()
        assert actual.item() == pytest.approx(by_hand, rel=1e-5)
    untrained = [
        protocol_predictions(encoder(), pairs, recipe(standardise=flag), 0, CPU)[0].prediction
        for flag in (True, False)
    ]
    np.testing.assert_allclose(untrained[0], untrained[1] * pairs.scale + pairs.offset, rtol=1e-9)


def test_the_published_head_stands_behind_encoders_that_have_one(pairs: TaskData) -> None:
    model = ValueModel(encoder(), pairs, head="published")
    widths = [tuple(p.shape) for name, p in model.head.named_parameters() if name.endswith("weight")]
    assert widths == [(256, model.backbone.width), (128, 256), (1, 128)]


class _Known(GeometryBackbone):
    """One number a molecule: its size, which a fixed head turns into a logit."""

    name = "known"
    width = 2

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        raise NotImplementedError

    def forward(self, batch: Any, edges: Any = None, *, vectors: bool = False) -> Representation:
        size = batch.sizes.float()
        return Representation(torch.zeros(len(batch.positions), 2), torch.stack([size, size], dim=1))


def test_a_logit_threshold_moves_classes_and_no_ranks(toy_home: Path) -> None:
    data = opened("toy/ring")

    def predicted(threshold: float) -> Predictions:
        torch.manual_seed(0)
        model = ValueModel(_Known(), data, logit_threshold=threshold)
        model.head = _Logit()
        return predict(model, data)

    # Logits are 0.1 (size - 2): 0 … 0.5. Sizes above 4 are rings.
    sizes = np.array([data.store.batch(data.rows["test"]).sizes.numpy()]).ravel()
    logits = 0.1 * (sizes - 2)
    plain, paper = predicted(0.0), predicted(0.25)
    np.testing.assert_allclose(plain.prediction, 1 / (1 + np.exp(-logits)), rtol=1e-6)
    for predictions, at in ((plain, 0.0), (paper, 0.25)):
        called, ring = logits > at, sizes > 4
        hit, wrong = (called & ring).sum(), (called != ring).sum()
        assert METRICS["f1"].value(predictions) == pytest.approx(2 * hit / (2 * hit + wrong))
        assert METRICS["accuracy"].value(predictions) == pytest.approx((called == ring).mean())
    assert METRICS["accuracy"].value(paper) == 1.0
    assert METRICS["accuracy"].value(plain) < 1.0
    for name in ("auroc", "average_precision"):
        values = [METRICS[name].value(p) for p in (plain, paper)]
        assert values[0] == values[1]


class _Logit(torch.nn.Module):
    """``0.1 (size - 2)``."""

    vectors = False

    def forward(self, representation: Representation, batch: MoleculeBatch) -> torch.Tensor:
        return 0.1 * (representation.graph[:, :1] - 2)


def test_the_probability_of_the_paper_s_threshold() -> None:
    assert torch.tensor(0.5).sigmoid().item() == pytest.approx(0.6225, abs=1e-4)


def test_weights_are_chosen_by_the_metric_where_that_is_asked_for(toy_home: Path) -> None:
    data = opened("toy/ring")
    torch.manual_seed(0)
    small = {"width": 8, "filters": 8, "interactions": 1, "gaussians": 4, "cutoff": 3.0}
    model = ValueModel(build_backbone("schnet", small), data)
    budget = Budget(epochs=6, batch_size=24, lr=1e-2, schedule="plateau").in_steps(data.rows["train"].size)
    report = train(model, data, budget, 6, seed=0, select="metric")
    actual = predict(model, data, split="validation")
    assert actual.ids == data.store.ids.take(data.rows["validation"]).to_pylist()
    assert report.best is not None
    assert METRICS["auroc"].value(actual) == pytest.approx(-report.best)
    assert report.best_step is not None and report.best_step % (budget.steps // 6) == 0


def test_every_epoch_is_validated_and_patience_ends_a_run(pairs: TaskData, tmp_path: Path) -> None:
    protocol = recipe(
        training={"epochs": 4, "patience": 2, "batch_size": 16, "lr": 1e-6, "schedule": "plateau"}, loss="mse"
    )
    protocol_predictions(encoder(), pairs, protocol, 0, CPU, state=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    validated = [line["step"] for line in lines if "validation" in line]
    assert validated == [3, 6, 9, 12][: len(validated)] and len(validated) >= 3


@pytest.mark.slow
def test_the_command_line_cuts_the_budget(tmp_path: Path) -> None:
    Checkpoint.of(encoder(), method="toy", pretraining={"dataset": "elsewhere"}).save(tmp_path / "mpnn.pt")
    command = [sys.executable, "-m", "molbench.cli", "evaluate", "mpnn.pt", "-t", "xtb-solvation/dg_solv"]
    options = ["--protocol", "3dmrl-paper", "--set", "training.epochs=1", "--seeds", "1", "--json"]
    done = subprocess.run(
        [*command, *options, "--executor", "inline", "--no-scratch"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["rows"]
    assert [cell["metric"] for cell in cells] == ["rmse"]
    (path,) = tmp_path.rglob("result.json")
    result = json.loads(path.read_text())
    assert result["protocol"]["training"]["epochs"] == 1
    assert result["protocol"]["standardise"] is False
    assert np.isfinite(result["metrics"]["rmse"]["value"])
