"""Trackers that speak as Weights & Biases does: ``init``, ``log``, ``finish``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from molbench.training.trackers.base import PROJECT, Tracker, Values


class _Hosted(Tracker):
    """A run each of project ``molbench``; accounts and addresses are the package's own matter."""

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :meth:`Tracker.start`."""
        self._package = import_module(self.needs[0])
        self._package.init(project=PROJECT, name=run, config=dict(facts))

    def log(self, step: int, values: Values) -> None:
        """See :meth:`Tracker.log`."""
        self._package.log(dict(values), step=step)

    def end(self) -> None:
        """See :meth:`Tracker.end`."""
        self._package.finish()


class WeightsAndBiases(_Hosted):
    """https://wandb.ai."""

    name = "wandb"
    needs = ("wandb",)


class Trackio(_Hosted):
    """Curves on this machine, or in a Hugging Face space."""

    name = "trackio"
    needs = ("trackio",)
