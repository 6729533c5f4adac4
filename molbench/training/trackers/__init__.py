"""Where training curves are shown beside ``log.jsonl``.

Other packages add theirs through the entry-point group ``molbench.trackers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.training.trackers.base import Tracker

TRACKERS: Registry[type[Tracker]] = Registry("tracker", __name__, "molbench.trackers")
