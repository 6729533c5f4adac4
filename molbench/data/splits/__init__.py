"""Split schemes: named generators that assign every record to train, validation or test."""

from molbench.data.splits.assign import SPLITTERS, assign, assignment_digest

__all__ = ["SPLITTERS", "assign", "assignment_digest"]
