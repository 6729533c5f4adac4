"""Split schemes: named generators that assign every record to train, validation or test."""

from molbench.data.splits.assign import SPLITTERS, assign, assignment_digest
from molbench.data.splits.expand import expand

__all__ = ["SPLITTERS", "assign", "assignment_digest", "expand"]
