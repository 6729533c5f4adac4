"""How similar test molecules are to the nearest molecule that was trained on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from molbench.chem.fingerprint import WORDS, morgan
from molbench.chem.similarity import nearest
from molbench.spec.base import Spec

#: Molecules of a split that are looked at; of larger ones, a sample.
TEST, TRAIN = 1_000, 100_000
BINS = 10


class Nearest(Spec):
    """Histogram of the Tanimoto similarity (Morgan, radius 2, 2,048 bits) of test to its nearest in train.

    Attributes:
        test: Distinct test molecules looked at.
        of_test: Distinct test molecules there are.
        train: Distinct training molecules they were compared with.
        of_train: Distinct training molecules there are; where those are more, similarities are lower bounds.
        seed: Of the samples.
        counts: Molecules from 0 to 0.1, from 0.1 to 0.2 and so on; 1 is in the last bin.
        median: Of the similarities.
        maximum: Of the similarities.
    """

    test: int
    of_test: int
    train: int
    of_train: int
    seed: int
    counts: list[int]
    median: float
    maximum: float


class NearestTrain:
    """Similarities between splits of the same molecules; each molecule is fingerprinted once.

    Args:
        smiles: One SMILES a record, [n]; null where there is none.
        seed: Of the samples.
    """

    def __init__(self, smiles: pa.Array, seed: int) -> None:
        encoded = pc.dictionary_encode(pc.fill_null(smiles, ""))
        self._codes = encoded.indices.to_numpy()
        self._smiles = encoded.dictionary
        self._packed = np.zeros((len(self._smiles), WORDS), dtype=np.uint64)
        self._known = np.zeros(len(self._smiles), dtype=bool)
        self._seed = seed

    def __call__(self, train: np.ndarray, test: np.ndarray) -> Nearest | None:
        """The histogram of one scheme, or None where a side has no molecule that RDKit can read.

        Args:
            train: Training records, [m].
            test: Test records, [k].
        """
        there = [np.unique(self._codes[rows]) for rows in (train, test)]
        rng = np.random.default_rng(self._seed)
        samples = [
            np.sort(rng.permutation(codes)[:limit]) for codes, limit in zip(there, (TRAIN, TEST), strict=True)
        ]
        references, queries = (self._fingerprints(codes) for codes in samples)
        if not (len(references) and len(queries)):
            return None
        similarities = nearest(queries, references)
        counts, _ = np.histogram(similarities, bins=BINS, range=(0, 1))
        return Nearest(
            test=len(queries),
            of_test=len(there[1]),
            train=len(references),
            of_train=len(there[0]),
            seed=self._seed,
            counts=counts.tolist(),
            median=round(float(np.median(similarities)), 4),
            maximum=round(float(similarities.max()), 4),
        )

    def _fingerprints(self, codes: np.ndarray) -> np.ndarray:
        new = codes[~self._known[codes]]
        self._packed[new] = morgan(self._smiles.take(pa.array(new)).to_pylist())
        self._known[new] = True
        chosen = self._packed[codes]
        fingerprints: np.ndarray = chosen[chosen.any(axis=1)]
        return fingerprints
