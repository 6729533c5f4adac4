"""What models are trained on, and what they learn, are right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from molbench.backbones import build_backbone
from molbench.backbones.base import GeometryBackbone, Representation
from molbench.backbones.heads.values import EnergyHead
from molbench.errors import UserError
from molbench.evaluation.data import TaskData
from molbench.evaluation.force_probe import force_probe
from molbench.evaluation.models import ForceModel
from molbench.evaluation.probe import probe
from molbench.evaluation.protocols import load_protocol
from molbench.evaluation.train import predict, train
from molbench.graph.molecules import MoleculeBatch
from molbench.kernels.edges import EdgeList
from molbench.spec.training import TrainingConfig
from molbench.training.checkpoint import Checkpoint
from tests.evaluation.toy import opened

SMALL = {"width": 16, "filters": 16, "interactions": 2, "gaussians": 8, "cutoff": 4.0}


def test_labels_are_normalised_by_references_and_the_training_split(toy_home: Path) -> None:
    data = opened("toy/mass")
    train_rows = data.rows["train"]
    assert data.normalised[train_rows].mean() == pytest.approx(0, abs=1e-12)
    assert data.normalised[train_rows].std() == pytest.approx(1, abs=1e-12)
    # The label is twice the sum of nuclear charges, and so are the references.
    assert np.abs(data.labels - data.references).max() < 0.5
    test = data.rows["test"]
    assert np.allclose(data.restore(test, data.normalised[test]), data.labels[test], rtol=0, atol=1e-12)


def test_test_labels_do_not_reach_the_normalisation(toy_home: Path) -> None:
    data = opened("toy/size")
    data.store.target("size")  # cached by the store
    labels = data.labels.copy()
    labels[data.rows["test"]] = 1e9
    data.store._targets["size"] = labels
    again = TaskData.open(data.task, data.store)
    assert (again.offset, again.scale) == (data.offset, data.scale)


def test_records_without_a_label_are_left_out(toy_home: Path) -> None:
    data = opened("toy/rare")
    actual = np.concatenate(list(data.rows.values()))
    assert np.isfinite(data.labels[actual]).all() and actual.size == 60


def test_an_element_without_a_reference_is_refused(toy_home: Path) -> None:
    path = toy_home / "datasets/toy/dataset.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["targets"]["mass"]["reference"]["O"]
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(UserError, match="element without a reference"):
        opened("toy/mass")


def test_forces_are_scaled_with_the_energies(toy_home: Path) -> None:
    data = opened("toy-frames/co")
    forces = data.store.batch(data.rows["train"], forces=True).forces
    assert data.scale == pytest.approx(float(forces.double().square().mean().sqrt()), rel=1e-6)
    assert data.offset == pytest.approx(data.labels[data.rows["train"]].mean())


def test_forces_and_energies_in_units_that_cannot_match_are_refused(toy_home: Path) -> None:
    path = toy_home / "datasets/toy-frames/dataset.yaml"
    text = path.read_text(encoding="utf-8").replace("unit: kcal/mol\n", "unit: D\n", 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="cannot belong to energies"):
        opened("toy-frames/co")


@pytest.mark.parametrize("unit", ["kcal/mol/Å", "eV/Å"])
def test_predicted_forces_are_the_gradient_of_predicted_energies(toy_home: Path, unit: str) -> None:
    path = toy_home / "datasets/toy-frames/dataset.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("kcal/mol/Å", unit), encoding="utf-8")
    data = opened("toy-frames/co")
    torch.manual_seed(0)
    backbone = build_backbone("schnet", SMALL)
    model = ForceModel(backbone, EnergyHead(backbone.width), data, 0.05).double().eval()
    batch = data.store.batch(data.rows["test"][:3], forces=True).to("cpu", torch.float64)
    _, forces = model.predict(batch)

    def energies(positions: torch.Tensor) -> np.ndarray:
        outputs, _ = model.predict(batch.replace(positions=positions))
        return data.restore(batch.rows.numpy(), outputs.numpy())

    for atom, axis in [(0, 0), (3, 1), (5, 2)]:
        step = torch.zeros_like(batch.positions)
        step[atom, axis] = 1e-4
        slope = (energies(batch.positions + step) - energies(batch.positions - step)).sum() / 2e-4
        factor = 1.0 if unit == "kcal/mol/Å" else 1 / 23.060547830619
        assert float(forces[atom, axis]) == pytest.approx(-slope * factor, rel=1e-5, abs=1e-7)


@pytest.mark.slow
def test_training_lowers_the_error_of_forces(toy_home: Path) -> None:
    data = opened("toy-frames/co")
    torch.manual_seed(0)
    backbone = build_backbone("schnet", SMALL)
    model = ForceModel(backbone, EnergyHead(backbone.width), data, 0.05)
    config = TrainingConfig(steps=150, batch_size=12, lr=2e-2, optimizer="adamw", warmup_steps=5)
    train(model, data, config, 3, seed=0)
    actual = predict(model, data)
    error = np.abs(actual.forces.prediction - actual.forces.target).mean()
    assert error < 0.5 * np.abs(actual.forces.target).mean()
    assert np.abs(actual.prediction - actual.target).mean() < 20  # of energies near -1000


class _Pair(GeometryBackbone):
    """Features of a diatomic: 1, its length, and its length squared, half on each atom."""

    name = "pair"
    width = 3

    def neighbors(self, batch: MoleculeBatch) -> EdgeList:
        raise NotImplementedError

    def forward(self, batch, edges=None, *, vectors=False) -> Representation:
        length = (batch.positions[0::2] - batch.positions[1::2]).norm(dim=1)
        scalars = torch.stack([torch.ones_like(length), length, length**2], dim=1) / 2
        return Representation(scalars.repeat_interleave(2, dim=0), scalars * 2)


def test_a_force_probe_finds_the_law_that_its_features_span(toy_home: Path) -> None:
    data = opened("toy-frames/co")
    model = force_probe(_Pair(), data, load_protocol("probe"), 0, torch.device("cpu"))
    actual = predict(model, data)
    assert np.abs(actual.forces.prediction - actual.forces.target).max() < 1e-2
    assert np.abs(actual.prediction - actual.target).max() < 1e-2


def test_a_force_probe_leaves_the_encoder_alone_and_its_seed_draws_the_frames(toy_home: Path) -> None:
    data, protocol = opened("toy-frames/co"), load_protocol("probe", ["frames=8"])
    torch.manual_seed(0)
    backbone = build_backbone("schnet", SMALL)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    results = [
        predict(force_probe(backbone, data, protocol, seed, torch.device("cpu")), data) for seed in (0, 0, 1)
    ]
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert np.allclose(results[0].forces.prediction, results[1].forces.prediction, rtol=1e-5, atol=1e-5)
    assert not np.allclose(results[0].forces.prediction, results[2].forces.prediction, rtol=1e-3)
    assert np.abs(results[0].forces.prediction - results[0].forces.target).mean() < 2


def test_a_ridge_probe_finds_a_linear_law(toy_home: Path) -> None:
    data = opened("toy/size")
    rng = np.random.default_rng(0)
    features = np.stack([data.labels * 3 - 7, rng.normal(size=120), np.ones(120)], axis=1)
    predictions = probe(features, data, load_protocol("probe"), seed=0)
    assert np.abs(predictions - data.labels[data.rows["test"]]).max() < 0.01


def test_a_logistic_probe_gives_probabilities(toy_home: Path) -> None:
    data = opened("toy/ring")
    features = np.random.default_rng(0).normal(size=(120, 3)) * 0.1
    features[:, 1] += data.labels
    predictions = probe(features, data, load_protocol("probe"), seed=0)
    truth = data.labels[data.rows["test"]]
    assert ((predictions >= 0) & (predictions <= 1)).all()
    assert ((predictions > 0.5) == (truth > 0.5)).all()


def test_a_class_of_one_cannot_be_probed(toy_home: Path) -> None:
    data = opened("toy/ring")
    labels = data.labels.copy()
    labels[data.rows["train"]] = 0
    with pytest.raises(UserError, match="two training records of each class"):
        probe(np.zeros((120, 2)), replace(data, labels=labels), load_protocol("probe"), seed=0)


def test_noisy_nodes_change_training_and_nothing_else(toy_home, tmp_path) -> None:
    from molbench.evaluation import evaluate

    torch.manual_seed(0)
    path = tmp_path / "painn.pt"
    config = {"width": 8, "interactions": 1, "radial": 4}
    Checkpoint.of(build_backbone("painn", config), method="toy", pretraining={}).save(path)
    values = []
    for settings in ([], ["noisy_nodes.noise=0.02", "noisy_nodes.weight=0.1"]):
        protocol = load_protocol("finetune", ["training.steps=3", "evaluations=1", *settings])
        report = evaluate(
            [path],
            ["toy/size"],
            protocol=protocol,
            seeds=1,
            output=tmp_path / "r",
            scratch=False,
            executor="inline",
        )
        assert not report.failures
        values.append(report.results[0].result.primary.value)
    assert np.isfinite(values).all() and values[0] != values[1]
