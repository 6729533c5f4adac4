"""What every kind of task must keep, whatever it is; the listing says which there are."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.kinds.base import TaskKind
from molbench.evaluation.kinds.spectrum import Spectrum
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.protocols import load_protocol
from molbench.metrics import METRICS
from molbench.spec.catalogue import Catalogue
from molbench.spec.tasks import TASK_KINDS, Task
from tests.evaluation.toy import opened

TOY = {"regression": "toy/mass", "classification": "toy/ring", "forces": "toy-frames/co"}


@pytest.mark.parametrize("name", TASK_KINDS)
def test_a_kind_is_listed_under_its_name_with_metrics_of_its_own(name: str) -> None:
    kind = TASK_KINDS[name]()
    assert isinstance(kind, TaskKind) and kind.name == name and not vars(kind)
    assert any(METRICS[metric].family in kind.families for metric in METRICS)


@pytest.mark.parametrize("values", [set(), {0.0}, {0.0, 1.0}, {0.0, 1.0, 2.0}, {-0.5, 1.0}], ids=str)
def test_labels_of_a_user_are_recognised_by_one_kind_at_most(values: set[float]) -> None:
    names = [name for name in TASK_KINDS if TASK_KINDS[name].recognises(values, "1")]
    assert names == (["classification"] if values == {0, 1} else [])
    assert not any(TASK_KINDS[name].recognises(values, "eV") for name in TASK_KINDS)


@pytest.mark.parametrize(("task", "unit"), [("xtb-molecules/gap", "D"), ("xtb-dynamics/furan", "kcal/mol")])
def test_a_unit_of_something_else_is_refused(task: str, unit: str) -> None:
    (ref,) = Catalogue.load().tasks([task])
    declared = ref.task.model_copy(update={"unit": unit})
    wrong = SimpleNamespace(id=ref.id, task=declared, dataset=ref.dataset, entry=ref.entry, unit=ref.unit)
    with pytest.raises(UserError, match=f"{task}: .* cannot be told in '{unit}'"):
        kind_of(declared).check(wrong, load_protocol("finetune"))


@pytest.mark.parametrize("family", sorted({METRICS[name].family for name in METRICS}))
def test_every_family_of_metrics_has_a_kind(family: str) -> None:
    assert any(family in TASK_KINDS[name].families for name in TASK_KINDS)


@pytest.mark.parametrize("task", TOY.values())
def test_outputs_are_restored_to_the_labels_they_were_made_of(toy_home: Path, task: str) -> None:
    data = opened(task)
    rows = data.rows["test"]
    np.testing.assert_allclose(data.restore(rows, data.normalised[rows]), data.labels[rows], rtol=1e-12)


@pytest.mark.parametrize("task", TOY.values())
def test_only_the_training_split_decides_how_labels_are_normalised(toy_home: Path, task: str) -> None:
    data = opened(task)
    outside = np.ones(len(data.labels), dtype=bool)
    outside[data.rows["train"]] = False
    changed = np.where(outside, 1 - data.labels, data.labels)
    normalised = data.kind.normalisation(data.task, data.store, changed, data.rows["train"])
    assert (normalised.offset, normalised.scale) == (data.offset, data.scale)


def test_a_spectrum_is_normalised_point_by_point() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random((9000, 4)).astype(np.float32)
    train = np.arange(0, 9000, 2)
    made = Spectrum().normalisation(SimpleNamespace(), SimpleNamespace(), labels, train)
    np.testing.assert_allclose(made.offset, labels[train].mean(axis=0), rtol=1e-5)
    assert made.scale == pytest.approx((labels[train] - labels[train].mean(axis=0)).std(), rel=1e-5)


@pytest.mark.parametrize("name", TASK_KINDS)
def test_the_loss_is_lowest_at_the_label(name: str) -> None:
    kind, labels = TASK_KINDS[name](), torch.tensor([0.0, 1.0])
    for wanted in ("l1", "mse"):
        outputs = torch.tensor([0.7, 0.3], requires_grad=True)
        optimizer = torch.optim.Adam([outputs], lr=0.03)
        for _ in range(400):
            optimizer.zero_grad()
            kind.loss(wanted)(outputs, labels).backward()
            optimizer.step()
        torch.testing.assert_close(kind.activation(outputs.detach(), 0.0), labels, atol=0.05, rtol=0)


@pytest.mark.parametrize("name", TASK_KINDS)
def test_a_task_of_a_kind_refuses_what_is_not_of_it(name: str) -> None:
    kind, value, curve = TASK_KINDS[name](), SimpleNamespace(unit="eV"), SimpleNamespace(unit="1/eV")
    dataset = SimpleNamespace(targets={"value": value}, spectra={"curve": curve}, forces=None)

    def refused(target: str, metrics: list[str], protocol: str = "probe") -> str:
        declared = SimpleNamespace(target=target, metrics=metrics, unit=value.unit)
        ref = SimpleNamespace(
            id="d/t", task=declared, dataset=dataset, entry=SimpleNamespace(id="d"), unit=value.unit
        )
        with pytest.raises(UserError) as caught:
            kind.check(ref, load_protocol(protocol))
        return str(caught.value)

    mine = [metric for metric in METRICS if METRICS[metric].family in kind.families]
    others = [metric for metric in METRICS if METRICS[metric].family not in kind.families]
    (own,) = kind.columns(dataset)
    (foreign,) = {"value", "curve"} - {own}
    assert f"cannot predict '{foreign}', but: {own}" in refused(foreign, mine)
    assert f"metric '{others[0]}' does not fit a task of kind '{name}'" in refused(own, [mine[0], others[0]])


def test_force_tasks_need_forces_a_unit_that_fits_and_a_budget(toy_home: Path) -> None:
    (ref,) = Catalogue.load().tasks(["toy-frames/co"])
    kind, budget = kind_of(ref.task), load_protocol("finetune")
    kind.check(ref, budget)
    with pytest.raises(UserError, match="has no budget for forces"):
        kind.check(ref, budget.model_copy(update={"forces": None}))

    def with_forces(forces: object) -> SimpleNamespace:
        dataset = SimpleNamespace(targets=ref.dataset.targets, spectra={}, forces=forces)
        return SimpleNamespace(id=ref.id, task=ref.task, dataset=dataset, entry=ref.entry, unit=ref.unit)

    with pytest.raises(UserError, match="declares no forces"):
        kind.check(with_forces(None), budget)
    dipoles = with_forces(SimpleNamespace(unit="D"))
    dipoles.task = ref.task.model_copy(update={"unit": "D"})
    with pytest.raises(UserError, match="forces in D cannot belong to energies in kcal/mol"):
        kind.check(dipoles, budget)


def test_units_of_what_is_reported() -> None:
    forces = ForcePredictions(np.zeros(3), np.zeros(3), np.array([0, 3]), "eV/Å")
    predictions = Predictions(["a"], np.zeros(1), np.zeros(1), "eV", forces)
    task = Task(kind="forces", target="e", metrics=["force_mae"], unit="meV/Å", scheme="s", why="w")
    kind = kind_of(task)
    assert kind.units(task, METRICS["force_mae"], predictions) == ("eV/Å", "meV/Å")
    assert kind.units(task, METRICS["energy_mae"], predictions) == ("eV", "meV")


@pytest.mark.parametrize("protocol", ["finetune", "finetune-lite"])
def test_every_task_of_the_catalogue_is_one_its_kind_accepts(protocol: str) -> None:
    for ref in Catalogue.load().tasks(["*/*"]):
        kind_of(ref.task).check(ref, load_protocol(protocol))


def test_the_lite_budget_is_the_same_for_every_kind() -> None:
    protocol = load_protocol("finetune-lite")
    budgets = [TASK_KINDS[name]().budget(protocol) for name in TASK_KINDS]
    assert {budget.steps for budget in budgets if budget} == {600} and None not in budgets
    assert not protocol.overrides
