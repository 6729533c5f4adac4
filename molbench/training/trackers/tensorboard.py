"""Event files for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from molbench.training.trackers.base import Tracker, Values


class TensorBoard(Tracker):
    """One folder of events a run, in ``.tensorboard``."""

    name = "tensorboard"
    needs = ("tensorboard",)

    def start(self, run: str, facts: Mapping[str, Any]) -> None:
        """See :meth:`Tracker.start`."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder / run))
        self._writer.add_text("facts", "\n".join(f"    {name}: {value}" for name, value in facts.items()))

    def log(self, step: int, values: Values) -> None:
        """See :meth:`Tracker.log`."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def end(self) -> None:
        """See :meth:`Tracker.end`."""
        self._writer.close()
