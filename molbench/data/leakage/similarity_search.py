"""Which fingerprints have a near neighbour in a corpus that streams past."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from molbench.chem.fingerprint import BITS, bit_counts, unpack

_ROWS = 1024
_PAIRS = 1 << 17
_STRIDE = 8
_SLACK = 1e-9


class SimilaritySearch:
    """Marks the fingerprints that some fingerprint of a corpus is as similar to as a threshold.

    Most pairs are never compared. Two fingerprints as similar as t share at least t of the bits of the
    larger, so with the bits of all in one order, the first |x| - ceil(t |x|) + 1 bits of either have one in
    common: at t = 0.9, five of forty. Those prefixes, rare bits first, are an inverted index; what it finds
    is compared in full. Once marked, a fingerprint is searched for no longer.

    Args:
        packed: Fingerprints to mark, [n, 32] uint64; one without a bit has no neighbour.
        threshold: Tanimoto similarity, above 0.

    Attributes:
        similar: Whether each has a neighbour so far, [n] bool.
        compared: Pairs that were compared in full so far.

    References:
        Bayardo, Ma and Srikant, Scaling up all pairs similarity search, WWW 2007 (prefix filtering).
    """

    def __init__(self, packed: np.ndarray, threshold: float) -> None:
        self.similar = np.zeros(len(packed), dtype=bool)
        self.compared = 0
        self._threshold = threshold
        self._packed, self._counts = packed, bit_counts(packed)
        self._some_words = np.ascontiguousarray(packed[:, ::_STRIDE])
        frequency = np.zeros(BITS, dtype=np.int64)
        for start in range(0, len(packed), _ROWS):
            frequency += unpack(packed[start : start + _ROWS]).sum(axis=0, dtype=np.int64)
        self._order = np.argsort(frequency, kind="stable")
        self._prefixes = self._prefix_matrix(packed)

    def look_up(self, corpus: np.ndarray) -> None:
        """Mark the neighbours of some fingerprints of the corpus.

        Args:
            corpus: Packed fingerprints, [m, 32] uint64.
        """
        corpus = corpus[np.argsort(bit_counts(corpus), kind="stable")]
        for start in range(0, len(corpus), _ROWS):
            block = corpus[start : start + _ROWS]
            fewest, most = bit_counts(block[[0, -1]])
            # Tanimoto never exceeds the ratio of the numbers of bits.
            low, high = self._threshold * fewest - _SLACK, most / self._threshold + _SLACK
            open_ = np.flatnonzero(
                ~self.similar & (self._counts > 0) & (self._counts >= low) & (self._counts <= high)
            )
            if not open_.size:
                continue
            pairs = (self._prefix_matrix(block) @ self._prefixes[open_].T).tocoo()
            for first in range(0, pairs.nnz, _PAIRS):
                some = slice(first, first + _PAIRS)
                self._compare(block, pairs.row[some], open_[pairs.col[some]])

    def _compare(self, block: np.ndarray, theirs: np.ndarray, mine: np.ndarray) -> None:
        # Bits that differ are at most a share of all; a few words, which stay in the processor's cache, show
        # nearly always that there are more.
        share = (1 - self._threshold) / (1 + self._threshold)
        allowed = share * (bit_counts(block)[theirs] + self._counts[mine]) + _SLACK
        near = bit_counts(block[:, ::_STRIDE][theirs] ^ self._some_words[mine]) <= allowed
        theirs, mine = theirs[near], mine[near]
        shared = bit_counts(block[theirs] & self._packed[mine])
        together = bit_counts(block[theirs] | self._packed[mine])
        self.similar[mine[shared >= self._bound(together)]] = True
        self.compared += mine.size

    def _bound(self, counts: np.ndarray) -> np.ndarray:
        """Bits that make up the share ``threshold``; the slack keeps 0.9 of 10 at 9."""
        bound: np.ndarray = np.ceil(self._threshold * counts - _SLACK)
        return bound

    def _prefix_matrix(self, packed: np.ndarray) -> csr_array:
        """Ones at the first bits of each fingerprint, rare bits first, [n, 2048]."""
        columns, sizes = [], [np.zeros(1, dtype=np.int64)]
        for start in range(0, len(packed), _ROWS):
            bits = unpack(packed[start : start + _ROWS])[:, self._order]
            counts = bits.sum(axis=1, dtype=np.int64)
            length = counts - self._bound(counts) + 1
            prefix = (bits > 0) & (bits.cumsum(axis=1, dtype=np.uint16) <= length[:, None])
            columns.append(np.nonzero(prefix)[1])
            sizes.append(prefix.sum(axis=1))
        indices = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
        ones = np.ones(indices.size, dtype=np.int32)
        return csr_array((ones, indices, np.concatenate(sizes).cumsum()), shape=(len(packed), BITS))
