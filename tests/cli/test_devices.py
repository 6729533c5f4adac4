"""Accelerators are chosen before torch is imported, and shared out by their own names."""

import os

import pytest
import torch

from molbench.cli.devices import require_devices, use_devices
from molbench.errors import UserError
from molbench.executors.base import DEVICES
from molbench.executors.request import ExecutorRequest


@pytest.mark.parametrize(("chosen", "visible"), [("cpu", ""), ("0", "0"), ("3,1", "3,1")])
def test_what_is_chosen_is_what_processes_see(
    monkeypatch: pytest.MonkeyPatch, chosen: str, visible: str
) -> None:
    monkeypatch.setenv(DEVICES, "7")
    use_devices(chosen)
    assert os.environ[DEVICES] == visible


@pytest.mark.parametrize("chosen", ["gpu", "0;1", "", "-1", "cuda:0"])
def test_what_is_no_device_is_told(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.delenv(DEVICES, raising=False)
    with pytest.raises(UserError, match="write cpu, or numbers of accelerators"):
        use_devices(chosen)
    assert DEVICES not in os.environ


def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    require_devices("cpu")
    require_devices("4")
    with pytest.raises(UserError, match="torch sees 1 of these accelerators"):
        require_devices("4,5")


@pytest.mark.parametrize(("visible", "names"), [(None, ("0", "1")), ("5,2", ("5", "2"))])
def test_workers_are_given_accelerators_by_their_own_names(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, names: tuple[str, ...]
) -> None:
    """Torch counts those it sees from zero, whatever they are called outside."""
    monkeypatch.delenv(DEVICES, raising=False)
    if visible:
        monkeypatch.setenv(DEVICES, visible)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert ExecutorRequest("local").make().devices == names
