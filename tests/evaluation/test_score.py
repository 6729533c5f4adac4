"""Scores are in the reported unit, and predictions in a wrong one are noticed."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import t

from molbench.errors import UserError
from molbench.evaluation.kinds import kind_of
from molbench.evaluation.prediction_columns import CLUSTERS
from molbench.evaluation.predictions import ForcePredictions, Predictions
from molbench.evaluation.score import record_scores, score
from molbench.spec.tasks import Task

HARTREE_EV = 27.211386245988


def _task(**changes: object) -> Task:
    return Task(
        **{"target": "homo", "metrics": ["mae", "r2"], "unit": "meV", "scheme": "s", "why": "w"} | changes
    )


def scale_warnings(task: Task, predictions: Predictions) -> list[str]:
    return kind_of(task).scale_warnings(task, predictions)


def _predictions(n: int = 50, unit: str = "Hartree", noise: float = 0.01) -> Predictions:
    rng = np.random.default_rng(0)
    target = rng.normal(size=n)
    return Predictions([str(i) for i in range(n)], target, target + noise * rng.normal(size=n), unit)


def test_units_are_converted_once_and_pure_numbers_never() -> None:
    predictions = _predictions()
    actual = score(_task(), predictions)
    expected = np.abs(predictions.prediction - predictions.target).mean() * HARTREE_EV * 1000
    assert actual["mae"].value == pytest.approx(expected, rel=1e-9)
    assert (actual["mae"].unit, actual["mae"].direction) == ("meV", "lower")
    assert (actual["r2"].unit, actual["r2"].direction) == ("1", "higher")
    assert actual["r2"].value <= 1
    errors = np.abs(predictions.prediction - predictions.target) * HARTREE_EV * 1000
    plain = t.ppf(0.975, 49) * errors.std(ddof=1) / np.sqrt(50)
    assert plain < actual["mae"].half_width < 1.2 * plain


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_predictions_that_are_not_finite_are_counted(wrong: float) -> None:
    predictions = _predictions()
    predictions.prediction[[3, 7]] = wrong
    with pytest.raises(UserError, match=r"^predictions are not finite \(2 of 50\)$"):
        score(_task(), predictions)
    forces = ForcePredictions(np.zeros(9), np.zeros(9), np.array([0, 3, 6, 9]), "meV/Å")
    forces.prediction[[0, 1, 8]] = wrong
    with pytest.raises(UserError, match=r"^predictions are not finite \(2 of 3\)$"):
        score(_task(), replace(predictions.take(np.arange(3)), forces=forces))
    spectra = Predictions(["a", "b"], np.ones((2, 4)), np.ones((2, 4)), "1")
    spectra.prediction[1] = wrong
    with pytest.raises(UserError, match=r"^predictions are not finite \(1 of 2\)$"):
        score(_task(), spectra)


def test_the_mean_of_the_records_own_scores_is_the_score() -> None:
    predictions = _predictions()
    errors = np.abs(predictions.prediction - predictions.target) * HARTREE_EV * 1000
    assert record_scores(_task(), predictions) == pytest.approx(errors)
    r2 = _task(metrics=["r2"])
    assert record_scores(r2, predictions).mean() == pytest.approx(score(r2, predictions)["r2"].value)


def test_records_that_share_something_make_a_wider_interval() -> None:
    predictions = _predictions(noise=0.1)
    order = np.argsort(np.abs(predictions.prediction - predictions.target))
    names = np.empty(50, dtype=object)
    names[order] = [f"scaffold:{i // 5}" for i in range(50)]
    clustered = replace(predictions, clusters=pa.array([[name] for name in names], CLUSTERS))
    alone, together = (score(_task(), actual)["mae"] for actual in (predictions, clustered))
    assert together.value == alone.value and together.half_width > 1.5 * alone.half_width


def test_force_tasks_report_forces_and_energies_in_matching_units() -> None:
    forces = ForcePredictions(
        np.zeros(150, np.float32), np.ones(150, np.float32), np.arange(0, 151, 3), "kcal/mol/Å"
    )
    predictions = replace(_predictions(unit="kcal/mol"), forces=forces)
    actual = score(_task(kind="forces", metrics=["force_mae", "energy_mae"], unit="meV/Å"), predictions)
    assert actual["force_mae"].value == pytest.approx(43.3641, rel=1e-5)
    assert (actual["force_mae"].unit, actual["energy_mae"].unit) == ("meV/Å", "meV")


@pytest.mark.parametrize(
    ("factor", "unit", "suspect"),
    [
        (HARTREE_EV, "Hartree", "looks like eV, expected"),
        (1 / HARTREE_EV, "eV", "looks like Hartree, expected"),
        (1000, "eV", "looks like meV, expected"),
        (627.509, "Hartree", "looks like kcal/mol, expected"),
        (1 / 2.541746, "D", "looks like e·a0, expected"),
    ],
)
def test_predictions_in_another_unit_are_noticed(factor: float, unit: str, suspect: str) -> None:
    good = _predictions(unit=unit)
    (warning,) = scale_warnings(_task(), replace(good, prediction=good.prediction * factor))
    assert suspect in warning


def test_good_weak_and_useless_models_are_not_suspected() -> None:
    good = _predictions()
    noise = np.random.default_rng(1).normal(size=50)
    for prediction in (good.prediction, good.prediction * 0.3, noise * 0.03, np.zeros(50), noise * 3):
        assert scale_warnings(_task(), replace(good, prediction=prediction)) == []


def test_a_spread_beyond_reason_is_noticed_whatever_its_factor() -> None:
    (warning,) = scale_warnings(
        _task(), replace(_predictions(), prediction=100 * np.random.default_rng(1).normal(size=50))
    )
    assert "far too wide" in warning


def test_classes_need_probabilities() -> None:
    predictions = Predictions(["a", "b"], np.array([0.0, 1.0]), np.array([-2.0, 3.0]), "1")
    assert (
        "probabilities"
        in scale_warnings(_task(kind="classification", metrics=["auroc"], unit="1"), predictions)[0]
    )
