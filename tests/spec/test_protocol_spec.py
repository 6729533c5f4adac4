"""Budgets in steps and in epochs, and what a protocol does differently on some tasks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from molbench.spec.protocol import Protocol
from molbench.spec.training import Budget


def protocol(**changes: Any) -> Protocol:
    values = {"name": "p", "description": "d", "kind": "finetune", "training": {"epochs": 5}}
    return Protocol.model_validate(values | changes)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.integers(1, 3000), st.integers(1, 300), st.integers(1, 4))
def test_epochs_are_steps_that_see_every_record(epochs: int, records: int, batch: int, micro: int) -> None:
    budget = Budget(epochs=epochs, batch_size=batch, accumulate=micro)
    counted = budget.in_steps(records)
    per_epoch = counted.steps // epochs
    assert counted.steps == epochs * per_epoch
    assert (per_epoch - 1) * batch * micro < records <= per_epoch * batch * micro
    assert counted.in_steps(records) == counted
    assert Budget(steps=7).in_steps(records) == Budget(steps=7)


def test_a_budget_is_in_one_unit() -> None:
    with pytest.raises(ValidationError, match="needs steps or epochs"):
        Budget(batch_size=4)
    with pytest.raises(ValidationError, match="not in both"):
        Budget(steps=4, epochs=4)


def test_what_was_added_later_is_in_dumps_only_where_it_is_set() -> None:
    plain = protocol(training={"steps": 5})
    added = {
        "loss",
        "force_loss",
        "head",
        "standardise",
        "hydrogens",
        "select",
        "logit_threshold",
        "overrides",
    }
    assert not added & plain.model_dump().keys()
    assert not {"epochs", "patience"} & plain.model_dump()["training"].keys()
    full = protocol(
        training={"epochs": 5, "patience": 2},
        loss="mse",
        force_loss="mse",
        head="published",
        standardise=False,
        hydrogens=False,
        select="metric",
        logit_threshold=0.5,
        overrides=[{"tasks": ["*"], "hydrogens": True}],
    )
    assert added <= full.model_dump().keys()
    assert full.model_dump()["training"]["patience"] == 2
    for each in (plain, full):
        assert Protocol.model_validate(each.model_dump()) == each
        assert Protocol.model_validate_json(each.model_dump_json()) == each


def test_later_overrides_win_and_others_stay_out() -> None:
    actual = protocol(
        training={"epochs": 5, "lr": 1e-3},
        overrides=[
            {"tasks": ["a/*"], "training": {"lr": 2e-3}, "hydrogens": False},
            {"tasks": ["b/*", "a/x*"], "training": {"batch_size": 8, "lr": 3e-3}, "logit_threshold": 0.5},
        ],
    )
    first, both, none = (actual.on(task) for task in ("a/y", "a/x@kfold", "c/x"))
    assert first == protocol(training={"epochs": 5, "lr": 2e-3}, hydrogens=False)
    assert both == protocol(
        training={"epochs": 5, "lr": 3e-3, "batch_size": 8}, hydrogens=False, logit_threshold=0.5
    )
    assert none == protocol(training={"epochs": 5, "lr": 1e-3})
    assert both.on("a/x@kfold") == both


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"overrides": [{"tasks": ["*"], "training": {"rate": 1}}]}, "rate"),
        ({"overrides": [{"tasks": ["*"], "training": {"steps": 3}}]}, "not in both"),
        ({"overrides": [{"tasks": []}]}, "at least 1"),
        ({"overrides": [{"tasks": ["*"], "evaluations": 3}]}, "evaluations"),
        ({"kind": "probe", "training": None, "alphas": [1.0], "hydrogens": False}, "no hydrogens"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        protocol(**changes)
