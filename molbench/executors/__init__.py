"""Where work is executed: in this process, in others on this machine, elsewhere.

Evaluations, builds and sweeps hand in units of work, each a function's name with plain arguments. Other
packages add places through the entry-point group ``molbench.executors``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from molbench.registry import Registry

if TYPE_CHECKING:
    from molbench.executors.base import Executor

EXECUTORS: Registry[type[Executor]] = Registry("executor", __name__, "molbench.executors")
