"""Searching a corpus for near neighbours of test molecules, against comparing every pair, in one run.

``python -m benchmarks.overlap --test 130000 --corpus 100000``: synthetic fingerprints with as many bits as
drug-like molecules have, in a like spread of frequencies, one test molecule in ten a near copy of one of the
corpus. Memory does not depend on the corpus, which is drawn chunk by chunk as it would be read.
"""

import argparse
import resource
import time
from collections.abc import Iterator

import numpy as np
from rdkit import DataStructs

from benchmarks.record import Measured, options_of, report
from molbench.chem.fingerprint import BITS
from molbench.chem.similarity import nearest
from molbench.data.leakage.similarity_search import SimilaritySearch

CHUNK = 16_384
THRESHOLD = 0.9


def draw(n: int, mean_bits: float, seed: int) -> np.ndarray:
    """Fingerprints whose bits are independent, frequencies falling as one over the rank, [n, 32] uint64."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(8, BITS + 8)
    frequency = np.minimum(0.95, weights * mean_bits / weights.sum())
    pieces = []
    for start in range(0, n, CHUNK):
        bits = rng.random((min(CHUNK, n - start), BITS), dtype=np.float32) < frequency
        pieces.append(np.packbits(bits, axis=1, bitorder="little").view(np.uint64))
    return np.concatenate(pieces)


def corpus(n: int, mean_bits: float) -> Iterator[np.ndarray]:
    """The corpus in chunks."""
    for number, start in enumerate(range(0, n, CHUNK)):
        yield draw(min(CHUNK, n - start), mean_bits, 1000 + number)


def planted(test: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Test fingerprints of which one in ten is that of a corpus molecule with one bit flipped."""
    rng = np.random.default_rng(1)
    rows = np.arange(0, len(test), 10)[: len(first)]
    test[rows] = first[: rows.size]
    test[rows, rng.integers(0, 32, rows.size)] ^= np.uint64(1) << rng.integers(
        0, 64, rows.size, dtype=np.uint64
    )
    return test


def main() -> None:
    """Search, and compare a sample of the corpus with everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", type=int, default=20_000)
    parser.add_argument("--corpus", type=int, default=20_000)
    parser.add_argument("--bits", type=float, default=45.0, help="mean number of bits of a molecule")
    options = options_of(parser, toy={"test": 200, "corpus": 200})

    test = planted(draw(options.test, options.bits, 0), next(corpus(options.corpus, options.bits)))
    search = SimilaritySearch(test, THRESHOLD)
    seconds = 0.0
    for chunk in corpus(options.corpus, options.bits):
        start = time.perf_counter()
        search.look_up(chunk)
        seconds += time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    sample = next(corpus(options.corpus, options.bits))[:50]
    vectors = [DataStructs.CreateFromBinaryText(row.tobytes()) for row in test]
    start = time.perf_counter()
    exact = np.zeros(len(test), dtype=bool)
    for row in sample:
        query = DataStructs.CreateFromBinaryText(row.tobytes())
        exact |= np.array(DataStructs.BulkTanimotoSimilarity(query, vectors)) >= THRESHOLD - 1e-9
    rdkit = (time.perf_counter() - start) / len(sample)
    assert not (exact & ~search.similar).any()  # noqa: S101  the search misses nothing that RDKit finds

    start = time.perf_counter()
    nearest(sample, test)
    dense = (time.perf_counter() - start) / len(sample)
    pairs = options.test * options.corpus
    whole = {
        "every pair with RDKit": rdkit * options.corpus,
        "every pair in a sparse product": dense * options.corpus,
    }
    rows = [Measured("search", {"s": seconds})]
    rows += [Measured(name, {"s": taken, "× search": taken / seconds}) for name, taken in whole.items()]
    report(
        options,
        rows,
        test=options.test,
        corpus=options.corpus,
        found=int(search.similar.sum()),
        pairs_in_a_million_compared_in_full=1e6 * search.compared / pairs,
        peak_MB=peak / 1024,
    )


if __name__ == "__main__":
    main()
