"""Split schemes: named generators that assign every record to train, validation or test."""

from molbench.data.build.splits.assign import SPLITTERS, assign
from molbench.data.build.splits.expand import expand

__all__ = ["SPLITTERS", "assign", "expand"]
