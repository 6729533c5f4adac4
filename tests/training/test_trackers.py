"""Trackers of experiments are told every run, and none of them can end one."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from molbench.errors import UserError
from molbench.training.trackers import TRACKERS
from molbench.training.trackers import base as trackers_base
from molbench.training.trackers.base import Tracker, replay, tracked, trackers_of

LINES = [
    {"step": 1, "loss": 2.0, "lr": 0.1},
    {"step": 2, "loss": None, "lr": 0.1},
    {"step": 2, "validation": 0.5},
]


class Service(ModuleType):
    """Stands in for wandb or trackio, which speak alike."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.told: list[Any] = []

    def init(self, project: str, name: str, config: dict[str, Any]) -> None:
        self.told.append(("init", project, name, config))

    def log(self, values: dict[str, float], step: int) -> None:
        self.told.append((step, values))

    def finish(self) -> None:
        self.told.append("finish")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_hosted_trackers_are_told_the_curve_and_the_scores(
    name: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(name)
    monkeypatch.setitem(sys.modules, name, service)
    monkeypatch.setattr(trackers_base, "find_spec", lambda _package: True)
    replay(trackers_of(name, tmp_path), "run", {"seed": 0}, log, {"mae": 3.0})
    assert service.told == [
        ("init", "molbench", "run", {"seed": 0}),
        (1, {"loss": 2.0, "lr": 0.1}),
        (2, {"lr": 0.1}),
        (2, {"validation": 0.5}),
        (2, {"mae": 3.0}),
        "finish",
    ]


def test_tensorboard_writes_events(log: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    replay(trackers_of(["tensorboard"], tmp_path), "model/task", {"seed": 0}, log, {"mae": 3.0})
    events = accumulator.EventAccumulator(str(tmp_path / ".tensorboard" / "model" / "task"))
    events.Reload()
    assert [event.value for event in events.Scalars("validation")] == [0.5]
    assert [event.step for event in events.Scalars("lr")] == [1, 2]


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_what_is_not_installed_is_named_with_its_install_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers_base, "find_spec", lambda _package: None)
    with pytest.raises(UserError, match=rf"pip install 'molbench\[{name}\]'"):
        trackers_of(name, tmp_path)


def test_an_unknown_one_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown tracker 'wandbb' \(did you mean 'wandb'\?\)"):
        trackers_of("wandbb", tmp_path)


@pytest.mark.parametrize("broken", ["start", "log", "end"])
def test_one_that_fails_is_let_go_and_the_others_are_told(broken: str, tmp_path: Path) -> None:
    class Fake(Tracker):
        name, needs = "fake", ()

        def __init__(self, fails: str = "") -> None:
            self.fails, self.told = fails, []

        def _tell(self, what: str) -> None:
            if what == self.fails:
                raise OSError("the service is away")
            self.told.append(what)

        def start(self, run: str, facts: Any) -> None:
            self._tell("start")

        def log(self, step: int, values: Any) -> None:
            self._tell("log")

        def end(self) -> None:
            self._tell("end")

    bad, good = Fake(broken), Fake()
    with pytest.warns(UserWarning, match="the service is away"):
        replay([bad, good], "run", {}, tmp_path / "none", {"mae": math.pi})
    assert good.told == ["start", "log", "end"]


def test_a_run_that_fails_is_ended() -> None:
    with pytest.raises(ValueError, match="training"), tracked([], "run", {}):
        raise ValueError("training")
