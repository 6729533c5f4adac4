"""Which test molecules a pretraining corpus holds too."""

from molbench.data.leakage.attach import contamination, overlap_with
from molbench.data.leakage.matrix import Matrix, Overlap
from molbench.data.leakage.overlap import overlap_matrix

__all__ = ["Matrix", "Overlap", "contamination", "overlap_matrix", "overlap_with"]
